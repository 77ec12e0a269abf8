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
    "core-pure": ("bec_services/scan_bundler/points.py", "import time"),
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


@pytest.fixture
def tree(tmp_path):
    """A copy of the packages that a test may spoil."""
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
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
    with (tree / name).open("a") as module:
        module.write(f"\n{offence}\n")
    checked = lint(tree, "--contract", contract, "--no-cache")
    assert checked.returncode == 1, checked.stdout + checked.stderr
    assert f"{CONTRACTS[contract]} BROKEN" in checked.stdout


def test_a_module_of_the_kernel_without_a_layer_is_seen(tree):
    (tree / "bec_kernel" / "lost.py").touch()
    checked = lint(tree, "--contract", "kernel-layers", "--no-cache")
    assert checked.returncode == 1, checked.stdout + checked.stderr
    assert "lost" in checked.stdout
