"""Plant each fault in a copy of the product: the test named beside it must fail.

``uv run pytest -m mutations`` plants all of them; the default run plants a sample, and
checks that each fault still has its place and its test.
"""

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.mutations.faults import FAULTS, SAMPLE, Fault

ROOT = Path(__file__).parents[2]
PRODUCT = ("bec_kernel", "bec_services", "magics", "extensions")
SOURCES = tuple(
    path for room in PRODUCT for path in sorted((ROOT / room).rglob("*.py"))
)
TESTS = tuple(sorted((ROOT / "tests").rglob("test_*.py")))
PASSED, FAILED = 0, 1  # exit codes of pytest; a broken import has another one
ASTRAY = 90
GUARD = f"""
import sys
from pathlib import Path
import pytest

def pytest_sessionfinish(session):
    ours = ("bec_kernel", "bec_services", "bec_magics", "bec_live", "jupyterlab_bec")
    found = [
        module.__file__
        for name, module in list(sys.modules.items())
        if name.split(".")[0] in ours and getattr(module, "__file__", None)
    ]
    astray = [one for one in found if session.config.rootpath not in Path(one).parents]
    if astray or not found:
        pytest.exit(f"not imported from the copy: {{astray[:3]}}", {ASTRAY})
"""


def place_of(fault: Fault) -> Path:
    """Find the only source file that holds the code of a fault."""
    counts = {path: path.read_text().count(fault.code) for path in SOURCES}
    found = {str(path.relative_to(ROOT)): n for path, n in counts.items() if n}
    assert sum(found.values()) == 1, (
        f"{fault.name}: its code must stand exactly once in the product, not {found}: "
        f"{fault.code}"
    )
    return Path(next(iter(found)))


def id_of(name: str) -> str:
    """Find the only test function of this name, as pytest wants it: `path::name`."""
    line = re.compile(rf"^def {name}\(", re.MULTILINE)
    found = [path for path in TESTS if line.search(path.read_text())]
    assert len(found) == 1, f"{name} must be defined in exactly one file, not {found}"
    return f"{found[0].relative_to(ROOT)}::{name}"


def copied(folder: Path) -> Path:
    """Copy product and tests, with a guard that nothing else is imported.

    Compiled files come along, as compiling takes seconds; those that another worker is
    just writing have a longer name.
    """
    unfinished = shutil.ignore_patterns("*.pyc.*")
    for name in (*PRODUCT, "tests"):
        shutil.copytree(ROOT / name, folder / name, ignore=unfinished)
    shutil.copy2(ROOT / "pyproject.toml", folder)
    (folder / "notebooks").mkdir()
    (folder / "conftest.py").write_text(GUARD)
    return folder


def plant(fault: Fault, root: Path) -> None:
    """Change the copy."""
    path = root / place_of(fault)
    path.write_text(path.read_text().replace(fault.code, fault.wrong))
    for compiled in (path.parent / "__pycache__").glob(f"{path.stem}.*"):
        compiled.unlink()  # two texts of one length and second look the same to Python


def run(root: Path, tests: list[str]) -> tuple[int, str]:
    """Run tests of the copy; return pytest's exit code and all it printed."""
    outer = ("PYTEST_", "BEC_", "COV_")
    env = {n: text for n, text in os.environ.items() if not n.startswith(outer)}
    paths = (root, root / "magics", root / "extensions")
    env["PYTHONPATH"] = os.pathsep.join(map(str, paths))  # of processes they start, too
    words = ["-n", "0", "-q", "-x", "-p", "no:cacheprovider", "--tb", "short"]
    words += ["--rootdir", str(root), "--basetemp", str(root.parent / "base")]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *words, *tests],
        cwd=root,
        env=env,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    )
    return done.returncode, done.stdout


def is_caught(fault: Fault, folder: Path) -> float:
    """Plant a fault and assert that its test fails; return how long that took, s."""
    started = time.monotonic()
    root = copied(folder / "copy")
    plant(fault, root)
    code, printed = run(root, [id_of(fault.test)])
    assert code == FAILED, f"not caught by {fault.test} (exit code {code}):\n{printed}"
    assert re.search(rf"^FAILED .*::{fault.test}\b", printed, re.MULTILINE), printed
    return time.monotonic() - started


def named(fault: Fault) -> str:
    return fault.name.replace(" ", "-")


@pytest.mark.parametrize("fault", FAULTS, ids=named)
def test_each_fault_has_its_place_and_its_test(fault: Fault) -> None:
    source = (ROOT / place_of(fault)).read_text()
    assert id_of(fault.test)
    words = set(re.findall(r"[A-Za-z_]\w*", fault.wrong))
    unknown = {word for word in words if not re.search(rf"\b{word}\b", source)}
    assert not unknown, f"{fault.name}: these names are not in the file: {unknown}"


@pytest.mark.parametrize("fault", [f for f in FAULTS if f.name in SAMPLE], ids=named)
def test_a_sample_of_the_faults_is_caught(fault: Fault, tmp_path: Path) -> None:
    is_caught(fault, tmp_path)


@pytest.mark.mutations
@pytest.mark.parametrize("fault", FAULTS, ids=named)
def test_every_fault_is_caught(
    fault: Fault, tmp_path: Path, show: Callable[[str], None]
) -> None:
    seconds = is_caught(fault, tmp_path)
    show(f"{fault.name}: caught by {fault.test}, {seconds:.1f} s")


@pytest.mark.mutations
@pytest.mark.timeout(600)
def test_without_a_fault_the_same_tests_pass(
    tmp_path: Path, show: Callable[[str], None]
) -> None:
    started = time.monotonic()
    names = sorted({fault.test for fault in FAULTS})
    code, printed = run(copied(tmp_path / "copy"), [id_of(one) for one in names])
    assert code == PASSED, printed
    show(f"{len(names)} tests pass in {time.monotonic() - started:.1f} s")
