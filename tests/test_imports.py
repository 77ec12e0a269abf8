"""Imports point down: the contracts of pyproject.toml are kept, and each one bites."""

import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("bec_kernel", "bec_services", "magics", "extensions")
CONTRACTS = {
    contract["id"]: contract["name"]
    for contract in tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"][
        "importlinter"
    ]["contracts"]
}

# contract: (file, the import that it must refuse there)
OFFENCES = {
    "front-doors": (
        "bec_services/scihub/__init__.py",
        "from bec_kernel.bus.redis import connect",
    ),
    "no-cycles": (
        "bec_services/scan_server/program/request.py",
        "def late():\n    from bec_services.scan_server.program import Scan",
    ),
    "down": ("extensions/bec_live/__init__.py", "import bec_magics"),
    "services-apart": (
        "bec_services/file_writer/__init__.py",
        "import bec_services.scan_bundler",
    ),
    "person-side": ("magics/bec_magics/__init__.py", "import bec_services.scan_server"),
    "simulation-apart": (
        "bec_services/device_server/check.py",
        "import bec_sim.devices",
    ),
    "wire-pure": ("bec_kernel/wire/__init__.py", "import time"),
    "redis": ("bec_services/scihub/__init__.py", "import redis"),
    "hdf5": ("bec_kernel/client/__init__.py", "import h5py"),
    "ophyd": ("bec_services/scan_server/__init__.py", "from ophyd import Device"),
    "ioc": ("bec_services/device_server/__init__.py", "import caproto"),
    "lmfit": ("extensions/bec_live/__init__.py", "import lmfit"),
    "database": ("bec_services/scihub/__init__.py", "import sqlalchemy"),
    "no-notebook": ("bec_services/scan_server/__init__.py", "import IPython"),
    "blocking": ("bec_services/file_writer/__init__.py", "import asyncio"),
    "pure": ("bec_services/scan_bundler/points.py", "import time"),
    "kernel-layers": ("bec_kernel/errors.py", "import bec_kernel.bus"),
}


def lint(tree: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """Run import-linter on ``tree``, and on no other copy of the packages."""
    paths = (tree, tree / "magics", tree / "extensions")
    return subprocess.run(
        [shutil.which("lint-imports", path=Path(sys.executable).parent), *options],
        cwd=tree,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(map(str, paths))},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def spoil(module: Path, statement: str) -> None:
    """Append a statement to a module."""
    with module.open("a") as file:
        file.write(f"\n{statement}\n")


def assert_broken(tree: Path, contract: str) -> str:
    """Assert that `tree` breaks a contract; return what import-linter prints."""
    checked = lint(tree, "--contract", contract, "--no-cache")
    assert checked.returncode == 1, checked.stdout + checked.stderr
    assert f"{CONTRACTS[contract]} BROKEN" in checked.stdout
    return " ".join(checked.stdout.split())


@pytest.fixture
def tree(tmp_path):
    """A copy of the packages that a test may spoil."""
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    (tmp_path / "tests").mkdir()
    for name in ("contracts.py", "import_graph.py"):
        shutil.copy(ROOT / "tests" / name, tmp_path / "tests")
    for package in PACKAGES:
        shutil.copytree(
            ROOT / package,
            tmp_path / package,
            ignore=shutil.ignore_patterns("__pycache__"),
        )
    return tmp_path


def test_every_contract_is_kept():
    checked = lint(ROOT)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert f"{len(CONTRACTS)} kept, 0 broken" in checked.stdout


def test_every_contract_has_an_offence():
    assert OFFENCES.keys() == CONTRACTS.keys()


@pytest.mark.parametrize("contract", OFFENCES)
def test_one_offending_import_breaks_its_contract(tree, contract):
    name, offence = OFFENCES[contract]
    spoil(tree / name, offence)
    assert_broken(tree, contract)


AROUND = (
    "from bec_kernel.bus import codec",
    "import bec_kernel.bus.redis",
    "from bec_kernel.bus.protocol import Bus",
    "def late():\n    import bec_kernel.bus.paging",
    "if TYPE_CHECKING:\n    import bec_kernel.bus.batching",
)


def test_no_way_leads_around_a_front_door(tree):
    spoil(tree / "bec_services/scihub/__init__.py", "\n".join(AROUND))
    said = assert_broken(tree, "front-doors")
    for name in ("codec", "redis", "protocol", "paging", "batching"):
        assert f"bec_kernel.bus.{name} is private to bec_kernel.bus" in said


# None of these modules is named in the contract.
IMPURE = {
    "bec_services/scan_server/queue/lane.py": "import threading",
    "bec_services/scan_server/queue/moves.py": "from time import monotonic",
    "bec_services/file_writer/tree/columns.py": "def late():\n    import h5py",
    "bec_services/scan_server/run/course.py": "from bec_kernel.bus import connect",
}


def test_a_pure_module_stays_pure(tree):
    for path, statement in IMPURE.items():
        spoil(tree / path, statement)
    said = assert_broken(tree, "pure")
    for module in ("queue.lane", "queue.moves", "tree.columns", "bus.redis"):
        assert f"{module}:" in said


def test_a_module_of_the_kernel_without_a_layer_is_seen(tree):
    (tree / "bec_kernel" / "lost.py").touch()
    assert "lost" in assert_broken(tree, "kernel-layers")
