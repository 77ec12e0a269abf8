"""A queue in Python and in words: each says the same to the scan server."""

import re

import msgspec
import pytest

from bec_kernel.bus.changes import Append, Put
from bec_kernel.client.queue import command
from bec_kernel.errors import DeviceError, InUseError, RefusedError
from bec_kernel.wire import (
    Condition,
    Hold,
    Item,
    ItemAction,
    ItemState,
    Place,
    QueueAction,
    QueueState,
    QueueStatus,
    QueueVerb,
    ScanRequest,
    ScanState,
    Suspender,
    SuspenderAction,
    Verb,
    keys,
)


def item(name, rank, state=ItemState.PENDING, queue="primary", **more):
    request = ScanRequest(
        request_id=name, name="line_scan", args=["samx", 0, rank], queue=queue
    )
    fields = {"devices": ["samx"], "user": "ann"} | more
    return Item(scan_id=name, request=request, rank=rank, state=state, **fields)


@pytest.fixture
def queue(bec):
    """A queue with one scan that runs, two that wait, a move; and another queue."""
    held = Hold(user="bob", reason="hutch open")
    changes = [
        Put(keys.items(), one, one.scan_id)
        for one in (
            item("runs", 5, ItemState.RUNNING, scan_number=7),
            item("second", 2),
            item("first", 1),
            item("moves", 3, is_scan=False),
            item("other", 4, queue="other"),
        )
    ]
    rule = Condition(device="ring", above=80, held=60)
    bec.bus.commit(
        [
            *changes,
            Put(keys.queues(), QueueStatus(name="primary"), "primary"),
            Put(
                keys.queues(),
                QueueStatus(
                    name="other",
                    state=QueueState.LOCKED,
                    reason=str(held),
                    locked=held,
                ),
                "other",
            ),
            Put(
                keys.suspenders(),
                Suspender(queue="primary", name="ring", rule=rule, user="ada"),
                "primary.ring",
            ),
        ]
    )
    return bec.queue


def asked(server, kind):
    """What the scan server was asked last: what is not as it is by default."""
    last = next(m for m in reversed(server.seen) if isinstance(m, kind))
    fields = msgspec.to_builtins(last)
    for name in ("type", "request_id", "deadline"):
        del fields[name]
    return fields


def test_it_shows_what_runs_what_waits_for_what_and_its_rules(queue):
    title, rule, head, _, *rows = repr(queue).splitlines()
    assert title == "queue primary: running"
    assert rule == "rule ring: ring above 80 for 60 s (by ada)"
    assert head.split()[-3:] == ["begins", "ends", "reason"]
    told = [re.match(r"(.*?) (running|pending) ", row) for row in rows]
    assert [one[1].split() for one in told] == [
        ["7", "ann", "line_scan", "samx", "0", "5"],
        ["1", "ann", "line_scan", "samx", "0", "1"],
        ["2", "ann", "line_scan", "samx", "0", "2"],
        ["ann", "line_scan", "samx", "0", "3"],
    ]
    assert rows[3].endswith("samx is held by scan 7 line_scan of ann")
    assert "locked (by bob: hutch open)" in repr(queue["other"])
    assert "<p>queue primary: running</p>" in queue._repr_html_()
    assert queue.names == ["other", "primary"]


def test_status_tells_state_reason_and_items_in_order(bec, queue):
    primary, other = sorted(
        bec.status()["queues"], key=lambda q: q["name"], reverse=True
    )
    assert [i["scan_id"] for i in primary["items"]] == [
        "runs",
        "first",
        "second",
        "moves",
    ]
    assert primary["items"][3]["reason"] == "samx is held by scan 7 line_scan of ann"
    assert (other["state"], other["reason"]) == ("locked", "by bob: hutch open")


