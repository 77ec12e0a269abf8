"""The first notebook is compared for real: what changes is seen."""

import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
import yaml

ROOT = Path(__file__).parents[2]
NOTEBOOK = ROOT / "notebooks" / "01_first_scan.ipynb"
DEVICES = ROOT / "extensions" / "bec_sim" / "demo_virtual.yaml"
CENTRE = re.compile(r"centre (\d+\.\d+) mm")

pytestmark = pytest.mark.timeout(180)


def nbval(path):
    """Run the notebook as `uv run pytest` does: strict, nothing sanitized."""
    options = ["-q", "-p", "no:cacheprovider", "--rootdir", str(path.parent)]
    options += ["-c", str(ROOT / "pyproject.toml"), "-o", "addopts="]
    return subprocess.run(
        [sys.executable, "-m", "pytest", "--nbval", *options, str(path)],
        capture_output=True,
        text=True,
        timeout=150,
        check=False,
    )


def stored(cell):
    return "".join(output.get("text", "") for output in cell.get("outputs", []))


@pytest.fixture
def notebook():
    return nbformat.read(NOTEBOOK, as_version=4)


def test_every_step_of_the_first_notebook_has_stored_something(notebook):
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert sum(bool(cell.outputs) for cell in code) >= 8
    assert notebook.metadata.kernelspec.name == "bec"
    text = nbformat.writes(notebook)
    assert "NBVAL" not in text
    assert len(text) < 100_000


@pytest.mark.chaos
def test_one_changed_number_is_seen(notebook, tmp_path):
    cell = next(c for c in notebook.cells if c.source.startswith("%mv samx"))
    (output,) = cell.outputs
    text = output.data["text/plain"]
    output.data["text/plain"] = re.sub(r"(samx\s+\S+\s+)1 ", r"\g<1>2 ", text)
    assert output.data["text/plain"] != text
    del notebook.cells[notebook.cells.index(cell) + 1 :]
    path = tmp_path / NOTEBOOK.name
    nbformat.write(notebook, path)
    result = nbval(path)
    assert result.returncode == 1, result.stdout[-3000:]
    assert "1 failed" in result.stdout


def test_another_sigma_of_one_simulated_device_is_seen(notebook, tmp_path):
    devices = yaml.safe_load(DEVICES.read_text())
    devices["bpm4i"]["deviceConfig"]["params"]["sigma"] *= 1.01
    changed = tmp_path / "devices.yaml"
    changed.write_text(yaml.safe_dump(devices))
    (cell,) = [cell for cell in notebook.cells if "%instance" in cell.source]
    cell.source += f" --devices {changed}"
    path = tmp_path / NOTEBOOK.name
    nbformat.write(notebook, path)
    result = nbval(path)
    assert result.returncode == 1, result.stdout[-3000:]
    failed = set(re.findall(r"FAILED \S+?::Cell (\d+)", result.stdout))
    numbers = [c for c in notebook.cells if c.cell_type == "code"]
    scan = next(n for n, c in enumerate(numbers) if "%scan line" in c.source)
    fit = next(n for n, c in enumerate(numbers) if CENTRE.search(stored(c)))
    assert {str(scan), str(fit)} <= failed, result.stdout[-3000:]
