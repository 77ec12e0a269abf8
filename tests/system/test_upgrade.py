"""`bec up` in a data folder that an older version has written, as real processes."""

import subprocess
import sys

import pytest

from bec_kernel.instance import Folder

BEC = [sys.executable, "-c", "from bec_kernel.cli import main; main()"]


def bec(*words, code=0) -> str:
    """Run `bec` and return what it printed; of an error, its one line."""
    done = subprocess.run(
        [*BEC, *map(str, words)],
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    assert done.returncode == code, done.stdout + done.stderr
    return done.stderr if code else done.stdout


def masters(folder):
    return sorted(path.name for path in folder.files.rglob("*_master.h5"))


@pytest.fixture
def old(tmp_path):
    """A data folder with one scan, as a version without stamps leaves it."""
    folder = Folder(tmp_path / "data")
    bec("up", "--detach", "--virtual", "--data", folder.path)
    try:
        bec("scan", "--data", folder.path, "acquire")
    finally:
        bec("down", "--data", folder.path)
    (folder.path / "version.json").unlink()
    return folder


def test_an_older_folder_is_refused_until_upgraded_and_keeps_files_and_scans(old):
    data = ("--data", old.path)
    for _ in range(2):  # it ends each time: no instance is left that starts again
        said = bec("up", "--detach", "--virtual", *data, code=1)
        assert len(said.splitlines()) == 1
        assert "older version" in said
        assert "bec up --upgrade" in said
        bec("status", *data, code=1)
    assert masters(old) == ["S00001_master.h5"]
    said = bec("up", "--detach", "--virtual", "--upgrade", *data)
    try:
        assert "upgrading" in said
        bec("scan", *data, "acquire")
        assert masters(old) == ["S00001_master.h5", "S00002_master.h5"]
        history = bec("history", *data)
    finally:
        bec("down", *data)
    numbers = {word for line in history.splitlines() for word in line.split()}
    assert {"1", "2"} <= numbers
    bec("up", "--detach", "--virtual", *data)  # upgraded once, for good
    bec("down", *data)
