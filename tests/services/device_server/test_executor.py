"""One scan as the device server does it: stops, failures, and what a restart finds."""

import threading

import msgspec
import pytest

from bec_kernel.errors import FencedError
from bec_kernel.wire import (
    AnswerStatus,
    Begin,
    Condition,
    Reading,
    StepKind,
    Stop,
    Verb,
    keys,
)
from tests.services.device_server.step_server import BEGIN, MINE, Server
from tests.services.recorded import new_life

OK, STOPPED = AnswerStatus.OK, AnswerStatus.STOPPED


@pytest.fixture
def server(tmp_path):
    server = Server(tmp_path)
    yield server
    server.close()


def test_what_a_device_does_not_tell_of_itself_is_an_alarm_of_the_scan(server):
    def fail():
        raise OSError("no answer")

    server.motor.read_configuration = fail
    server.begin().run()
    assert server.status(server.step(StepKind.STAGE, devices=["samx"])) is OK
    server.end()
    (alarm,) = [entry.message for entry in server.bus.read(keys.alarms())]
    assert (alarm.scan_id, alarm.severity) == ("s1", "minor")
    assert "does not know how samx was set up" in alarm.message


def test_steps_are_answered_and_the_end_takes_it_off_the_list(server):
    server.begin().run()
    steps = [server.step(StepKind.OPEN), server.step(set={"samx": 0.0})]
    assert [server.status(index) for index in steps] == [OK, OK]
    server.end()
    assert server.executor.done


def test_who_hears_that_a_move_has_ended_reads_where_the_motor_is(server):
    server.begin().run()
    assert server.status(server.step(StepKind.MOVE, set={"samx": 0.01})) is OK
    value = server.bus.get(keys.values("main"), "samx")
    assert value.readings["samx"].value == pytest.approx(0.01)
    assert not value.moving


def test_steps_that_were_there_before_the_server_looked_are_done(server):
    server.start()  # the worker runs ahead: a busy server looks late
    server.write(BEGIN)
    step = server.step(set={"samx": 0.0})
    server.start()
    server.run()
    assert server.status(step) is OK


def test_a_stop_between_two_points_stops_the_next_and_withdraws_the_rest(server):
    server.begin().run()
    assert server.status(server.step()) is OK
    server.stop()
    answer = server.answer(server.step())
    assert answer.outcome.status is STOPPED
    assert answer.outcome.problem.message == "all devices were stopped"
    assert server.status(server.step()) is AnswerStatus.WITHDRAWN


def test_a_stop_while_it_settles_ends_the_point(server):
    server.begin().run()
    assert server.status(server.step(StepKind.OPEN)) is OK
    index = server.step(settle=500.0)
    server.stop("samx")
    answer = server.answer(index)
    assert answer.outcome.status is STOPPED
    assert answer.outcome.problem.message == "samx was stopped"


def test_what_cleans_up_is_done_after_a_stop_but_nothing_moves(server):
    server.begin().run()
    assert server.status(server.step()) is OK
    server.stop()
    assert server.status(server.step()) is STOPPED
    server.mark(Verb.ABORT, 1)
    kinds = (StepKind.UNSTAGE, StepKind.CLOSE)
    assert [server.status(server.step(k, epoch=1)) for k in kinds] == [OK, OK]
    assert server.status(server.step(StepKind.MOVE, epoch=1)) is STOPPED


def test_a_stop_outlives_a_new_attempt_and_ends_with_a_resume(server):
    server.begin().run()
    assert server.status(server.step()) is OK
    server.stop()
    server.mark(Verb.RETRY, 1)
    assert server.status(server.step(epoch=1)) is STOPPED
    server.mark(Verb.PAUSE, 2)
    server.mark(Verb.RESUME, 3)
    assert server.status(server.step(epoch=3)) is OK


def test_a_stop_of_a_device_the_scan_does_not_use_is_not_its_concern(server):
    server.begin().run()
    assert server.status(server.step()) is OK
    server.stop("samy")
    assert server.status(server.step()) is OK


