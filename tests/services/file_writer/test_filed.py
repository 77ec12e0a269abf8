"""A scan that is no longer on the bus is read from its file, and looks the same."""

import time

import pandas as pd
import pytest

from bec_kernel.bus import Append, Id, put
from bec_kernel.client import Client
from bec_kernel.expiry import let_go
from bec_kernel.testing import MemoryBroker, MemoryBus
from bec_kernel.wire import (
    SERVICES,
    Device,
    Heartbeat,
    ScanState,
    StateChange,
    Users,
    keys,
)
from bec_services.file_writer import serving
from bec_services.file_writer.shell import run
from bec_services.scihub.shell import run as run_scihub
from tests.services.recorded import (
    T0,
    begin,
    new_life,
    points_log,
    running,
    take,
    until,
)

POINTS = 5


@pytest.fixture
def bus():
    bus = MemoryBus(MemoryBroker())
    put(bus, keys.users(), Users(names=["ada"], device_servers=["main"]))
    for name in ("samx", "samz", "bpm4i"):
        device = Device(name=name, server="main", device_class="Sim")
        put(bus, keys.devices("main"), device, name)
    for role in ("scihub", "file_writer"):
        beat = Heartbeat(
            service=role, pid=1, state="running", version="", time=time.time() + 60
        )
        put(bus, keys.heartbeats[role]("main"), beat)
    return bus


def recorded(bus, tmp_path):
    """A scan that ran, was written, and is in the database."""
    take(bus, "file_writer", begin(POINTS))
    taken = bus.get_all(keys.todo["file_writer"]("main"))["scan1"]
    put(bus, keys.todo["scihub"]("main"), taken, "scan1")
    closed = StateChange(state=ScanState.CLOSED, time=T0 + POINTS, reason="done")
    log = keys.points("scan1")
    bus.commit([Append(log, entry, at) for at, entry in points_log(POINTS)])
    bus.commit([Append(keys.states("scan1"), closed, Id(2))])
    for role, body in (("file_writer", run), ("scihub", run_scihub)):
        with running(new_life(role, bus.broker, tmp_path), body):
            until(bus, lambda r=role: not bus.get_all(keys.todo[r]("main")))


def forget(bus):
    """Let the scan's logs expire, each by its owner's hand; then it is a day later."""
    told = [entry.message for entry in bus.read(keys.expiring())]
    for role in SERVICES:
        bus.commit(let_go(role, "main", told, time.time()))
    assert bus.read(keys.points("scan1"))
    bus.broker.wall = lambda: time.time() + 24 * 3600
    left = [name for name in bus.broker.logs if "/scan/scan1/" in name]
    assert not any(bus.broker.log(name) for name in left)


def test_what_is_read_from_the_file_is_what_was_on_the_bus(bus, tmp_path):
    recorded(bus, tmp_path)
    held = Client(MemoryBus(bus.broker, "ada"))
    begun, looked, whole = (held.report("scan1") for _ in range(3))
    assert begun.begin is not None
    assert looked.status is ScanState.CLOSED
    assert len(whole.to_pandas()) == POINTS
    with Client(MemoryBus(bus.broker, "ada")) as client:
        report = client.history[42]
        before = report.to_pandas(timestamps=True)
        data = report.to_xarray()
        baseline = report.baseline
        setpoint = report.devices.samx.setpoint.value.tolist()
    forget(bus)
    with (
        running(new_life("file_writer", bus.broker, tmp_path), serving.run),
        running(new_life("scihub", bus.broker, tmp_path), run_scihub),
        Client(MemoryBus(bus.broker, "ada")) as client,
        held,
    ):
        for report in (begun, looked, whole):
            pd.testing.assert_frame_equal(report.to_pandas(timestamps=True), before)
            assert report.wait(5).status is ScanState.CLOSED
            assert len(list(report.points(5))) == report.count == POINTS
            assert report.baseline == baseline
            assert report.hdf5["entry/title"][...]
        report = client.history[42]
        after = report.to_pandas(timestamps=True)
        pd.testing.assert_frame_equal(before, after)
        assert report.to_xarray().equals(data)
        assert report.to_xarray()["samx"].attrs == data["samx"].attrs
        assert report.baseline == baseline
        assert report.devices.samx.setpoint.value.tolist() == setpoint
        assert report.wait(5).status is ScanState.CLOSED
        assert [point.point_id for point in report.points()] == list(range(POINTS))
        assert repr(report.plot()) == "plot of bpm4i over samx"
        assert repr(report).endswith(": closed, 5 points")
