"""A file has its name alone: what is another's stays."""

import errno
import os

import h5py
import pytest

from bec_services.file_writer.hdf5 import file_name as naming
from bec_services.file_writer.hdf5.master_file import MasterFile, identity
from bec_services.file_writer.tree.metadata import END_TIME, REASON, STATE
from bec_services.file_writer.tree.nodes import Node, group, text


def nodes(scan_id):
    meta = STATE.rpartition("/")[0]
    parts = meta.split("/")[2:]
    above = [
        "/entry" + "".join(f"/{p}" for p in parts[:n]) for n in range(len(parts) + 1)
    ]
    words = {path: text("", 32) for path in (END_TIME, STATE, REASON)}
    words["/entry/entry_identifier_uuid"] = text(scan_id)
    return [
        *(group(path) for path in above),
        *(Node(path, value=value) for path, value in words.items()),
    ]


def make(path, scan_id, token=1):
    file = MasterFile(path, scan_id, token, nodes(scan_id))
    file.publish()
    return file


def finish(file):
    file.finish("2026-01-01T00:00:00+00:00", "closed", "done")


@pytest.fixture
def path(tmp_path):
    return tmp_path / "S00042" / "S00042_master.h5"


@pytest.fixture(params=["links", "no links"])
def disk(request, monkeypatch):
    """Disks that know hard links, and disks that do not."""

    def refuse(*_):
        raise OSError(errno.EOPNOTSUPP, os.strerror(errno.EOPNOTSUPP))

    if request.param == "no links":
        monkeypatch.setattr(naming.os, "link", refuse)


def names(path):
    return sorted(one.name for one in path.parent.iterdir())


@pytest.mark.usefixtures("disk")
def test_a_file_that_is_ours_is_replaced(path):
    make(path, "ours", 1).discard()
    file = make(path, "ours", 2)
    assert file.path == path
    finish(file)
    assert names(path) == [path.name]
    finish(make(path, "ours", 3))
    assert names(path) == [path.name]


@pytest.mark.usefixtures("disk")
@pytest.mark.parametrize("theirs", [b"", b"no file of ours", None])
def test_what_is_not_ours_is_left_alone(theirs, path):
    path.parent.mkdir()
    if theirs is None:
        finish(make(path, "theirs"))
    else:
        path.write_bytes(theirs)
    kept = path.read_bytes()
    for token in (1, 2):
        file = make(path, "ours", token)
        assert file.path != path
        finish(file)
        assert path.read_bytes() == kept
        assert len(names(path)) == 2
        assert identity(file.path) == "ours"
    path.unlink()  # somebody makes room: ours stays where people were told it is
    assert make(path, "ours", 3).path == file.path


def test_a_file_that_nobody_can_read_any_more_is_ours_all_the_same(path):
    make(path, "ours", 1).discard()
    path.write_bytes(b"")  # the same file still: a full disk leaves such ones
    file = make(path, "ours", 2)
    assert file.path == path
    finish(file)
    assert names(path) == [path.name]


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_a_file_that_was_copied_in_part_is_left_alone_at_once(share, path):
    """HDF5 as a live reader would wait for the rest: for years."""
    finish(make(path, "theirs"))
    whole = path.read_bytes()
    part = whole[: int(len(whole) * share)]
    path.write_bytes(part)
    file = make(path, "ours")
    finish(file)
    assert file.path != path
    assert identity(file.path) == "ours"
    assert path.read_bytes() == part


def test_another_life_that_still_writes_does_not_reach_ours(path):
    old = make(path, "ours", 1)
    new = make(path, "ours", 2)
    with pytest.raises(FileExistsError):
        finish(old)
    finish(new)
    with h5py.File(path) as file:
        assert file[STATE][()] == b"closed"


def test_a_disk_that_refuses_is_told(path, monkeypatch):
    def refuse(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(naming.os, "link", refuse)
    with pytest.raises(OSError, match="No space left"):
        make(path, "ours")
    assert not path.exists()
