"""A scan on the bus whose points are in its file only."""

import time

import pytest

from bec_kernel.bus import put
from bec_kernel.service.expiry import let_go
from bec_kernel.testing import MemoryBroker, MemoryBus
from bec_kernel.wire import (
    SERVICES,
    Heartbeat,
    Users,
    keys,
)
from tests.services.file_writer.gas import (
    put_devices,
)


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
