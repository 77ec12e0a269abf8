"""A scan that is no longer on the bus is read from its file, and looks the same."""

import time

import numpy as np
import pandas as pd
import pytest

from bec_kernel.bus import put
from bec_kernel.bus.changes import Append, Id
from bec_kernel.client import Client
from bec_kernel.service.expiry import let_go
from bec_kernel.testing import MemoryBroker, MemoryBus
from bec_kernel.wire import (
    SERVICES,
    Heartbeat,
    ScanState,
    StateChange,
    Users,
    keys,
)
from bec_services.file_writer import requests
from bec_services.file_writer.service import run
from bec_services.scihub.service import run as run_scihub
from tests.services.file_writer.gas import (
    FIT,
    POINTS,
    everything_sent,
    gas_scan,
    points,
    put_devices,
)
from tests.services.recorded import T0, configuration, new_life, running, take, until


@pytest.fixture
def bus():
    bus = MemoryBus(MemoryBroker())
    put(bus, keys.users(), Users(names=["ada"], device_servers=["main"]))
    put_devices(bus)
    for role in ("scihub", "file_writer"):
        beat = Heartbeat(
            service=role, pid=1, state="running", version="", time=time.time() + 60
        )
        put(bus, keys.heartbeats[role]("main"), beat)
    return bus


def recorded(bus, tmp_path):
    """A scan that ran, was written, and is in the database."""
    take(bus, "file_writer", gas_scan())
    taken = bus.get_all(keys.todo["file_writer"]("main"))["scan1"]
    put(bus, keys.todo["scihub"]("main"), taken, "scan1")
    closed = StateChange(state=ScanState.CLOSED, time=T0 + POINTS, reason="done")
    bus.commit([*everything_sent(), *points()])
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


def streams(report):
    """All that was sent: values, their kind, times and unit."""
    found = {}
    for name in report.async_.gas:
        one = report.async_.gas[name]
        times = one.timestamp.tolist()
        found[name] = (one.value.tolist(), one.value.dtype, times, one.unit)
    return found


def told(report):
    """What a report says of its data."""
    return {
        "table": report.to_pandas(timestamps=True, aligned=True),
        "plain": report.to_pandas(),
        "data": report.to_xarray(aligned=True),
        "baseline": report.baseline,
        "configuration": report.configuration,
        "samx": report.devices.samx.configuration,
        "setpoint": report.devices.samx.setpoint.value.tolist(),
        "streams": streams(report),
        "fit": report.fit,
        "count": report.count,
        "status": report.wait(5).status,
        "points": [point.point_id for point in report.points(5)],
        "plot": repr(report.plot(aligned=True)),
        "async": repr(report.async_),
        "line": repr(report),
    }


def same(found, before):
    for name, kept in before.items():
        if name == "streams":
            np.testing.assert_equal(found[name], kept)
        elif isinstance(kept, pd.DataFrame):
            pd.testing.assert_frame_equal(found[name], kept)
        elif name == "data":
            assert found[name].identical(kept)
        else:
            assert found[name] == kept


def test_what_is_read_from_the_file_is_what_was_on_the_bus(bus, tmp_path):
    recorded(bus, tmp_path)
    held = Client(MemoryBus(bus.broker, "ada"))
    begun, looked, whole = (held.report("scan1") for _ in range(3))
    assert begun.begin is not None
    assert looked.status is ScanState.CLOSED
    assert len(whole.to_pandas()) == POINTS
    with Client(MemoryBus(bus.broker, "ada")) as client:
        before = told(client.history[42])
    assert before["fit"] == FIT
    assert before["configuration"] == configuration()
    assert before["samx"] == configuration()["samx"]
    assert before["plot"] == "plot of bpm4i over samx"
    assert before["line"].endswith(": closed, 5 points")
    assert before["table"]["gas_flow_b"].tolist() == [n + 0.5 for n in range(POINTS)]
    assert before["streams"]["gas_count"][0] == [10 * n for n in range(1, 8)]
    assert np.shape(before["streams"]["gas_slices"][0]) == (3, 20)
    assert before["streams"]["gas_newest"][0] == [[7.0, 8.0, 9.0, 10.0]]
    forget(bus)
    with (
        running(new_life("file_writer", bus.broker, tmp_path), requests.run),
        running(new_life("scihub", bus.broker, tmp_path), run_scihub),
        Client(MemoryBus(bus.broker, "ada")) as client,
        held,
    ):
        for report in (begun, looked, whole, client.history[42]):
            same(told(report), before)
            assert report.hdf5["entry/title"][...]
