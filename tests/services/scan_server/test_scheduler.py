"""The scheduler: requests for items and queues are refused, done, and recorded."""

import time
import uuid

import msgspec
import pytest

from bec_kernel.bus.changes import Put
from bec_kernel.wire import (
    Control,
    Hold,
    Item,
    ItemAction,
    ItemState,
    Place,
    QueueVerb,
    ScanRequest,
    Users,
    Verb,
    keys,
)
from bec_services.scan_server.queue.item_actions import control
from bec_services.scan_server.queue.queues import Queues
from bec_services.scan_server.scans import LineScan
from tests.services.scan_server.beamline import Beamline, said


@pytest.fixture
def beamline(tmp_path):
    beamline = Beamline(tmp_path)
    beamline.start()
    yield beamline
    beamline.close()


def waiting(beamline: Beamline) -> list[str]:
    return [n for n, one in beamline.items().items() if one.state == "pending"]


def controls(beamline: Beamline, scan_id: str) -> list[Control]:
    return [e.message for e in beamline.bus.read(keys.controls(scan_id))]


# --- items ---------------------------------------------------------------------------
def test_what_waits_is_moved_and_removed_at_any_time(beamline):
    running, *rest = [beamline.scan() for _ in range(4)]
    assert beamline.act(Verb.MOVE, rest[2], place=Place.TOP) is None
    assert waiting(beamline) == [rest[2], rest[0], rest[1]]
    beamline.act(Verb.MOVE, rest[2], place=Place.TO, position=2)
    assert waiting(beamline) == [rest[0], rest[2], rest[1]]
    assert beamline.act(Verb.REMOVE, rest[0], user="bob", reason="no sample") is None
    assert waiting(beamline) == [rest[2], rest[1]]
    gone = beamline.ended(rest[0])
    assert (gone.state, gone.by, gone.user) == ("cancelled", "bob", "ada")
    assert gone.reason == "by bob: no sample"
    assert abs(gone.time - time.time()) < 10
    assert beamline.state(running) == "running"


@pytest.mark.parametrize(
    ("verb", "more", "text"),
    [
        (Verb.MOVE, {}, "line_scan has begun: it can no longer move"),
        (Verb.REMOVE, {}, "has begun"),
        (Verb.RESUME, {}, "is not paused"),
        (Verb.RETRY, {}, "retry cannot be requested"),
        (Verb.REPEAT, {"times": 0}, "1 to 1000 times, not 0"),
        (Verb.PAUSE, {"deadline": 1.0}, "too late"),
    ],
)
def test_what_cannot_be_done_to_what_runs_is_refused(beamline, verb, more, text):
    scan = beamline.scan()
    beamline.until_state(scan, "running")
    before = beamline.items()
    assert text in beamline.act(verb, scan, **more)
    assert beamline.items() == before


def test_what_cannot_be_done_to_what_waits_is_refused(beamline):
    beamline.scan()
    second = beamline.scan()
    for verb in (Verb.PAUSE, Verb.RESUME, Verb.COMPLETE, Verb.RESTART):
        assert "has not begun" in beamline.act(verb, second)
    assert "needs a place" in beamline.act(Verb.MOVE, second)
    assert "nothing to abort: nobody" in beamline.act(Verb.ABORT, "nobody")


def test_an_abort_of_one_item_goes_on_with_the_next(beamline):
    first, second = beamline.scan(), beamline.scan()
    beamline.act(Verb.ABORT, first, user="bob", reason="wrong sample")
    beamline.until_state(second, "running")
    ended = beamline.ended(first)
    assert (ended.state, ended.by) == ("aborted", "bob")
    assert "by bob: wrong sample" in ended.reason
    assert ended.asked <= ended.begun <= ended.time


def test_a_user_does_not_abort_the_scan_of_another(tmp_path):
    beamline = Beamline(tmp_path)
    users = Users(names=["ada", "bob"], device_servers=["main"], roles={"bob": "user"})
    beamline.bus.commit([Put(keys.users(), users)])
    beamline.start()
    try:
        first, own = beamline.scan(), beamline.scan(user="bob")
        refused = beamline.act(Verb.ABORT, first, user="bob")
        assert refused.startswith("bob may not abort ")
        assert "it is ada's" in refused
        assert beamline.act(Verb.ABORT, own, user="bob") is None
        beamline.until_state(own, "cancelled")
        beamline.until_state(first, "running")
    finally:
        beamline.close()


