import math
import threading

import msgspec
import pytest

from bec_kernel.bus.changes import Append, Id
from bec_kernel.errors import DeadlineError
from bec_kernel.testing import MemoryBus
from bec_kernel.wire import (
    Begin,
    Point,
    Reading,
    ScanRequest,
    ScanState,
    Seal,
    StateChange,
    keys,
)
from bec_live.views.card_state import CardState
from bec_live.views.scan_feed import LogReader, ScanFeed, read_scan

SCAN = "feed"
BEGIN = Begin(
    scan_id=SCAN,
    user="ann",
    request=ScanRequest(request_id=SCAN, name="acquire"),
    monitored=["bpm4i"],
)


def point(p):
    data = {"bpm4i": {"bpm4i": Reading(float(p), 0.0)}}
    return Point(index=p, point_id=p, attempt=1, begin=p, end=p + 1, data=data)


def add_points(bus, *ids):
    log = keys.points(SCAN)
    bus.commit([Append(log, point(p), Id(p + 1)) for p in ids])


def close(bus, points):
    seal = Seal(index=9, points=points, state=ScanState.CLOSED, reason="done", time=1)
    closed = StateChange(state=ScanState.CLOSED, reason="done")
    bus.commit(
        [
            Append(keys.points(SCAN), seal, Id(points + 1)),
            Append(keys.states(SCAN), closed, Id(2)),
        ]
    )


@pytest.fixture
def bus():
    bus = MemoryBus()
    opened = StateChange(state=ScanState.OPEN)
    bus.commit(
        [
            Append(keys.steps(SCAN), BEGIN, Id.of(0)),
            Append(keys.states(SCAN), opened, Id(1)),
        ]
    )
    return bus


def test_a_feed_ends_by_itself_when_the_scan_has(bus):
    seen = []
    feed = ScanFeed(bus, SCAN, lambda state: seen.append(len(state.rows)))
    feed.start()
    add_points(bus, 0, 1, 2)
    close(bus, 3)
    assert feed.ended.wait(5)
    feed.stop()
    assert seen[-1] == 3


def test_a_burst_of_points_travels_together(bus):
    first, seen = threading.Event(), []

    def show(state):
        seen.append(len(state.rows))
        if state.rows:
            first.set()

    feed = ScanFeed(bus, SCAN, show)
    feed.start()
    add_points(bus, 0)
    assert first.wait(5)
    for p in range(1, 100):
        add_points(bus, p)
    close(bus, 100)
    assert feed.ended.wait(5)
    feed.stop()
    assert seen[-1] == 100
    assert len(seen) < 30


def test_a_feed_that_is_stopped_shows_nothing_more(bus):
    seen = []
    feed = ScanFeed(bus, SCAN, lambda state: seen.append(len(state.rows)))
    feed.start()
    feed.stop()
    count = len(seen)
    add_points(bus, 0)
    assert len(seen) == count


def test_a_scan_can_be_read_after_it_has_ended(bus):
    add_points(bus, 0, 1)
    close(bus, 2)
    state = read_scan(bus, SCAN)
    assert state.is_complete
    assert [row[0] for row in state.rows] == [0, 1]


def test_a_scan_nobody_knows_reads_as_nothing():
    assert read_scan(MemoryBus(), "none").rows == []


def test_a_card_tells_the_place_of_a_scan_that_waits():
    bus, seen, told = MemoryBus(), [], threading.Event()

    def show(state):
        seen.append((state.waits, state.state))
        told.set()

    feed = ScanFeed(bus, SCAN, show, waits=lambda: "2nd in queue primary")
    feed.start()
    assert told.wait(5)
    opened = StateChange(state=ScanState.OPEN)
    bus.commit([Append(keys.steps(SCAN), BEGIN, Id.of(0))])
    bus.commit([Append(keys.states(SCAN), opened, Id(1))])
    close(bus, 0)
    assert feed.ended.wait(5)
    feed.stop()
    assert seen[0] == ("2nd in queue primary", "")
    assert seen[-1] == ("", "closed")


def test_what_left_the_bus_before_a_card_looked_is_taken_from_elsewhere(bus):
    asked = []

    def earlier(start, stop):
        asked.append((start, stop))
        unknown = {"begin": math.nan, "end": math.nan}
        return [
            msgspec.structs.replace(point(p), **unknown) for p in range(start, stop)
        ]

    add_points(bus, *range(40, 50))
    close(bus, 50)
    state = read_scan(bus, SCAN, earlier=earlier)
    assert asked == [(0, 40)]
    assert [row[0] for row in state.rows] == list(range(50))
    assert state.series("bpm4i") == list(range(50))
    assert state.retaken == 0


def test_what_nobody_gives_a_card_is_asked_for_once_and_mixed_up_with_nothing():
    bus, asked, state = MemoryBus(), [], CardState()

    def earlier(start, stop):
        asked.append((start, stop))
        raise DeadlineError("the file writer is dead")

    bus.commit([Append(keys.steps(SCAN), BEGIN, Id.of(0))])
    reader = LogReader(bus, SCAN, state, earlier)
    for some in (range(3), range(40, 43), range(43, 45)):  # 3 to 39 were missed
        add_points(bus, *some)
        while reader.read(0.001):
            pass
    assert asked == [(3, 40)]
    again = msgspec.structs.replace(point(41), attempt=2)
    state.take(again)
    state.take(msgspec.structs.replace(point(20), attempt=2))
    assert [row[0] for row in state.rows] == [0, 1, 2, 20, *range(40, 45)]
    assert state.retaken == 2
