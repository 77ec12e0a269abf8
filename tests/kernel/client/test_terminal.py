"""What a terminal shows of a scan, before, while and after it runs."""

import io
import time

import pytest
from rich.console import Console

from bec_kernel.bus.changes import Put
from bec_kernel.errors import ScanAborted
from bec_kernel.terminal import MoveView, ScanView, follow_to_the_file
from bec_kernel.wire import (
    Item,
    ItemState,
    Point,
    QueueState,
    QueueStatus,
    Reading,
    ScanRequest,
    ScanState,
    Users,
    keys,
)


def drawn(view):
    console = Console(file=io.StringIO(), width=80)
    console.print(view.render())
    return console.file.getvalue()


def put_items(line, *items):
    line.commit([Put(keys.items(), one, one.scan_id) for one in items])


def waiting(scan_id, rank, **more):
    request = ScanRequest(request_id=scan_id, name="acquire")
    return Item(scan_id=scan_id, user="ada", request=request, rank=rank, **more)


def test_a_scan_without_points_has_no_empty_table(bec, server):
    server.allowed = 0
    report = bec.scans.line_scan("samx", 0, 1, steps=3)
    view = ScanView(report)
    assert "line_scan samx 0 1" in drawn(view)
    assert "point  " not in drawn(view)
    server.end(report.scan_id, ScanState.ABORTED, "user")
    with pytest.raises(ScanAborted):
        report.wait(5)
    assert drawn(view).strip() == (
        "Scan 1 line_scan samx 0 1 --steps 3: aborted (user), 0 points"
    )


def test_who_shows_the_report_anyway_gets_how_it_ended_once(bec):
    report = bec.scans.line_scan("samx", 0, 1, steps=3).wait(5)
    view = ScanView(report, ending=False)
    for point in report.points():
        view.add(point)
    assert "closed" not in drawn(view)
    assert "point" in drawn(view)
    assert "closed, 3 points" in drawn(ScanView(report))


def test_an_aborted_scan_says_where_its_file_is(bec, server, monkeypatch):
    server.allowed = 1
    report = bec.scans.line_scan("samx", 0, 1, steps=3)
    report.abort()
    said = []
    with pytest.raises(ScanAborted):
        follow_to_the_file(report, bec.dev, said.append)
    assert said == ["/data/S1.h5"]


def test_the_live_table_shows_what_a_device_hints_at(bec):
    report = bec.scans.acquire().wait(5)
    view = ScanView(report, {"eye": ["eye_total", "eye_mean"]})
    names = ("eye_exposures", "eye_total", "eye_mean")
    readings = {name: Reading(float(i), 0.0) for i, name in enumerate(names)}
    data = {"eye": readings, "bpm4i": {"bpm4i": Reading(1.0, 0.0)}}
    view.add(Point(index=0, point_id=0, attempt=1, begin=0.0, end=1.0, data=data))
    shown = drawn(view)
    assert "eye_exposures" not in shown
    for name in ("eye_total", "eye_mean", "bpm4i"):
        assert name in shown


def test_a_scan_that_waits_says_its_place_and_when_it_begins(bec, server, line):
    server.hold = True
    put_items(
        line,
        waiting("run", 0.1, state=ItemState.RUNNING, estimate=60.0),
        waiting("first", 0.2, estimate=60.0),
        waiting("other", 0.3, estimate=None),
    )
    report = bec.scans.line_scan("samx", 0, 1, steps=3)
    bec.reader.wait_for(lambda: report.waits, "the item", 5)
    assert report.waits == "3rd in queue primary"  # nobody knows how long one takes
    put_items(line, waiting("other", 0.3, estimate=60.0))
    soon = {
        time.strftime("%H:%M", time.localtime(time.time() + wait))
        for wait in (179.0, 181.0)
    }
    assert report.waits in {f"3rd in queue primary, begins {at}" for at in soon}
    assert "pending: 3rd in queue primary, begins" in drawn(ScanView(report))
    users = Users(names=["tester"], device_servers=["main"], virtual=True)
    line.commit([Put(keys.users(), users)])
    assert report.waits == "3rd in queue primary"
    paused = QueueStatus(name="primary", state=QueueState.PAUSED, reason="by ada")
    line.commit([Put(keys.queues(), paused, "primary")])
    assert report.waits == "3rd in queue primary; queue primary is paused (by ada)"
    bec.queue.clear()
    bec.reader.wait_for(lambda: not report.waits, "its end", 5)


def test_a_move_shows_where_its_motors_were(bec, server):
    report = bec.mv("samx", 1)
    assert drawn(MoveView(report, bec.dev)).strip() == "samx at 1.5 mm, was 0 mm"