def test_a_scan_that_is_good_enough_is_completed(beamline):
    first = beamline.scan()
    beamline.act(Verb.COMPLETE, user="bob")
    beamline.until_state(first, "completed")
    ended = beamline.ended(first)
    assert (ended.reason, ended.by) == ("user_completed", "bob")


def test_nobody_is_named_where_a_scan_goes_its_way(beamline):
    beamline.devices.points.set()
    scan = beamline.scan()
    beamline.until_state(scan, "completed")
    assert (beamline.ended(scan).by, beamline.ended(scan).reason) == ("", "done")


def test_a_restart_aborts_what_runs_and_is_the_next(beamline):
    first, second = beamline.scan(), beamline.scan()
    (again,) = beamline.act(Verb.RESTART, user="bob")
    beamline.until_state(again, "running")
    assert beamline.state(first) == "aborted"
    assert waiting(beamline) == [second]
    item = beamline.items()[again]
    assert (item.user, item.again) == ("bob", first)
    assert item.request.args == ["samx", 0, 1]
    assert "restarted" in beamline.ended(first).reason


def test_what_has_ended_is_restarted_and_repeated_from_its_log(beamline):
    first = beamline.scan()
    beamline.act(Verb.ABORT)
    beamline.until_state(first, "aborted")
    running = beamline.scan()
    later = beamline.scan()
    (again,) = beamline.act(Verb.RESTART, first)
    more = beamline.act(Verb.REPEAT, first, times=2)
    assert waiting(beamline) == [again, later, *more]
    assert beamline.state(running) == "running"
    assert "is not known" in beamline.act(Verb.REPEAT, "nobody")


def test_a_repetition_asked_for_twice_is_done_once(beamline):
    scan = beamline.scan()
    action = ItemAction(
        request_id=uuid.uuid4().hex, verb=Verb.REPEAT, scan_id=scan, times=3
    )
    ids = said(beamline.ask(action))
    assert said(beamline.ask(action)) == ids
    assert waiting(beamline) == ids == [f"{action.request_id}-{k}" for k in (1, 2, 3)]


def test_a_restart_that_the_guard_refuses_aborts_nothing(beamline):
    scan = beamline.scan()
    action = ItemAction(request_id="no id", verb=Verb.RESTART, scan_id=scan)
    assert "cannot be a request's id" in said(beamline.ask(action))
    assert controls(beamline, scan) == []


# --- moves ---------------------------------------------------------------------------
def test_a_move_says_who_holds_its_device_and_waits(beamline):
    scan = beamline.scan("samx")
    reply = beamline.move("samx")
    assert reply.value == "samx is held by scan 1 line_scan of ada"
    assert "cannot begin at once: samx is held" in said(
        beamline.move("samx", nowait=True)
    )
    assert beamline.move("samy", nowait=True).problem is None
    assert "is not a scan" in beamline.act(Verb.PAUSE, waiting_move(beamline, "samy"))
    beamline.devices.points.set()
    beamline.until(lambda: not beamline.items())
    assert beamline.state(scan) == "completed"


def test_a_move_is_written_down_with_before_and_after(beamline):
    beamline.show("samx", 0.25)
    beamline.move("samx")
    (scan_id,) = beamline.items()
    beamline.until_state(scan_id, "running")
    beamline.show("samx", 1.0)
    beamline.devices.points.set()
    beamline.until_state(scan_id, "completed")
    done = beamline.ended(scan_id)
    assert (done.before, done.after) == ({"samx": 0.25}, {"samx": 1.0})
    assert (done.user, done.scan_number) == ("ada", None)


def test_logs_of_a_move_go_when_it_has_ended_and_those_of_a_scan_do_not(beamline):
    beamline.devices.points.set()
    scan = beamline.scan("samy")
    beamline.move("samx")
    beamline.until(lambda: not beamline.items())
    ends = [entry.message for entry in beamline.bus.read(keys.items_done())]
    told = [entry.message for entry in beamline.bus.read(keys.expiring())]
    assert [e.scan_id for e in told] == [e.scan_id for e in ends if not e.is_scan]
    assert abs(told[0].until - time.time() - 24 * 3600) < 60
    assert beamline.state(scan) == "completed"


