"""A scan goes back to a point: it and all behind it are taken again, and it repeats."""

import pytest

from bec_kernel.wire import Mark, ScanState, Step, StepKind, Verb
from bec_services.scan_server.want import Want
from tests.services.scan_server.test_questions import Asking
from tests.services.scan_server.world import POINTS, Frame, World

UP_TO_POINT_3 = 9


class _Relay(Frame):
    """Each position follows from the reading before: every point is an answer."""

    def body(self):
        yield Want(kind=StepKind.OPEN)
        at = 0.0
        for point in range(self.points):
            data = yield Want(
                kind=StepKind.POINT, set={"samx": at}, point_id=point, answer=True
            )
            at += data["samx"]["samx"].value


def taken(world):
    return [point for point, _ in world.good]


def up_to(world, point):
    while point not in taken(world):
        assert world.work() | world.serve()


@pytest.mark.parametrize("lookahead", [1, 4, 16])
@pytest.mark.parametrize("back", range(4))
def test_the_points_from_there_on_are_taken_again_where_they_were(lookahead, back):
    world = World(lookahead=lookahead)
    up_to(world, 3)
    before = len(taken(world))
    world.control(Verb.REWIND, back)
    world.finish()

    assert taken(world)[before:][-(POINTS - back) :] == list(range(back, POINTS))
    assert all(at == 2.0 + point for point, at in world.good)
    assert world.state_names == [ScanState.OPEN, ScanState.CLOSED]
    assert [s.kind for s in world.steps if isinstance(s, Step)].count(
        StepKind.STAGE
    ) == 1


@pytest.mark.parametrize("moment", range(40))
def test_a_worker_killed_at_any_moment_goes_back_in_the_same_way(moment):
    def play(kill):
        world = World(lookahead=2)
        for turn in range(100):
            if turn == UP_TO_POINT_3:
                world.control(Verb.REWIND, 1)
            if turn == kill:
                world.start_worker()
            world.work()
            world.serve()
        return world.finish()

    undisturbed, world = play(None), play(moment)
    assert [s.verb for s in world.steps if isinstance(s, Mark)] == [Verb.REWIND]
    assert world.good == undisturbed.good
    assert world.exposed == undisturbed.exposed
    assert len(world.exposed) == len(set(world.exposed))


def test_a_point_that_is_taken_again_is_a_new_attempt():
    world = World(lookahead=1)
    up_to(world, 3)
    world.control(Verb.REWIND, 2)
    world.finish()

    attempts = [(p, a) for p, a in world.exposed if p in (1, 2, 3, 4)]
    assert attempts == [(1, 1), (2, 1), (3, 1), (2, 2), (3, 2), (4, 1)]


def test_a_paused_scan_stays_paused_and_resumes_where_it_was_sent():
    world = World(lookahead=1)
    up_to(world, 3)
    world.control(Verb.PAUSE)
    world.finish()
    length = len(taken(world))
    world.control(Verb.REWIND, 0)
    world.finish()
    assert world.state_names[-1] is ScanState.PAUSED

    world.control(Verb.RESUME)
    world.finish()
    assert taken(world)[length:] == list(range(POINTS))


def test_a_program_that_follows_its_readings_is_given_them_again():
    world = World(_Relay())
    up_to(world, 3)
    first = dict(world.good)
    world.control(Verb.REWIND, 2)
    world.finish()

    again = dict(world.good[-4:])
    assert list(again) == [2, 3, 4, 5]
    assert again[2] == first[2]  # behind it, it follows what is read now


def test_a_program_that_asks_is_told_again_what_was_answered_before_that_point():
    world = World(Asking())
    places = iter([3.0, 1.0, 2.0, 7.0, 8.0, None])
    for _ in range(100):
        if len(taken(world)) == 3 and not world.controls:
            world.control(Verb.REWIND, 1)
        world.work()
        world.serve()
        if world.run.question is not None:
            world.advise(next(places))
    world.finish()

    assert [at for _, at in world.good[:3]] == [3.0, 1.0, 2.0]
    assert world.good[-2:] == [(1, 7.0), (2, 8.0)]


@pytest.mark.parametrize("point", [4, -1, 10**9])
def test_a_scan_does_not_go_back_to_a_point_it_has_not_taken(point):
    world = World(lookahead=1)
    up_to(world, 3)
    world.control(Verb.REWIND, point)
    world.finish()
    assert world.all_good
    assert [s.verb for s in world.steps if isinstance(s, Mark)] == [Verb.IGNORED]


def test_an_abort_behind_a_rewind_ends_the_scan():
    world = World(lookahead=4)
    up_to(world, 2)
    world.control(Verb.REWIND, 0)
    world.control(Verb.ABORT)
    world.finish()
    assert world.state_names[-1] is ScanState.ABORTED
    kinds = [s.kind for s in world.steps if isinstance(s, Step)]
    assert kinds[-2:] == [StepKind.UNSTAGE, StepKind.CLOSE]
