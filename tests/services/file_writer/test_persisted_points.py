"""A writer that is started again when points have left the bus: the file is whole."""

import random

import h5py
import numpy as np
import pytest

from bec_kernel.bus.changes import Append, Id, Trim
from bec_kernel.testing import MemoryBroker, MemoryBus
from bec_kernel.wire import Point, PointStatus, Reading, keys
from bec_services.file_writer.hdf5.master_file import identity
from bec_services.file_writer.service import run
from bec_services.file_writer.tree.columns import STATUS
from tests.services.file_writer.damage import AT_ONCE, spoiled
from tests.services.file_writer.master_files import PLACE, everything, same
from tests.services.recorded import (
    begin,
    new_life,
    points_log,
    readings,
    running,
    take,
    until,
)

ROLE = "file_writer"
POINTS, KEEP = 60, 20
VALUES = "/entry/collection/devices/samx/samx/value"


@pytest.fixture
def data(tmp_path):
    (tmp_path / "settings.yaml").write_text(f"keep_points: {KEEP}\n")
    return tmp_path


def put(bus, entries):
    bus.commit([Append(keys.points("scan1"), entry, at) for at, entry in entries])


def done(bus):
    return bus.last(keys.files("scan1")) is not None


def told(bus):
    written = bus.get(keys.written(), "scan1")
    return Id(*written.upto) if written else Id(0)


def changing(log):
    """The same log, with a point taken again, a new device, and longer values."""
    out = []
    for at, entry in log:
        if isinstance(entry, Point) and entry.point_id == 35:
            again = readings(99.0, 1.7e9)
            fields = {"index": 400, "attempt": 2, "begin": 1.7e9, "end": 1.7e9}
            retaken = Point(
                point_id=7,
                data=again,
                status=dict.fromkeys(again, PointStatus.RETAKEN),
                **fields,
            )
            out.append((Id(at.major - 1, 1), retaken))
        if isinstance(entry, Point) and entry.point_id >= 50:
            entry.data["late"] = {"late": Reading("x" * entry.point_id * 2, entry.end)}
        if isinstance(entry, Point) and entry.point_id >= 55:
            entry.data["bpm4i"]["bpm4i"] = Reading(0.5, entry.end)
        out.append((at, entry))
    return out


def cut(bus, dice):
    """Let go what the bundler might, and a little less or more of it."""
    points = bus.last(keys.points("scan1")).id.major
    first = min(points - dice.randint(1, KEEP), told(bus).major)
    if first > 1:
        bus.commit([Trim(keys.points("scan1"), Id(first))])
    return first


@pytest.fixture(scope="module")
def wanted(tmp_path_factory):
    """The file of a writer that nobody disturbs."""
    folder, bus = tmp_path_factory.mktemp("undisturbed"), MemoryBus(MemoryBroker())
    take(bus, ROLE, begin(POINTS))
    put(bus, changing(points_log(POINTS)))
    with running(new_life(ROLE, bus.broker, folder), run):
        until(bus, lambda: done(bus))
    return everything(folder / PLACE)


@pytest.mark.processes
@pytest.mark.parametrize("seed", range(3))
def test_the_file_is_the_same_whenever_its_writer_dies(seed, data, wanted):
    dice, bus = random.Random(seed), MemoryBus(MemoryBroker())
    take(bus, ROLE, begin(POINTS))
    log, at, gone = changing(points_log(POINTS)), 0, 0
    while at < len(log):
        some = log[at : at + dice.randint(8, 30)]
        at += len(some)
        with running(new_life(ROLE, bus.broker, data), run):
            put(bus, some)
            upto = min(some[-1][0].major, POINTS)
            if at < len(log) and upto >= KEEP:
                due = max(KEEP, told(bus).major + KEEP // 10)
                until(bus, lambda u=upto, d=due: told(bus).major >= d or u < d)
            elif at == len(log):
                until(bus, lambda: done(bus))
        if at < len(log):
            gone = max(gone, cut(bus, dice))
    assert gone > 1
    same(everything(data / PLACE), wanted)
    assert [p.name for p in (data / PLACE).parent.iterdir()] == [(data / PLACE).name]
    assert not bus.get_all(keys.written())


def test_a_short_scan_is_told_nothing_of(data):
    bus = MemoryBus(MemoryBroker())
    take(bus, ROLE, begin(KEEP - 1))
    put(bus, points_log(KEEP - 1))
    with running(new_life(ROLE, bus.broker, data), run):
        until(bus, lambda: done(bus))
    assert keys.written().name not in bus.broker.puts


def harm(path, damage):
    whole = path.read_bytes()
    path.unlink()
    if damage == "odd":
        path.write_bytes(b"no file of HDF5")
    elif damage == "bytes":
        path.write_bytes(spoiled(whole, VALUES, AT_ONCE))
    elif damage == "other":
        with h5py.File(path, "w") as file:
            file["entry/entry_identifier_uuid"] = b"scan0"


@pytest.mark.processes
@pytest.mark.parametrize("damage", ["gone", "other", "odd", "bytes"])
def test_points_that_are_nowhere_are_missing_and_told(damage, data, wanted):
    bus, log = MemoryBus(MemoryBroker()), changing(points_log(POINTS))
    take(bus, ROLE, begin(POINTS))
    with running(new_life(ROLE, bus.broker, data), run):
        put(bus, log[:46])
        until(bus, lambda: told(bus).major >= 44)
    bus.commit([Trim(keys.points("scan1"), Id(31))])
    path = data / PLACE
    harm(path, damage)
    with running(new_life(ROLE, bus.broker, data), run):
        until(bus, lambda: bus.last(keys.alarms()) and told(bus).major >= 44)
    with running(new_life(ROLE, bus.broker, data), run):  # and once more
        put(bus, log[46:])
        until(bus, lambda: done(bus))
    found = everything(bus.last(keys.files("scan1")).message.path)
    devices = "entry/collection/devices"
    lost = [n for n in range(30) if n != 7]  # that one was taken again later
    assert np.isnan(found[f"{devices}/samx/samx/value"][0][lost]).all()
    status = found["entry/collection/point_status/samx"][0]
    assert (status[lost] == STATUS[PointStatus.MISSING]).all()
    for name, (values, attrs) in found.items():
        if np.shape(values)[:1] == (POINTS,):
            np.testing.assert_equal(values[30:], wanted[name][0][30:])
        np.testing.assert_equal(attrs, wanted[name][1])
    said = [e.message.message for e in bus.read(keys.alarms())]
    assert sum("points 0 to 29 are lost" in one for one in said) == 1
    if damage == "bytes":
        assert [one for one in path.parent.iterdir() if "_damaged_" in one.name]
    if damage == "odd":
        assert any(p.read_bytes() == b"no file of HDF5" for p in path.parent.iterdir())
    if damage == "other":
        assert identity(path) == "scan0"  # where its scan says that it is
