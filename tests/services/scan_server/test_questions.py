"""A program that asks: its questions and their answers survive whatever dies."""

import pytest

from bec_kernel.wire import Mark, Problem, ScanState, Verb
from bec_services.scan_server.program.request import DRIVER
from tests.services.scan_server.asking import Asking
from tests.services.scan_server.world import World

PLACES = [3.0, 1.0, 2.0]


def play(world, say, kill=None, limit=200):
    """Turn by turn; `say` answers the n-th question; the worker dies at turn `kill`."""
    said = 0
    for turn in range(limit):
        if turn == kill:
            world.start_worker()
        world.work()
        world.serve()
        answered = len([m for m in world.steps if _is_answer(m)])
        if world.run.question is not None and answered == said:
            say([*PLACES, None][said])
            said += 1
    return world.finish()


def _is_answer(entry):
    return isinstance(entry, Mark) and entry.verb is Verb.ADVISED


def places(world):
    return [at for _, at in world.good]


@pytest.mark.parametrize("kill", [None, *range(20)])
def test_it_goes_where_it_is_told_whenever_the_worker_dies(kill):
    world = World(Asking())
    play(world, world.advise, kill)
    assert places(world) == PLACES
    assert world.states[-1].state is ScanState.CLOSED
    assert len(world.questions()) == len(PLACES) + 1


def test_a_question_is_asked_when_all_before_it_is_done():
    world = World(Asking(), lookahead=16)
    world.work()
    assert world.questions() == []  # the scan is not open yet
    world.serve()
    world.work()
    assert world.questions()[0].request.data == {"points": 0}
    assert world.questions()[0].on == ["analysis/seeker"]


def test_a_question_that_a_pause_cuts_is_asked_again_and_an_old_answer_is_nothing():
    world = World(Asking())
    world.finish()
    old = world.questions()[-1].index
    world.control(Verb.PAUSE)
    world.finish()
    world.advise(7.0)
    world.start_worker()
    world.control(Verb.RESUME)
    world.finish()
    assert world.good == []
    assert world.questions()[-1].index > old
    play(world, world.advise)
    assert places(world) == PLACES


def test_an_analysis_that_fails_ends_the_scan_with_its_reason():
    world = World(Asking()).finish()
    world.advise(None, Problem(kind="RefusedError", message="no peak is there"))
    world.finish()
    assert world.states[-1].state is ScanState.ABORTED
    assert world.states[-1].message == "no peak is there"


def test_a_silent_analysis_ends_the_scan_with_the_reason():
    world = World(Asking()).finish()
    world.run.questions.silent("seeker", 5.0)
    world.finish()
    assert world.states[-1].state is ScanState.ABORTED
    assert (
        world.states[-1].message == "seeker was silent for 5 s: does this analysis run?"
    )


@pytest.mark.parametrize("kill", [None, *range(0, 20, 3)])
def test_a_drivers_wishes_are_done_once_each_in_their_order(kill):
    world = World(Asking(DRIVER))
    for place in [*PLACES, None]:  # all at once: it need not wait for the questions
        world.wish(place)
    for turn in range(200):
        if turn == kill:
            world.start_worker()
        world.work()
        world.serve()
    assert places(world.finish()) == PLACES


def test_a_scan_whose_driver_vanishes_is_interrupted():
    world = World(Asking(DRIVER)).finish()
    world.run.questions.silent(DRIVER, 15.0)
    world.finish()
    assert world.states[-1].state is ScanState.INTERRUPTED
    assert world.states[-1].reason == "lost"


def test_an_abort_does_not_wait_for_an_answer():
    world = World(Asking()).finish()
    world.control(Verb.ABORT)
    assert world.finish().states[-1].state is ScanState.ABORTED
