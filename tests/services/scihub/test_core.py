"""Rows of the history, and the outbox that keeps them."""

import json

import pytest

from bec_kernel.wire import FileDone, ScanState, Seal, StateChange
from bec_services.scihub.database.rows import ScanRow, begun, changed, filed
from bec_services.scihub.outbox import Outbox
from tests.services.recorded import T0, begin


def row(number=1, **fields):
    return ScanRow(f"scan{number}", number, "line_scan", "ada", **fields)


def test_a_row_is_filled_as_the_scan_goes_on():
    one = begun(row(), begin())
    assert json.loads(one.parameters) == {"steps": 5}
    assert json.loads(one.metadata) == {"sample": "gold"}
    one = changed(one, StateChange(state=ScanState.OPEN, time=T0))
    one = changed(one, StateChange(state=ScanState.PAUSED, time=T0 + 1))
    one = changed(one, StateChange(state=ScanState.OPEN, time=T0 + 2))
    assert (one.state, one.start_time, one.end_time) == ("open", T0, None)
    ended = StateChange(state=ScanState.ABORTED, time=T0 + 3, reason="user")
    one = changed(one, ended)
    assert (one.state, one.reason, one.end_time) == ("aborted", "user", T0 + 3)
    seal = Seal(
        index=9, points=4, state=ScanState.ABORTED, reason="user", time=T0 + 2.5
    )
    one = filed(one, seal, FileDone(path="/here.h5", points=4))
    assert (one.points, one.file, one.end_time) == (4, "/here.h5", T0 + 2.5)
    assert changed(one, ended) == one


def test_rows_are_delivered_in_the_order_their_scans_began():
    outbox = Outbox(1, 8)
    for number in (3, 1, 2):
        outbox.add(row(number))
    assert [one.number for one in outbox.due(0)] == [1, 2, 3]


def test_a_row_that_changed_meanwhile_is_delivered_again():
    outbox = Outbox(1, 8)
    outbox.add(row())
    rows = outbox.due(0)
    outbox.add(row(state="open"))
    outbox.delivered(rows)
    assert [one.state for one in outbox.due(0)] == ["open"]
    outbox.delivered(outbox.due(0))
    assert outbox.due(0) == []


def test_after_a_failure_it_waits_twice_as_long_each_time_and_tells_once():
    outbox = Outbox(1, 8)
    outbox.add(row())
    now, told, waits = 0.0, [], []
    for _ in range(6):
        told.append(outbox.failed(now))
        assert outbox.due(now) == []
        waits.append(outbox.idle(now, 100))
        now += waits[-1]
        assert outbox.due(now)
    assert told == [True] + [False] * 5
    assert waits == pytest.approx([1, 2, 4, 8, 8, 8])
    outbox.delivered([])
    assert outbox.due(now)
    assert outbox.failed(now)
