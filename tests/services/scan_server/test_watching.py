"""A queue under a rule: it waits and pauses by itself, and goes on by itself."""

import pytest

from bec_kernel.bus.changes import Put
from bec_kernel.wire import AnswerStatus, QueueVerb, ScanRequest, Users, Verb, keys
from tests.services.scan_server.beamline import Beamline


@pytest.fixture
def beamline(tmp_path):
    beamline = Beamline(tmp_path)
    beamline.start()
    yield beamline
    beamline.close()


def test_a_rule_pauses_what_runs_and_goes_on_by_itself(beamline):
    scan = beamline.scan()
    assert beamline.rule("ring above 80 for 0.1") is None
    assert beamline.queue().state == "running"
    beamline.show("ring", 12.0)
    beamline.until_state(scan, "paused")
    reason = "suspended: ring above 80 for 0.1 s: it is 12"
    assert beamline.queue().reason == reason
    assert beamline.items()[scan].reason == reason
    assert "goes on by itself" in beamline.act(Verb.RESUME, scan)
    assert "suspended: ring" in beamline.on_queue(QueueVerb.RESUME)
    beamline.show("ring", 200.0)
    beamline.until_state(scan, "running")
    assert beamline.queue().state == "running"
    alarms = [e.message.message for e in beamline.bus.read(keys.alarms())]
    assert alarms == ["queue primary is suspended: ring above 80 for 0.1 s: it is 12"]


def test_a_rule_that_is_not_so_lets_nothing_begin_but_moves(beamline):
    beamline.show("ring", 0.0)
    beamline.rule("ring above 80")
    scan = beamline.scan()
    other = beamline.scan("samy", queue="other")
    beamline.until_state(other, "running")
    assert beamline.move("samx", nowait=True).problem is None
    assert beamline.state(scan) == "pending"
    beamline.devices.points.set()
    beamline.show("ring", 100.0)
    beamline.until_state(scan, "completed")


def test_what_is_asked_after_a_value_has_changed_is_held_up_by_it(beamline):
    beamline.rule("ring above 80")
    beamline.devices.points.set()
    for _ in range(5):
        beamline.show("ring", 0.0)
        scan = beamline.scan()
        beamline.until(lambda: beamline.queue().suspended)
        assert not beamline.items()[scan].begun
        beamline.show("ring", 400.0)
        beamline.until_state(scan, "completed")


def test_a_scan_that_will_not_wait_is_refused_right_after_a_value_has_changed(beamline):
    beamline.rule("ring above 80")
    beamline.show("ring", 0.0)
    words = {"args": ["samx", 0, 1], "kwargs": {"steps": 3}}
    now = ScanRequest(request_id="now", name="line_scan", nowait=True, **words)
    assert "it is 0" in beamline.ask(now).problem.message
    assert not beamline.items()


def test_a_rule_never_goes_on_with_what_a_person_paused(beamline):
    scan = beamline.scan()
    beamline.until(lambda: beamline.bus.last(keys.states(scan)))
    beamline.act(Verb.PAUSE_NOW, scan, user="bob")
    beamline.rule("ring above 80")
    beamline.show("ring", 0.0)
    beamline.until(lambda: beamline.queue().state == "paused")
    beamline.show("ring", 100.0)
    beamline.until(lambda: beamline.queue().state == "running")
    beamline.until_state(scan, "paused")
    assert beamline.items()[scan].paused.user == "bob"
    assert [e.message.verb for e in beamline.bus.read(keys.controls(scan))] == [
        Verb.PAUSE_NOW
    ]


def test_a_person_who_pauses_what_a_rule_paused_is_heard(beamline):
    scan = beamline.scan()
    beamline.rule("ring above 80")
    beamline.show("ring", 0.0)
    beamline.until_state(scan, "paused")
    beamline.act(Verb.PAUSE, scan, user="bob")
    beamline.show("ring", 100.0)
    beamline.until(lambda: beamline.queue().state == "running")
    assert beamline.state(scan) == "paused"
    beamline.act(Verb.RESUME, scan)
    beamline.until_state(scan, "running")


def test_a_persons_resume_waits_for_the_rule(beamline):
    scan = beamline.scan()
    beamline.on_queue(QueueVerb.PAUSE_NOW)
    beamline.until_state(scan, "paused")
    beamline.rule("ring above 80")
    beamline.show("ring", 0.0)
    beamline.until(lambda: "suspended" in beamline.queue().reason)
    assert beamline.on_queue(QueueVerb.RESUME) is None
    assert beamline.state(scan) == "paused"
    beamline.show("ring", 100.0)
    beamline.until_state(scan, "running")


def test_the_point_under_way_may_be_finished_first(beamline):
    scan = beamline.scan()
    beamline.until(lambda: beamline.bus.last(keys.states(scan)))
    beamline.rule("ring above 80", after_point=True)
    beamline.show("ring", 0.0)
    beamline.until(lambda: beamline.bus.last(keys.controls(scan)))
    assert beamline.bus.last(keys.controls(scan)).message.verb is Verb.PAUSE


