"""Scans and moves, against a scan server as small as can be."""

import pytest

from bec_kernel.bus.changes import Append
from bec_kernel.client import error_of
from bec_kernel.errors import (
    DeadlineError,
    DeviceError,
    RefusedError,
    ScanAborted,
)
from bec_kernel.wire import (
    ItemAction,
    Problem,
    Reply,
    ScanRequest,
    ScanState,
    Verb,
)


def test_a_scan_is_asked_for_and_waited_for(bec):
    report = bec.scans.line_scan(bec.dev.samx, -5, 5, steps=3, exp_time=0.01)
    assert report.wait(timeout=5) is report
    assert report.status is ScanState.CLOSED
    assert report.reason == "done"
    assert report.scan_number == 1
    assert str(report.file) == "/data/S1.h5"
    assert report.total == 3
    assert (
        repr(report)
        == "Scan 1 line_scan samx -5 5 --steps 3 --exp-time 0.01: closed, 3 points"
    )


def test_the_table_has_one_row_a_point_and_ophyds_names(bec):
    table = bec.run("line_scan samx 0 1 --steps 3").wait(5).to_pandas()
    assert list(table.columns) == ["samx", "samx_setpoint", "bpm4i"]
    assert table.index.name == "point_id"
    assert list(table.index) == [0, 1, 2]
    assert list(table["bpm4i"]) == [0.0, 10.0, 20.0]


def test_the_dataset_knows_units(bec):
    data = bec.run("line_scan samx 0 1 --steps 3").wait(5).to_xarray()
    assert data["samx"].attrs["units"] == "mm"
    assert data["bpm4i"].dims == ("point_id",)


def test_the_last_fit_is_waited_for(bec):
    report = bec.scans.line_scan("samx", 0, 1, steps=3, fit="Gaussian").wait(5)
    assert report.fit.values["center"] == 0.5


def test_points_come_once_each_while_the_scan_runs(bec, server):
    server.allowed = 2
    report = bec.scans.line_scan("samx", 0, 1, steps=4)
    points = report.points(timeout=5)
    assert [next(points).point_id, next(points).point_id] == [0, 1]
    server.allowed = 4
    server.points(report.scan_id)
    assert [point.point_id for point in points] == [2, 3]


def test_points_come_once_each_when_the_broker_was_away(bec, server, line):
    server.allowed = 2
    report = bec.scans.line_scan("samx", 0, 1, steps=5)
    points = report.points(timeout=5)
    seen = [next(points).point_id, next(points).point_id]
    line.cut = True
    bec.reader.wait_for(lambda: bec.reader._lost, "the loss", 5)
    server.allowed = 5
    server.points(report.scan_id)
    line.cut = False
    assert seen + [point.point_id for point in points] == [0, 1, 2, 3, 4]


def test_a_request_is_sent_again_with_its_id_when_the_broker_came_back(
    bec, server, line
):
    server.deaf = True
    request = bec.parse("acquire")
    report = bec._make("a" * 32, request=request)

    def flap() -> None:
        line.cut = True
        bec.reader.wait_for(lambda: bec.reader._lost, "the loss", 5)
        server.deaf = False
        line.cut = False

    old = line.ask

    def ask(inbox, message):
        at = old(inbox, message)
        if len([m for m in server.seen if isinstance(m, ScanRequest)]) == 0:
            flap()
        return at

    line.ask = ask
    bec.submit(ScanRequest(request_id=report.scan_id, name="acquire"))
    report.wait(5)
    assert {m.request_id for m in server.seen} == {report.scan_id}
    assert server.number == 1


def test_a_refusal_becomes_its_exception(bec):
    with pytest.raises(RefusedError, match="samx is locked") as caught:
        bec.scans.acquire(metadata={"refuse": "samx is locked"})
    assert caught.value.subject == "samx"


def test_a_problem_of_an_unknown_kind_is_a_refusal():
    assert type(error_of(Problem(kind="SystemExit", message="x"))) is RefusedError
    assert type(error_of(Problem(kind="DeviceError", message="x"))) is DeviceError


def test_a_bad_request_is_never_sent(bec, server):
    for text in ("line_scn", "line_scan smx 0 1 --steps 3", "acquire --exp-time -1"):
        with pytest.raises(RefusedError):
            bec.run(text)
    with pytest.raises(AttributeError, match="did you mean line_scan"):
        _ = bec.scans.line_scn
    assert server.seen == []


def test_an_answer_that_does_not_come_has_a_deadline_with_a_name(bec, server):
    server.deaf = True
    with pytest.raises(DeadlineError, match="answer of device server"):
        bec.dev.samx.read(timeout=0.05)


def test_waiting_for_a_scan_has_a_deadline_with_a_name(bec, server):
    server.allowed = 1
    report = bec.scans.line_scan("samx", 0, 1, steps=3)
    with pytest.raises(
        DeadlineError, match=r"end of Scan 1 did not come within 0\.05 s"
    ):
        report.wait(timeout=0.05)
    assert report.status is ScanState.OPEN