@pytest.mark.parametrize(
    ("words", "kind", "wanted"),
    [
        ("pause", QueueAction, {"verb": QueueVerb.PAUSE}),
        (
            'pause --now --reason "no beam"',
            QueueAction,
            {"verb": QueueVerb.PAUSE_NOW, "reason": "no beam"},
        ),
        ("resume --queue other", QueueAction, {"verb": QueueVerb.RESUME}),
        (
            "lock hutch open --moves",
            QueueAction,
            {"verb": QueueVerb.LOCK, "reason": "hutch open", "moves": True},
        ),
        ("unlock", QueueAction, {"verb": QueueVerb.UNLOCK}),
        ("clear", QueueAction, {"verb": QueueVerb.CLEAR}),
        ("complete", ItemAction, {"verb": Verb.COMPLETE}),
        ("abort --reason=why", ItemAction, {"verb": Verb.ABORT, "reason": "why"}),
        ("halt", ItemAction, {"verb": Verb.HALT}),
        ("restart", ItemAction, {"verb": Verb.RESTART}),
        ("restart sec", ItemAction, {"verb": Verb.RESTART, "scan_id": "second"}),
        (
            "repeat 3 1",
            ItemAction,
            {"verb": Verb.REPEAT, "times": 3, "scan_id": "first"},
        ),
        ("remove 2", ItemAction, {"verb": Verb.REMOVE, "scan_id": "second"}),
        (
            "move 2 top",
            ItemAction,
            {"verb": Verb.MOVE, "scan_id": "second", "place": Place.TOP},
        ),
        (
            "move second 2",
            ItemAction,
            {
                "verb": Verb.MOVE,
                "scan_id": "second",
                "place": Place.TO,
                "position": 2,
            },
        ),
        (
            "suspend_unless ring above 80 for 60 --after-point",
            SuspenderAction,
            {"rule": "ring above 80 for 60", "after_point": True},
        ),
        ("unsuspend ring", SuspenderAction, {"name": "ring"}),
    ],
)
def test_each_word_is_an_ask(queue, server, words, kind, wanted):
    command.run_queue_command(queue, words)
    if "--queue other" in words:
        wanted = {"queue": "other", **wanted}
    assert asked(server, kind) == wanted


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("pausse", "did you mean pause?"),
        ("move 1", "move takes ITEM up|down|top|bottom|PLACE; you gave 1"),
        ("move 9 top", "no item 9 waits in queue primary: 2 do"),
        ("move 1 left", "not 'left'"),
        ("move 1 0", "from 1 on"),
        ("resume now", "resume takes no words"),
        ("pause --later", "no option of pause"),
        ("pause --reason", "--reason needs a value"),
        ("repeat often", "not 'often'"),
        ("history none", "not 'none'"),
    ],
)
def test_a_word_that_is_wrong_is_said_and_nothing_is_asked(queue, server, words, said):
    count = len(server.seen)
    with pytest.raises(RefusedError) as error:
        command.run_queue_command(queue, words)
    assert said in str(error.value)
    assert len(server.seen) == count


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("unl", ["unlock"]),
        ("move ", ["1", "2"]),
        ("move 1 t", ["top"]),
        ("pause --n", ["--now"]),
        ("unsuspend ", ["ring"]),
        ("pause --queue o", ["other"]),
        ("suspend_unless ring ", ["above", "below"]),
    ],
)
def test_tab_offers_what_may_come_next(queue, text, wanted):
    assert command.complete_queue_command(queue, text) == wanted


def test_history_tells_who_when_and_why(queue):
    done = item(
        "done",
        1,
        ItemState.ABORTED,
        scan_number=3,
        by="bob",
        reason="by bob: wrong sample",
        begun=1_700_000_000.0,
        time=1_700_000_002.5,
    )
    other = item("gone", 2, ItemState.CANCELLED, queue="other", by="ada")
    queue._bus.commit([Append(keys.items_done(), one) for one in (done, other)])
    assert [one.scan_id for one in queue.history] == ["done"]
    shown = repr(command.run_queue_command(queue, "history 5")).splitlines()
    assert "line_scan samx 0 1  aborted  bob  by bob: wrong sample  2.5 s" in shown[-1]
    assert repr(queue["third"].history) == "nothing yet"


def test_a_report_completes_its_scan(bec, server):
    server.allowed = 1
    report = bec.run("line_scan samx 0 1 --steps 3")
    report.complete()
    assert asked(server, ItemAction) == {
        "verb": Verb.COMPLETE,
        "scan_id": report.scan_id,
    }
    server.end(report.scan_id, ScanState.CLOSED, "user_completed")


def test_a_set_of_a_motor_in_use_waits_as_a_move_does(bec, server):
    bec.dev.samx.set(98)
    moved = next(m for m in server.seen if isinstance(m, ScanRequest))
    assert (moved.name, moved.args) == ("mv", ["samx", 98])
    server.move_fails = "samx does not move"
    with pytest.raises(DeviceError, match="does not move"):
        bec.dev.samx.set(98)


def test_a_call_of_a_device_in_use_is_refused(bec):
    assert issubclass(InUseError, DeviceError)
    with pytest.raises(InUseError, match="in use by scan 7"):
        bec.dev.bpm4i.call("set", 98)


def test_help_names_every_word():
    told = command.queue_help()
    assert all(f"\n  {verb}" in told for verb in command.VERBS)


def test_what_runs_goes_back_only_to_a_point_that_was_taken(bec, server, line):
    server.allowed = 2
    report = bec.scans.line_scan("samx", 0, 1, steps=5)
    list(zip(range(2), report.points(5), strict=False))
    runs = item(report.scan_id, 1.0, ItemState.RUNNING, begun=1.0)
    line.commit([Put(keys.items(), runs, runs.scan_id)])
    with pytest.raises(RefusedError, match="taken 2 points: it cannot go back to 99"):
        command.run_queue_command(bec.queue, "rewind 99")