def test_a_scan_of_no_device_is_stopped_with_all_others(server):
    server.begin(Begin(scan_id="s1", user="ada", request=BEGIN.request)).run()
    assert server.status(server.step()) is OK
    server.stop()
    assert server.status(server.step()) is STOPPED


def test_the_worker_s_stop_ends_a_move_at_once(server):
    server.begin().run()
    moving, begun = server.motor, threading.Event()
    moving.subscribe(lambda **_: begun.set(), event_type=moving.SUB_START, run=False)
    index = server.step(set={"samx": 500.0})
    assert begun.wait(5)
    server.executor.stop(Stop(epoch=0, severity=2))
    assert server.status(index) is STOPPED
    assert not moving.moving


def test_a_device_of_an_older_list_ends_the_scan_not_the_server(server):
    begin = Begin(
        scan_id="s1",
        user="ada",
        request=BEGIN.request,
        motors=["gone"],
        monitored=["gone"],
        servers={"gone": "main"},
    )
    server.begin(begin).run()
    answer = server.answer(server.step(set={"gone": 1.0}))
    assert answer.outcome.status is AnswerStatus.ERROR
    assert "gone is not in the device list any more" in answer.outcome.problem.message
    assert server.status(server.step(StepKind.CLOSE, epoch=1)) is OK


@pytest.mark.parametrize("value", [object(), 2**70])
def test_a_reading_that_cannot_travel_is_told(server, value):
    server.begin().run()
    server.held["samx"].read = lambda: {"samx": Reading(value, 1.0)}
    answer = server.answer(server.step())
    assert answer.outcome.status is AnswerStatus.ERROR
    assert "a reading cannot travel" in answer.outcome.problem.message
    assert server.status(server.step(StepKind.CLOSE, epoch=1)) is OK
    assert server.bus.get(keys.values("main"), "samx") is None


def test_what_a_device_raises_out_of_turn_ends_the_scan_not_the_server(server):
    def explode():
        raise ZeroDivisionError("in a device")

    server.begin().run()
    server.held["samx"].read = explode
    answer = server.answer(server.step())
    assert answer.outcome.status is AnswerStatus.ERROR
    assert "ZeroDivisionError: in a device" in answer.outcome.problem.message


def test_after_a_crash_the_motion_is_stopped_and_the_point_is_lost(server):
    server.begin()
    server.motor.set(500.0)
    index = server.step(set={"samx": 500.0})
    stopped = server.held["samx"].stopped
    server.life.join(5)
    server.start(inherited=True)
    server.run()
    assert server.status(index) is AnswerStatus.LOST
    assert server.held["samx"].stopped == stopped + 1
    assert not server.motor.moving


def test_after_a_crash_the_staged_are_staged_again(server):
    server.begin().run()
    assert server.status(server.step(StepKind.STAGE, devices=["samx"])) is OK
    server.life.join(5)
    staged = []
    server.held["samx"].stage = staged.append
    server.start(inherited=True)
    server.run()
    assert server.status(server.step()) is OK
    assert staged == [0.0]


def test_a_server_that_lost_its_role_answers_nothing_more(server):
    server.begin().run()
    assert server.status(server.step(StepKind.OPEN)) is OK
    old = server.life
    new_life("device_server", server.broker, server.data)  # somebody else has it now
    index = server.step()
    assert old.over.wait(5)
    with pytest.raises(FencedError):
        old.check()
    answers = [entry.message.index for entry in server.bus.read(MINE)]
    assert index not in answers
    server.life._failure = None


def test_who_hears_that_a_wait_has_ended_reads_the_value_that_was_waited_for(server):
    server.begin(msgspec.structs.replace(BEGIN, motors=[], monitored=[])).run()
    server.values.note("samx")
    rule = Condition(device="samx", below=5.0)
    assert server.status(server.step(StepKind.WAIT, until=rule)) is OK
    assert "samx" in server.bus.get(keys.values("main"), "samx").readings
