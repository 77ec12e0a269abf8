"""A full disk costs time, and no data."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from bec_kernel.bus.changes import Append
from bec_kernel.testing import MemoryBroker, MemoryBus
from bec_kernel.wire import keys
from bec_services.file_writer.hdf5 import master_file as hdf5
from bec_services.file_writer.service import run
from tests.services.file_writer.full_disk import LONG, Endless, write
from tests.services.file_writer.master_files import everything, same
from tests.services.recorded import begin, new_life, points_log, running, take, until


@pytest.mark.slow
def test_a_file_is_not_begun_or_continued_on_a_disk_that_is_full(tmp_path, monkeypatch):
    room = {"bytes": 1 << 30}
    monkeypatch.setattr(hdf5, "free_bytes", lambda _: room["bytes"])
    broker = MemoryBroker()
    bus = MemoryBus(broker)
    take(bus, "file_writer", begin())
    log = [Append(keys.points("scan1"), e, at) for at, e in points_log(5)]
    bus.commit(log[:3])
    with running(new_life("file_writer", broker, tmp_path), run) as life:
        while not list(tmp_path.glob("files/*/*/S00042_master.h5")):
            life.over.wait(0.01)
        room["bytes"] = 100_000
        bus.commit(log[3:])
        until(bus, lambda: bus.last(keys.alarms()) is not None)
        room["bytes"] = 1 << 30
        until(bus, lambda: bus.last(keys.files("scan1")) is not None)
    (alarm,) = (entry.message for entry in bus.read(keys.alarms()))
    assert "No space left on device: 97 kB" in alarm.message
    with hdf5.h5py.File(bus.last(keys.files("scan1")).message.path) as file:
        assert file["entry/data/samx"].shape == (5,)
        assert file["entry/collection/alarms/message"].shape == (1,)


def written(way: str, folder: Path, number: int, before: list[str]) -> str:
    """Return what the writer in a process of its own has said."""
    program = [sys.executable, "-m", "tests.services.file_writer.full_disk"]
    return subprocess.run(
        [*before, *program, way, folder, str(number)],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
        cwd=Path(__file__).parents[3],
    ).stdout


def equal(path: Path, undisturbed: Path) -> None:
    one, two = everything(path), everything(undisturbed)
    for found in (one, two):  # the alarm is in the file, too
        for name in [name for name in found if "/alarms/" in name]:
            del found[name]
    same(one, two)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    return write(Endless(tmp_path_factory.mktemp("undisturbed")))[1]


@pytest.mark.processes
@pytest.mark.parametrize("size", [20_000, 90_000], ids=["at its begin", "later"])
def test_a_disk_that_is_full_all_of_a_sudden_ends_neither_writer_nor_scan(
    tmp_path, undisturbed, size
):
    said = written("limit", tmp_path, size, [])
    assert "File too large" in said
    path = Path(said.splitlines()[-1])
    equal(path, undisturbed)
    assert [one.name for one in path.parent.iterdir()] == [path.name]


@pytest.mark.processes
def test_a_full_disk_loses_no_point_that_has_left_the_bus(tmp_path):
    said = written("long", tmp_path / "full", 1_100_000, [])
    assert "File too large" in said
    disk = Endless(tmp_path / "undisturbed")
    equal(Path(said.splitlines()[-1]), write(disk, LONG // 2 + 1, LONG)[1])


@pytest.mark.processes
@pytest.mark.parametrize("entries", [0, 10], ids=["from the start", "in the middle"])
def test_a_small_disk_that_is_full_is_waited_for(tmp_path, undisturbed, entries):
    alone = ["unshare", "--mount"] if os.geteuid() == 0 else ["unshare", "-rm"]
    mount = [*alone, "mount", "-t", "tmpfs", "tmpfs", str(tmp_path)]
    tried = subprocess.run(mount, capture_output=True, text=True, check=False)
    if tried.returncode:
        pytest.skip(f"this machine mounts no small disk: {tried.stderr}")
    said = written("tmpfs", tmp_path, entries, alone)
    assert "No space left on device" in said
    equal(Path(said.splitlines()[-1]), undisturbed)
