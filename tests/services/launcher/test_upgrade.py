"""A data folder of another version: what the launcher says, and what it changes."""

import json

import pytest

from bec_kernel.errors import InstanceError
from bec_kernel.instance import Folder, FolderStamp, read_stamp
from bec_kernel.wire import VERSION
from bec_services.launcher.upgrade import check_version


@pytest.fixture
def folder(tmp_path):
    """A data folder with a broker's log and the file of scan 12."""
    found = Folder(tmp_path / "data")
    log = found.broker / "appendonlydir"
    log.mkdir(parents=True)
    (log / "appendonly.aof.1.incr.aof").write_text("SET")
    files = found.files / "p1" / "S00000-00999" / "S00012"
    files.mkdir(parents=True)
    (files / "S00012_master.h5").write_text("")
    return found


def names(folder):
    return sorted(path.name for path in folder.broker.iterdir())


def check(folder, *, upgrade=False):
    lines = []
    check_version(folder, lines.append, upgrade=upgrade)
    return lines


def test_a_new_folder_is_stamped_with_the_version(tmp_path):
    assert check(Folder(tmp_path)) == []
    assert read_stamp(Folder(tmp_path)) == FolderStamp(VERSION, 0)


def test_a_folder_of_this_version_is_left_alone(folder):
    FolderStamp(VERSION, 5).write(folder)
    assert check(folder, upgrade=True) == []
    assert read_stamp(folder) == FolderStamp(VERSION, 5)
    assert names(folder) == ["appendonlydir"]


@pytest.mark.parametrize("stamp", [None, FolderStamp("0.9")])
def test_an_older_folder_is_refused_in_one_line_and_nothing_is_changed(folder, stamp):
    if stamp:
        stamp.write(folder)
    for _ in range(2):
        with pytest.raises(InstanceError, match=r"older version.*--upgrade") as refused:
            check(folder)
        assert len(str(refused.value).splitlines()) == 1
        assert read_stamp(folder) == stamp
        assert names(folder) == ["appendonlydir"]


@pytest.mark.parametrize("stamp", [None, FolderStamp("0.9", 40)])
def test_an_upgrade_sets_the_log_aside_and_goes_on_counting(folder, stamp):
    if stamp:
        stamp.write(folder)
    (line,) = check(folder, upgrade=True)
    (aside,) = names(folder)
    assert aside.startswith("appendonlydir.before-")
    assert str(folder.broker / aside) in line
    assert (folder.broker / aside / "appendonly.aof.1.incr.aof").read_text() == "SET"
    assert read_stamp(folder) == FolderStamp(VERSION, 40 if stamp else 12)


def test_an_upgrade_that_was_killed_half_way_goes_on_counting(folder):
    log = folder.broker / "appendonlydir"
    log.rename(log.with_name("appendonlydir.before-now"))
    assert check(folder) == []
    assert read_stamp(folder) == FolderStamp(VERSION, 12)


def test_a_newer_folder_is_refused_also_for_an_upgrade(folder):
    newer = FolderStamp("99.0")
    newer.write(folder)
    with pytest.raises(InstanceError, match=r"newer version.*nothing was changed"):
        check(folder, upgrade=True)
    assert read_stamp(folder) == newer


@pytest.mark.parametrize(
    "text", ["{", "[]", json.dumps({"wire": "x", "scans_before": 0})]
)
def test_a_stamp_that_cannot_be_read_is_named(folder, text):
    (folder.path / "version.json").write_text(text)
    with pytest.raises(InstanceError, match=r"version\.json cannot be read.*--upgrade"):
        check(folder)