def waiting_move(beamline: Beamline, motor: str) -> str:
    found: list[Item] = [
        one for one in beamline.items().values() if one.request.args[0] == motor
    ]
    return found[-1].scan_id


def test_a_scan_that_shall_not_wait_is_refused_behind_another(beamline):
    beamline.scan()
    request = ScanRequest(
        request_id="now",
        name="line_scan",
        args=["samy", 0, 1],
        kwargs={"steps": 3},
        nowait=True,
    )
    assert "runs in queue primary" in said(beamline.ask(request))


# --- queues --------------------------------------------------------------------------
def test_until_its_worker_goes_on_a_resumed_scan_says_that_it_will():
    hold, request = Hold(user="ada"), ScanRequest(request_id="a", name="line_scan")
    item = Item(
        scan_id="a",
        user="ada",
        request=request,
        rank=1.0,
        state=ItemState.PAUSED,
        paused=hold,
        reason=str(hold),
    )
    queues = Queues([item])
    control(queues, item, Verb.RESUME, hold)
    assert queues.items["a"].reason == "resuming"
    running = msgspec.structs.replace(item, state=ItemState.RUNNING, reason="")
    queues = Queues([running])  # the pause that was asked for has no effect yet
    control(queues, running, Verb.RESUME, hold)
    assert queues.items["a"].reason == ""


def test_a_queue_that_is_paused_pauses_what_runs_and_begins_nothing(beamline):
    first, second = beamline.scan(), beamline.scan()
    assert beamline.on_queue(QueueVerb.PAUSE, reason="lunch") is None
    beamline.until_state(first, "paused")
    assert beamline.items()[first].reason == "by ada: lunch"
    assert beamline.queue().reason == "by ada: lunch"
    beamline.act(Verb.ABORT, first)
    beamline.until_state(first, "aborted")
    assert beamline.state(second) == "pending"
    beamline.on_queue(QueueVerb.RESUME)
    beamline.until_state(second, "running")
    assert beamline.queue().state == "running"


def test_a_pause_holds_also_where_the_scan_is_only_about_to_open(beamline):
    for _ in range(5):
        scan = beamline.scan()
        beamline.on_queue(QueueVerb.PAUSE)  # mostly before it is open
        beamline.until_state(scan, "paused")
        beamline.on_queue(QueueVerb.RESUME)
        beamline.until_state(scan, "running")
        beamline.act(Verb.ABORT, scan)
        beamline.until_state(scan, "aborted")


def test_a_lock_lets_go_on_what_runs_and_says_who_and_why(beamline):
    first, second = beamline.scan(), beamline.scan()
    assert "needs a reason" in beamline.on_queue(QueueVerb.LOCK)
    beamline.on_queue(QueueVerb.LOCK, user="bob", reason="hutch open")
    assert beamline.queue().reason == "by bob: hutch open"
    assert "locked already, by bob" in beamline.on_queue(QueueVerb.LOCK, reason="me")
    beamline.devices.points.set()
    beamline.until_state(first, "completed")
    assert beamline.state(second) == "pending"
    assert "locked by bob: hutch open" in str(beamline.move("samx").value)
    beamline.on_queue(QueueVerb.UNLOCK)
    beamline.until_state(second, "completed")
    assert "is not locked" in beamline.on_queue(QueueVerb.UNLOCK)


def test_a_pause_in_one_queue_touches_no_other(beamline):
    first, other = beamline.scan("samx"), beamline.scan("samy", queue="other")
    beamline.on_queue(QueueVerb.PAUSE_NOW, queue="other")
    beamline.until_state(other, "paused")
    assert beamline.state(first) == "running"
    assert beamline.queue().state == "running"


@pytest.mark.parametrize(
    ("verb", "queue", "text"),
    [
        (QueueVerb.RESUME, "primary", "is not paused"),
        (QueueVerb.RESUME, "nowhere", "no queue 'nowhere': there is primary"),
        (QueueVerb.LOCK, "primry", "did you mean primary?"),
        (QueueVerb.LOCK, "a queue", "not a valid queue name"),
        (QueueVerb.PAUSE, "x" * 65, "not a valid queue name"),
    ],
)
def test_what_cannot_be_done_to_a_queue_is_refused(beamline, verb, queue, text):
    assert text in beamline.on_queue(verb, queue=queue, reason="so")
    assert list(beamline.bus.get_all(keys.queues())) == ["primary"]


