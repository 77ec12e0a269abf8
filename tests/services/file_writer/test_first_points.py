"""Who asks for points that have left the bus gets them from the file, by index."""

import threading
import time

import pandas as pd
import pytest

from bec_kernel.bus import put
from bec_kernel.bus.changes import Append, Id, Trim
from bec_kernel.client import Client
from bec_kernel.testing import MemoryBroker, MemoryBus
from bec_kernel.wire import Heartbeat, Point, ScanState, StateChange, Users, keys
from bec_services.file_writer import requests
from bec_services.file_writer.service import run
from tests.services.recorded import (
    T0,
    baseline_readings,
    begin,
    configuration,
    new_life,
    points_log,
    readings,
    running,
    take,
    until,
)

POINTS, KEEP, CUT = 60, 20, 31
LOG = points_log(POINTS)


@pytest.fixture
def bus(tmp_path):
    (tmp_path / "settings.yaml").write_text(f"keep_points: {KEEP}\n")
    bus = MemoryBus(MemoryBroker())
    put(bus, keys.users(), Users(names=["ada"], device_servers=["main"]))
    beat = Heartbeat(
        service="", pid=1, state="running", version="", time=time.time() + 60
    )
    put(bus, keys.heartbeats["file_writer"]("main"), beat)
    take(bus, "file_writer", begin(POINTS))
    return bus


def both(life):
    opened = {}
    life.spawn(requests.run, life, opened)
    run(life, opened)


def append(bus, entries):
    bus.commit([Append(keys.points("scan1"), entry, at) for at, entry in entries])


def told(bus):
    written = bus.get(keys.written(), "scan1")
    return written.upto[0] if written else 0


def end(bus):
    closed = StateChange(state=ScanState.CLOSED, time=T0 + POINTS, reason="done")
    append(bus, LOG[46:])
    bus.commit([Append(keys.states("scan1"), closed, Id(2))])
    until(bus, lambda: bus.last(keys.files("scan1")) is not None)


def whole(points):
    assert [point.point_id for point in points] == list(range(POINTS))
    for (_, wanted), found in zip(LOG[1:], points, strict=False):
        assert found == wanted


def ada(bus):
    return Client(MemoryBus(bus.broker, "ada"))


def afterwards(bus, tmp_path):
    """What a new client reads of the finished scan: the point taken again, too."""
    with (
        running(new_life("file_writer", bus.broker, tmp_path), both),
        ada(bus) as other,
    ):
        report = other.report("scan1").wait(5)
        table = report.to_pandas()
        assert table["samx"].tolist()[3] == 99.0
        assert len(table) == POINTS
        assert report.baseline == baseline_readings()
        assert report.configuration == configuration()
        points = list(report.points(5))
        pd.testing.assert_frame_equal(report.to_pandas(), table)
    assert points[3].data["samx"]["samx"].value == 99.0
    assert [point.point_id for point in points] == list(range(POINTS))


@pytest.mark.slow
def test_a_client_gets_all_points_from_the_first_one_on_whenever_it_comes(
    bus, tmp_path
):
    seen, here = [], threading.Event()

    def look(points):
        for point in points:
            seen.append(point)
            if len(seen) == 45:
                here.set()

    with running(new_life("file_writer", bus.broker, tmp_path), both), ada(bus) as late:
        append(bus, LOG[:46])
        until(bus, lambda: told(bus) >= 44)
        bus.commit([Trim(keys.points("scan1"), Id(CUT))])
        report = late.report("scan1")
        thread = threading.Thread(target=look, args=[report.points(10)])
        thread.start()
        table = report.to_pandas()
        assert (len(table), report.count) == (45, 45)
        assert table["samx"].tolist() == [
            e.data["samx"]["samx"].value for _, e in LOG[1:46]
        ]
        assert report.baseline == baseline_readings()
        assert report.configuration == configuration()
        assert here.wait(10)
        again = Point(
            index=99, point_id=3, attempt=2, begin=T0, end=T0, data=readings(99.0, T0)
        )
        append(bus, [(Id(45, 1), again)])
        until(bus, lambda: report.count == 45 and told(bus) >= 44)
        end(bus)
        thread.join(20)
    whole(seen)
    afterwards(bus, tmp_path)


@pytest.mark.processes
def test_a_client_waits_while_the_file_is_made_anew(bus, tmp_path):
    with running(new_life("file_writer", bus.broker, tmp_path), both):
        append(bus, LOG[:46])
        until(bus, lambda: told(bus) >= 44)
    bus.commit([Trim(keys.points("scan1"), Id(CUT))])
    seen = []
    with ada(bus) as client:
        points = client.report("scan1").points(10)
        thread = threading.Thread(target=lambda: seen.extend(points))
        thread.start()
        with running(new_life("file_writer", bus.broker, tmp_path), both):
            end(bus)
            thread.join(20)
    whole(seen)


class Deaf(MemoryBus):
    """A writer's bus on which no more points come, from a moment on."""

    deaf = False

    def follow(self, positions, timeout, limit=1000):
        log = keys.points("scan1")
        heard = {o: at for o, at in positions.items() if not (self.deaf and o == log)}
        found = super().follow(heard, timeout, limit)
        return [one for one in found if not (self.deaf and one[0] == log)]


@pytest.mark.slow
def test_a_point_that_left_the_bus_and_was_taken_again_is_new_before_its_file_is(
    bus, tmp_path
):
    deaf = Deaf(bus.broker)
    life = new_life("file_writer", bus.broker, tmp_path, deaf)
    with running(life, both), ada(bus) as client:
        append(bus, LOG[:46])
        until(bus, lambda: told(bus) >= 44)
        bus.commit([Trim(keys.points("scan1"), Id(CUT))])
        report = client.report("scan1")
        assert len(report.to_pandas()) == 45
        deaf.deaf = True
        seen = report.watch(0, 0.0)
        again = Point(
            index=99, point_id=3, attempt=2, begin=T0, end=T0, data=readings(99.0, T0)
        )
        append(bus, [(Id(45, 1), again)])
        report.watch(seen, 5.0)
        for _ in range(2):
            assert report.to_pandas()["samx"].tolist()[3] == 99.0
        assert next(p for p in report.points(5) if p.point_id == 3) == again
