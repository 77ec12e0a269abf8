"""JupyterLab and a browser, for tests that look at what a person sees."""

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest
from playwright.sync_api import Page, sync_playwright

CHROMIUM = "/usr/bin/chromium"
INSTALL = ["apt-get", "install", "-y", "--no-install-recommends", "chromium"]
START = 60.0
SECOND = 1000  # ms, as playwright counts


def chromium() -> str:
    """Return the browser's path; install it where that is possible."""
    found = shutil.which("chromium") or CHROMIUM
    if not Path(found).exists() and os.getuid() == 0:
        subprocess.run(["apt-get", "update"], check=False, capture_output=True)
        subprocess.run(INSTALL, check=False, capture_output=True)
    if not Path(found).exists():
        pytest.fail(f"no Chromium at {found}; install it: {' '.join(INSTALL)}")
    return found


def write_notebook(path: Path, *sources: str) -> None:
    cells = [nbformat.v4.new_code_cell(source) for source in sources]
    kernel = {"name": "bec", "display_name": "BEC", "language": "python"}
    notebook = nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernel})
    nbformat.write(notebook, path)


@contextlib.contextmanager
def running_lab(folder: Path) -> Iterator[str]:
    """Run JupyterLab on `folder`; give its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = os.environ | {
        "JUPYTER_CONFIG_DIR": str(folder / "config"),
        "IPYTHONDIR": str(folder / "ipython"),
        "XDG_RUNTIME_DIR": str(folder),
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
    }
    options = ["--no-browser", "--log-level=INFO", f"--port={port}"]
    options += ["--IdentityProvider.token=", f"--ServerApp.root_dir={folder}"]
    lab = subprocess.Popen(
        [sys.executable, "-m", "bec_kernel.jupyter.lab", *options],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    up = threading.Event()
    reader = threading.Thread(target=_read, args=(lab, up))
    reader.start()
    try:
        assert up.wait(START), "JupyterLab did not start"
        yield f"http://127.0.0.1:{port}"
    finally:
        lab.terminate()
        lab.wait(START)
        reader.join(START)


def _read(lab: "subprocess.Popen[str]", up: threading.Event) -> None:
    """Read all it says, so that it never blocks on a full pipe."""
    assert lab.stderr is not None
    for line in lab.stderr:
        if "is running at" in line:
            up.set()
    lab.stderr.close()


@contextlib.contextmanager
def open_page() -> Iterator[Page]:
    """Open a browser with one page; no error of our script goes unseen."""
    errors: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium(),
            args=["--no-sandbox", "--disable-dev-shm-usage"],
        )
        page = browser.new_page(viewport={"width": 1200, "height": 1000})
        page.on("pageerror", lambda error: errors.append(str(error)))
        yield page
        browser.close()
    assert errors == []


def open_notebook(page: Page, address: str, name: str) -> None:
    """Open a notebook and wait until its kernel is ready."""
    page.goto(f"{address}/lab/tree/{name}?reset")
    page.locator(".jp-CodeCell").first.wait_for(timeout=60 * SECOND)
    page.get_by_text("| Idle").wait_for(timeout=60 * SECOND)


def run_cell(page: Page, number: int) -> None:
    page.locator(".jp-CodeCell .cm-content").nth(number).click()
    page.keyboard.press("Shift+Enter")


def wait_until_done(page: Page, number: int) -> None:
    """Wait until the cell has a number instead of a star."""
    done = f'() => /\\d/.test(document.querySelectorAll(".jp-InputPrompt")[{number}]'
    page.wait_for_function(f"{done}?.textContent)", timeout=60 * SECOND)