def test_a_rule_that_is_taken_away_holds_nothing_up(beamline):
    beamline.show("ring", 0.0)
    beamline.rule("ring above 80", name="beam")
    scan = beamline.scan()
    assert beamline.state(scan) == "pending"
    assert "it has beam" in beamline.rule(name="ring")
    beamline.rule(name="beam")
    beamline.until_state(scan, "running")
    assert beamline.bus.get_all(keys.suspenders()) == {}


def test_a_device_that_is_lost_breaks_a_rule(beamline):
    beamline.rule("ring above 80")
    lost = beamline.bus.get(keys.devices("main"), "ring")
    beamline.put_device(lost, connected=False)
    beamline.until(lambda: "its value is not known" in beamline.queue().reason)
    beamline.put_device(lost, connected=True)
    beamline.until(lambda: beamline.queue().state == "running")


def test_rules_and_what_they_hold_up_are_there_in_the_next_life(beamline):
    beamline.rule("ring above 80 for 0.2")
    scan = beamline.scan()
    beamline.show("ring", 0.0)
    beamline.until_state(scan, "paused")
    beamline.kill()
    beamline.show("ring", 100.0)
    assert beamline.state(scan) == "paused"
    beamline.start()
    beamline.until_state(scan, "running")
    beamline.show("ring", 0.0)
    beamline.until_state(scan, "paused")


@pytest.mark.parametrize(
    ("rule", "text"),
    [
        ("ring", "neither above nor below"),
        ("ring above eighty", "comes a number"),
        ("ring above 80 within 5", "has no deadline"),
        ("rong above 80", "no device for a rule 'rong': did you mean ring"),
        ("ring.x above 80", "has no signal 'x'"),
    ],
)
def test_a_rule_that_cannot_be_is_refused(beamline, rule, text):
    assert text in beamline.rule(rule)
    assert beamline.bus.get_all(keys.suspenders()) == {}


def waits(beamline):
    """Rules that were waited for on the virtual clock, and how that ended."""
    done = [entry.message for entry in beamline.bus.read(keys.items_done())]
    assert {item.user for item in done if item.request.name == "wait"} <= {"suspender"}
    return [
        (item.request.kwargs["wait_until"], str(item.state))
        for item in done
        if item.request.name == "wait"
    ]


@pytest.fixture
def virtual(beamline):
    users = Users(names=["ada", "bob"], device_servers=["main"], virtual=True)
    beamline.bus.commit([Put(keys.users(), users)])
    beamline.until(lambda: beamline.bus.get(keys.users()).virtual)
    beamline.kill()
    beamline.start()
    return beamline


def test_on_a_virtual_clock_time_is_let_pass_for_a_rule_where_all_waits_for_it(virtual):
    virtual.rule("ring above 80 for 60")
    virtual.show("ring", 12.0)
    virtual.until(lambda: virtual.queue().state == "paused")
    assert waits(virtual) == []  # nothing waits for it
    scan = virtual.scan()
    virtual.until_state(scan, "running")
    rule = "ring above 80.0 for 60.0 within 3660.0"
    assert waits(virtual) == [(rule, "completed")]
    assert virtual.queue().state == "running"


def test_time_that_helps_nothing_is_told_and_let_pass_again_when_the_value_is_good(
    virtual,
):
    virtual.devices.waits = AnswerStatus.ERROR
    virtual.rule("ring above 80 for 60")
    virtual.show("ring", 12.0)
    scan = virtual.scan()
    rule = "ring above 80.0 for 60.0 within 3660.0"
    virtual.until(lambda: waits(virtual) == [(rule, "aborted")])
    assert virtual.state(scan) in ("pending", "paused")
    told = [e.message.message for e in virtual.bus.read(keys.alarms())]
    assert any("stays suspended: ring above 80 for 60 s was not so" in t for t in told)
    virtual.show("ring", 13.0)
    virtual.devices.waits = AnswerStatus.OK
    virtual.devices.points.set()
    virtual.show("ring", 200.0)
    virtual.until_state(scan, "completed")
    assert waits(virtual) == [(rule, "aborted"), (rule, "completed")]


def test_a_wait_ends_when_nobody_needs_it_any_more(virtual):
    virtual.devices.waits = None  # it lasts
    virtual.rule("ring above 80 for 60")
    virtual.show("ring", 12.0)
    scan = virtual.scan()
    virtual.until(lambda: len(virtual.items()) == 2)
    virtual.rule(name="ring")
    virtual.until_state(scan, "running")
    virtual.until(lambda: [state for _, state in waits(virtual)] == ["aborted"])
    told = [e.message.message for e in virtual.bus.read(keys.alarms())]
    assert not any("stays suspended" in text for text in told)
