"""What a person sees in JupyterLab while a scan runs."""

import json

import pytest

from tests.system.lab import (
    SECOND,
    open_notebook,
    open_page,
    run_cell,
    running_lab,
    wait_until_done,
    write_notebook,
)

# So long, because it may have to install the browser.
pytestmark = [pytest.mark.keeps_threads, pytest.mark.timeout(400)]

SCAN = "%scan line_scan samx -5 5 --steps 1000 --exp-time 0.1 --fit Gaussian"


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    folder = tmp_path_factory.mktemp("lab")
    with running_lab(folder) as address:
        yield folder, address


def drawn(page, points):
    """Wait until the plot shows at least so many points."""
    page.wait_for_function(
        f'() => +document.querySelector(".bec-card .plot")?.dataset.drawn >= {points}',
        timeout=30 * SECOND,
    )


def outputs_of(folder, name, cell):
    return json.loads((folder / name).read_text())["cells"][cell]["outputs"]


def test_a_card_updates_beside_the_blocked_cell_and_its_abort_works(lab):
    folder, address = lab
    write_notebook(folder / "live.ipynb", "%instance --private", SCAN, "1 + 1")
    with open_page() as page:
        open_notebook(page, address, "live.ipynb")
        run_cell(page, 0)
        wait_until_done(page, 0)
        run_cell(page, 1)
        drawn(page, 3)
        drawn(page, 8)  # it goes on, while the cell is blocked
        assert "[*]" in page.locator(".jp-InputPrompt").nth(1).inner_text()
        assert page.locator(".bec-card td").count() > 0
        page.locator(".bec-card .abort").click()
        wait_until_done(page, 1)
        cell = page.locator(".jp-CodeCell").nth(1)
        cell.get_by_text("aborted").first.wait_for(timeout=10 * SECOND)
        cell.locator(".jp-RenderedSVG").wait_for(timeout=10 * SECOND)
        page.locator(".bec-card").wait_for(state="detached", timeout=10 * SECOND)
        run_cell(page, 2)  # the next command works
        wait_until_done(page, 2)
        page.keyboard.press("Control+s")
        page.locator(".jp-mod-dirty").wait_for(state="detached", timeout=10 * SECOND)
        page.reload()
        again = page.locator(".jp-CodeCell").nth(1)
        again.locator(".jp-RenderedSVG").wait_for(timeout=60 * SECOND)
        assert page.get_by_text("model not found").count() == 0
    view, result, *_ = outputs_of(folder, "live.ipynb", 1)
    assert view["data"]["application/vnd.jupyter.widget-view+json"]["model_id"] == ""
    assert len("".join(result["data"]["image/svg+xml"])) < 100_000


@pytest.mark.browser
def test_a_card_is_whole_on_a_page_that_was_loaded_again_meanwhile(lab):
    folder, address = lab
    scan = SCAN.replace("1000", "100")
    write_notebook(folder / "again.ipynb", "%instance --private", scan)
    with open_page() as page:
        open_notebook(page, address, "again.ipynb")
        run_cell(page, 0)
        wait_until_done(page, 0)
        run_cell(page, 1)
        drawn(page, 3)
        page.keyboard.press("Control+s")
        page.locator(".jp-mod-dirty").wait_for(state="detached", timeout=10 * SECOND)
        page.reload()
        drawn(page, 100)
        page.locator(".bec-card .state", has_text="closed").wait_for()


@pytest.mark.browser
def test_pause_and_resume_work_beside_the_blocked_cell(lab):
    folder, address = lab
    write_notebook(folder / "pause.ipynb", "%instance --private", SCAN)
    with open_page() as page:
        open_notebook(page, address, "pause.ipynb")
        run_cell(page, 0)
        wait_until_done(page, 0)
        run_cell(page, 1)
        drawn(page, 3)
        page.locator(".bec-card .pause").click()
        page.locator(".bec-card .state", has_text="paused").wait_for()
        page.locator(".bec-card .resume").click()
        page.locator(".bec-card .state", has_text="running").wait_for()
        drawn(page, 20)
        page.locator(".bec-card .abort").click()
        wait_until_done(page, 1)