def test_somebody_elses_abort_is_raised_with_its_reason(bec, server):
    server.allowed = 2
    report = bec.scans.line_scan("samx", 0, 1, steps=9)
    report.abort()
    with pytest.raises(ScanAborted, match=r"Scan 1 aborted: user \(after 2 points\)"):
        report.wait(5)
    assert repr(report).endswith("aborted (user), 2 points")


def test_who_acts_on_an_ended_scan_is_told_its_number_and_how_it_ended(bec, server):
    report = bec.scans.line_scan("samx", 0, 1, steps=3).wait(5)
    name = report.scan_id
    problem = Problem(kind="RefusedError", message=f"{name} is not", subject=name)

    def refuse(replies, at, asked):
        reply = Reply(request_id=asked.request_id, asked="", problem=problem)
        server.bus.commit([Append(replies, reply)])

    server.take = refuse
    with pytest.raises(RefusedError) as caught:
        report.pause()
    said = "nothing to pause: Scan 1 has ended: closed, 3 points"
    assert str(caught.value) == said
    with pytest.raises(RefusedError, match="cannot go back to here"):
        report.rewind("here")


def interrupting(server, monkeypatch, bec, times=1):
    """Let the next waits of the client be interrupted, as Ctrl-C does."""
    wait_for = bec.reader.wait_for
    left = [times]

    def interrupted(ready, what, timeout):
        if left[0] and what.startswith(("the end", "point 2")):
            left[0] -= 1
            raise KeyboardInterrupt
        return wait_for(ready, what, timeout)

    monkeypatch.setattr(bec.reader, "wait_for", interrupted)


def verbs(server):
    return [m.verb for m in server.seen if isinstance(m, ItemAction)]


def test_an_interrupt_aborts_and_says_where(bec, server, monkeypatch):
    server.allowed = 2
    report = bec.scans.line_scan("samx", 0, 1, steps=9)
    interrupting(server, monkeypatch, bec)
    with pytest.raises(ScanAborted, match="Scan 1 stopped: interrupted at point 2"):
        report.wait()
    assert report.status is ScanState.ABORTED
    assert verbs(server) == [Verb.ABORT]


def test_an_interrupt_between_points_aborts_too(bec, server, monkeypatch):
    server.allowed = 2
    report = bec.scans.line_scan("samx", 0, 1, steps=9)
    interrupting(server, monkeypatch, bec)
    seen = []
    with pytest.raises(ScanAborted, match="interrupted at point 2"):
        seen += [seen.append(point.point_id) for point in report.points()]
    assert seen == [0, 1]


def test_a_second_interrupt_halts(bec, server, monkeypatch, until):
    server.allowed = 2
    report = bec.scans.line_scan("samx", 0, 1, steps=9)
    monkeypatch.setattr(server, "act", lambda action: None)
    interrupting(server, monkeypatch, bec, times=2)
    with pytest.raises(ScanAborted, match="interrupted"):
        report.wait()
    until(lambda: len(verbs(server)) == 2)
    assert verbs(server) == [Verb.ABORT, Verb.HALT]


def test_an_interrupt_that_comes_too_late_is_an_interrupt(bec, server, monkeypatch):
    report = bec.scans.line_scan("samx", 0, 1, steps=2)
    report.wait(5)
    interrupting(server, monkeypatch, bec)
    monkeypatch.setattr(server, "act", lambda action: None)
    with pytest.raises(KeyboardInterrupt):
        report.wait()


def test_callbacks_get_each_point_and_their_errors_are_told(bec, server):
    server.allowed = 1
    seen = []
    report = bec.scans.line_scan("samx", 0, 1, steps=3)
    report.on_point(lambda point: seen.append(point.point_id))
    broken = report.on_point(lambda point: 1 / 0)
    bec.reader.wait_for(lambda: report._errors, "the error", 5)
    server.allowed = 3
    server.points(report.scan_id)
    with pytest.warns(UserWarning, match="ZeroDivisionError"):
        broken.wait(5)
    for _ in report.points():
        pass
    assert seen[:1] == [0]


def test_a_move_waits_and_sends_names(bec, server):
    report = bec.mv(bec.dev.samx, 1, "samy", 2)
    assert repr(report) == "samx at 1 mm, samy at 2 mm"
    assert server.seen[-1].args == ["samx", 1.0, "samy", 2.0]
    bec.mvr(bec.dev.samx, 1)
    assert server.seen[-1].kwargs == {"relative": True}
    assert report.file is None


def test_a_move_that_fails_is_a_device_error(bec, server):
    server.move_fails = "samx hit its switch"
    with pytest.raises(DeviceError, match="samx hit its switch"):
        bec.mv("samx", 1)