def test_clear_takes_away_what_waits_and_says_by_whom(beamline):
    first, *rest = [beamline.scan() for _ in range(4)]
    beamline.on_queue(QueueVerb.CLEAR, user="bob")
    assert waiting(beamline) == []
    assert {beamline.ended(one).by for one in rest} == {"bob"}
    assert beamline.state(first) == "running"


def test_a_change_beside_thousands_is_published_alone(beamline):
    scan = beamline.scan()
    ids = [one for _ in range(3) for one in beamline.act(Verb.REPEAT, scan, times=1000)]
    before = dict(beamline.broker.values[keys.items().name])
    beamline.act(Verb.MOVE, ids[-1], place=Place.TOP)
    after = beamline.broker.values[keys.items().name]
    assert [name for name in after if after[name] != before[name]] == [ids[-1]]
    beamline.on_queue(QueueVerb.CLEAR)
    assert waiting(beamline) == []


def test_a_rewind_that_cannot_be_is_told(beamline):
    scan = beamline.scan()
    beamline.until_state(scan, "running")
    assert beamline.act(Verb.REWIND, scan, point=2) is None
    beamline.until(lambda: beamline.bus.last(keys.alarms()))
    alarm = beamline.bus.last(keys.alarms()).message
    assert alarm.message.startswith(
        "scan 1 is not rewound to point 2: a scan can be rewound only"
    )
    assert (alarm.scan_id, alarm.severity) == (scan, "minor")


# --- another life --------------------------------------------------------------------
def test_everything_is_read_back_in_the_next_life(beamline):
    beamline.on_queue(QueueVerb.LOCK, reason="hutch open")
    beamline.on_queue(QueueVerb.PAUSE, queue="other", reason="lunch")
    first, second = beamline.scan(), beamline.scan()
    beamline.act(Verb.MOVE, second, place=Place.TOP)
    other = beamline.scan("samy", queue="other")
    queues = beamline.bus.get_all(keys.queues())
    beamline.kill()
    beamline.start()
    beamline.scan("samy", queue="third")
    assert {n: beamline.queue(n) for n in queues} == queues
    assert {beamline.state(one) for one in (first, second, other)} == {"pending"}
    beamline.devices.points.set()
    beamline.on_queue(QueueVerb.UNLOCK)
    beamline.until_state(first, "completed")
    begun = [e.message.scan_id for e in beamline.bus.read(keys.scans())]
    assert begun[-2:] == [second, first]
    assert beamline.state(other) == "pending"


class SameVersion(LineScan):
    """Line scan with other source text and the same version."""


class NextVersion(LineScan):
    """Line scan whose version says that its steps have changed."""

    version = 2


def taken_up_by(beamline, line_scan):
    """Begin a scan and end the life; the next life has another line scan."""
    scan = beamline.scan()
    beamline.until_state(scan, "running")
    beamline.kill()
    beamline.start(line_scan)
    beamline.devices.points.set()
    beamline.until(lambda: beamline.ended(scan))
    alarms = [one.message for one in beamline.bus.read(keys.alarms())]
    return beamline.ended(scan), alarms


def test_a_changed_text_of_the_same_version_continues_and_raises_a_minor_alarm(
    beamline,
):
    item, (alarm,) = taken_up_by(beamline, SameVersion)
    assert (item.state, item.reason) == ("completed", "done")
    assert alarm.severity == "minor"
    assert alarm.message.startswith("scan 1 continues with changed source text")


def test_the_same_text_continues_without_an_alarm(beamline):
    item, alarms = taken_up_by(beamline, LineScan)
    assert (item.state, alarms) == ("completed", [])


def test_another_version_ends_the_scan_as_interrupted(beamline):
    item, (alarm,) = taken_up_by(beamline, NextVersion)
    last = beamline.bus.last(keys.states(item.scan_id)).message
    assert (item.state, last.reason) == ("failed", "changed_program")
    assert alarm.severity == "major"
    assert "'frame 1, line_scan 2'" in alarm.message
