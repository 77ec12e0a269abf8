"""What is installed is the whole, and only that: as a wheel and as an editable tree."""

import json
import os
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = {
    "bec_kernel": ROOT / "bec_kernel",
    "bec_services": ROOT / "bec_services",
    "bec_live": ROOT / "extensions" / "bec_live",
    "bec_sim": ROOT / "extensions" / "bec_sim",
    "bec_magics": ROOT / "magics" / "bec_magics",
    "jupyterlab_bec": ROOT / "extensions" / "jupyterlab_bec",
}
PROBE = """
import importlib, importlib.metadata, json, pathlib
from jupyter_client.kernelspec import find_kernel_specs
from jupyter_core.paths import jupyter_path
found = {}
for name in PACKAGES:
    package = importlib.import_module(name)
    folder = pathlib.Path(package.__file__).parent
    assert (folder / "py.typed").exists(), name
    found[name] = str(folder)
labextensions = [
    str(path)
    for folder in jupyter_path("labextensions")
    for path in pathlib.Path(folder).glob("jupyterlab-bec")
]
print(json.dumps({
    "packages": found,
    "kernels": find_kernel_specs(),
    "labextensions": labextensions,
    "version": importlib.metadata.version("bec-notebook"),
}))
"""


def run(*command: str | Path, cwd: Path) -> str:
    # Away from the tree, and without the paths pytest was given, so that only what
    # is installed is found.
    clean = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
    done = subprocess.run(
        [str(word) for word in command],
        cwd=cwd,
        env=clean,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The wheel, built by the backend itself: no network, no isolated environment."""
    folder = tmp_path_factory.mktemp("wheel")
    run(
        sys.executable,
        "-m",
        "hatchling",
        "build",
        "-t",
        "wheel",
        "-d",
        folder,
        cwd=ROOT,
    )
    [built] = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installer(tmp_path_factory):
    """A Python with pip, which the environment of the tests need not have."""
    folder = tmp_path_factory.mktemp("installer")
    venv.create(folder, with_pip=True)
    return folder / "bin" / "python"


@pytest.fixture
def environment(tmp_path):
    """A new environment: our dependencies are there, we are not."""
    venv.create(tmp_path / "env")
    # A folder named in a .pth file is searched, but its own .pth files, such as the
    # one of our editable installation, are not read.
    site = Path(
        sysconfig.get_path("purelib", vars={"base": str(tmp_path / "env")}),
    )
    (site / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return tmp_path / "env"


def install(installer: Path, environment: Path, *what: str | Path) -> dict[str, object]:
    """Install without network, then say what the new environment finds."""
    python = environment / "bin" / "python"
    # --ignore-installed: the environment of the tests is in sight, and must stay.
    flags = ("--quiet", "--no-index", "--no-deps", "--ignore-installed")
    offline = (*flags, "--no-build-isolation", "--disable-pip-version-check")
    pip = (installer, "-m", "pip", "--python", python)
    run(*pip, "install", *offline, *what, cwd=environment)
    probe = f"PACKAGES = {sorted(PACKAGES)}\n{PROBE}"
    return json.loads(run(python, "-c", probe, cwd=environment))


def check_installed(environment: Path, found: dict[str, object]) -> None:
    share = environment / "share" / "jupyter"
    assert found["kernels"]["bec"] == str(share / "kernels" / "bec")
    assert found["labextensions"] == [str(share / "labextensions" / "jupyterlab-bec")]
    config = environment / "etc" / "jupyter" / "jupyter_server_config.d"
    assert (config / "jupyterlab_bec.json").exists()
    said = run(environment / "bin" / "bec", "--help", cwd=environment)
    assert "scan" in said


def sources(package: Path) -> set[str]:
    """Python, scripts and documents of a package, as they lie in the tree."""
    kept = {".py", ".js", ".json", ".md", ".typed", ".css", ".conf"}
    return {
        path.relative_to(package.parent).as_posix()
        for path in package.rglob("*")
        if path.suffix in kept or path.name == "py.typed"
    }


def test_the_wheel_holds_exactly_our_packages_and_shared_files(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    tops = {name.split("/")[0] for name in names}
    meta = {top for top in tops if top.endswith((".dist-info", ".data"))}
    assert tops - meta == PACKAGES.keys()
    shared = {name.split("/data/")[1] for name in names if "/data/" in name}
    assert "share/jupyter/kernels/bec/kernel.json" in shared
    assert "share/jupyter/labextensions/jupyterlab-bec/package.json" in shared
    assert "etc/jupyter/jupyter_server_config.d/jupyterlab_bec.json" in shared


def test_the_wheel_holds_every_source_file(wheel):
    names = set(zipfile.ZipFile(wheel).namelist())
    wanted = set().union(*(sources(package) for package in PACKAGES.values()))
    assert wanted - names == set()


def test_an_installed_wheel_runs(wheel, installer, environment):
    found = install(installer, environment, wheel)
    assert all("site-packages" in folder for folder in found["packages"].values())
    check_installed(environment, found)


def test_an_editable_installation_runs_from_the_tree(installer, environment):
    found = install(installer, environment, "--editable", ROOT)
    tree = {name: str(folder) for name, folder in PACKAGES.items()}
    assert found["packages"] == tree
    check_installed(environment, found)
