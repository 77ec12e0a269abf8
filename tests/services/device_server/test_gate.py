"""What may be done with a step: the same after any restart."""

import pytest

from bec_kernel.wire import AnswerStatus, Step, StepKind, StepRequest
from bec_services.device_server.steps.gate import Gate, Verdict

OK = AnswerStatus.OK
BAD = [status for status in AnswerStatus if status is not OK]


def step(index, kind=StepKind.POINT, epoch=0, on=("main",), seen=-1):
    return Step(
        index=index, on=list(on), epoch=epoch, seen=seen, request=StepRequest(kind=kind)
    )


@pytest.fixture
def gate():
    return Gate("main", born=0)


def test_the_first_step_is_done(gate):
    assert gate.verdict(step(1, StepKind.OPEN)) is Verdict.DO


def test_steps_of_an_epoch_that_was_stopped_are_withdrawn(gate):
    gate.stop(1)
    gate.stop(0)  # one that comes late takes nothing back
    assert gate.verdict(step(1, epoch=0)) is Verdict.WITHDRAWN
    assert gate.verdict(step(2, epoch=1)) is Verdict.WITHDRAWN
    assert gate.verdict(step(3, epoch=2)) is Verdict.DO


@pytest.mark.parametrize("status", BAD)
def test_what_follows_a_step_that_is_not_ok_is_withdrawn(gate, status):
    gate.answered("main", 1, status)
    gate.passed(step(1))
    assert gate.verdict(step(2)) is Verdict.WITHDRAWN


@pytest.mark.parametrize("status", BAD)
def test_a_new_epoch_begins_anew(gate, status):
    gate.answered("main", 1, status)
    gate.passed(step(1))
    assert gate.verdict(step(2, epoch=1)) is Verdict.DO


def test_one_waits_for_the_other_servers(gate):
    both = ("main", "hutch")
    gate.answered("main", 1, OK)
    gate.passed(step(1, on=both))
    assert gate.verdict(step(2, on=both)) is Verdict.WAIT
    gate.answered("hutch", 1, OK)
    assert gate.verdict(step(2, on=both)) is Verdict.DO


def test_nobody_waits_for_what_the_worker_has_seen(gate):
    both = ("main", "hutch")
    gate.answered("main", 1, OK)
    gate.passed(step(1, on=both))
    assert gate.verdict(step(2, on=both, seen=1)) is Verdict.DO


@pytest.mark.parametrize("status", BAD)
def test_what_another_server_did_not_do_is_withdrawn_here(gate, status):
    both = ("main", "hutch")
    gate.answered("main", 1, OK)
    gate.answered("hutch", 1, status)
    gate.passed(step(1, on=both))
    assert gate.verdict(step(2, on=both)) is Verdict.WITHDRAWN


def test_a_point_that_an_earlier_life_may_have_begun_is_lost():
    gate = Gate("main", born=4)
    assert gate.verdict(step(4)) is Verdict.LOST
    assert gate.verdict(step(5)) is Verdict.DO


@pytest.mark.parametrize(
    "kind", [StepKind.MOVE, StepKind.STAGE, StepKind.READ, StepKind.UNSTAGE]
)
def test_what_may_be_done_twice_is_done_again(kind):
    assert Gate("main", born=4).verdict(step(4, kind)) is Verdict.DO


def test_the_first_point_of_an_earlier_life_is_lost_also_where_it_was_stopped():
    gate = Gate("main", born=5)
    gate.stop(0)
    assert gate.verdict(step(4)) is Verdict.LOST
    assert gate.verdict(step(5)) is Verdict.WITHDRAWN
