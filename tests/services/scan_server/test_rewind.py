"""A scan goes back to a point: it and all behind it are taken again, and it repeats."""

from itertools import pairwise

import msgspec
import pytest
from hypothesis import given, strategies as st

from bec_kernel.wire import (
    Answer,
    AnswerStatus,
    Condition,
    Control,
    Mark,
    Outcome,
    Reading,
    ScanState,
    Step,
    StepKind,
    Stop,
    Verb,
)
from bec_services.scan_server.program.request import StepRequest
from bec_services.scan_server.run.record import Record
from bec_services.scan_server.run.run import Run
from tests.services.scan_server.asking import Asking
from tests.services.scan_server.world import BEGIN, POINTS, Frame, World

UP_TO_POINT_3 = 9


class _Relay(Frame):
    """Each position follows from the reading before: every point is an answer."""

    def body(self):
        yield StepRequest(kind=StepKind.OPEN)
        at = 0.0
        for point in range(self.points):
            data = yield StepRequest(
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
    assert [s.request.kind for s in world.steps if isinstance(s, Step)].count(
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
    kinds = [s.request.kind for s in world.steps if isinstance(s, Step)]
    assert kinds[-2:] == [StepKind.UNSTAGE, StepKind.CLOSE]


class Listed(Frame):
    """Wants one after the other, behind a question where the motors are."""

    def __init__(self, wants):
        super().__init__()
        self.wants = wants

    def body(self):
        yield StepRequest(kind=StepKind.OPEN)
        yield StepRequest(kind=StepKind.READ, devices=["samx", "samy"], answer=True)
        yield from self.wants


TWO = msgspec.structs.replace(
    BEGIN,
    motors=["samx", "samy"],
    servers={"samx": "main", "samy": "main", "bpm": "main"},
)
PLACES = st.dictionaries(st.sampled_from(["samx", "samy"]), st.sampled_from([0.0, 1.0]))


REWINDS = st.lists(
    st.tuples(st.integers(1, 12), st.integers(0, 3)), min_size=1, max_size=3
).map(sorted)
"""So many points were taken; so far it goes back then."""


def of_two_motors(wants, **more):
    world = World(Listed(wants), begin=TWO, **more)
    world.places = {"samx": 2.0, "samy": 3.0}
    return world


@st.composite
def programs(draw):
    """Moves of one or both motors, and points with and without a move of their own."""
    wants, points = [], draw(st.integers(3, 6))
    for point in range(points):
        for _ in range(draw(st.integers(0, 2))):
            if places := draw(PLACES):
                wants.append(StepRequest(kind=StepKind.MOVE, set=places))
        wants.append(StepRequest(kind=StepKind.POINT, set=draw(PLACES), point_id=point))
    return wants


@given(
    programs(),
    REWINDS,
    st.integers(0, 40),
    st.sampled_from([1, 4]),
)
def test_every_point_is_taken_where_the_program_had_brought_the_motors(
    wants, rewinds, kill, lookahead
):
    undisturbed = of_two_motors(wants).finish()
    world = of_two_motors(wants, lookahead=lookahead)
    wishes = iter(rewinds)
    after, back = next(wishes)
    for turn in range(200):
        if after == len(taken(world)):
            world.control(Verb.REWIND, max(0, taken(world)[-1] - back))
            after, back = next(wishes, (0, 0))
        if turn == kill:
            world.start_worker()
        world.work()
        world.serve()
    assert world.state_names[-1] is ScanState.CLOSED
    assert world.there == undisturbed.there


@pytest.mark.parametrize("back", [0, 1, 3])
def test_points_of_a_motor_on_its_way_begin_the_way_again(back):
    def passing(point):
        place = Condition(device="samx", above=point + 0.5)
        return StepRequest(kind=StepKind.WAIT, set={"samx": 9.0}, until=place)

    way = [
        one
        for point in range(5)
        for one in (passing(point), StepRequest(kind=StepKind.POINT, point_id=point))
    ]
    start = StepRequest(kind=StepKind.MOVE, set={"samx": 0.0})
    world = of_two_motors([start, *way], lookahead=1)
    while 4 not in world.there:
        assert world.work() | world.serve()
    world.control(Verb.REWIND, back)
    world.finish()
    mark = next(i for i, s in enumerate(world.steps) if isinstance(s, Mark))
    first, second, third, *_ = world.steps[mark + 1 :]
    assert (first.request.kind, first.request.set) == (StepKind.MOVE, {"samx": 0.0})
    assert (second.request.set, second.request.until) == (
        {"samx": 9.0},
        passing(back).until,
    )
    assert third.request.point_id == back


SERVERS = ("a", "b")


class Pair:
    """A scan over two device servers: each point is done by both, or by neither."""

    def __init__(self, points):
        self.steps, self.stopped, self.fates = [], -1, {}
        self.left = {server: [] for server in SERVERS}
        begin = msgspec.structs.replace(
            BEGIN, servers={"samx": "a", "bpm": "b"}, triggered=["bpm"]
        )
        self.run = Run(begin, Frame(points), Record([begin]), version="v1", lookahead=4)

    def work(self):
        out = self.run.advance()
        for message in out:
            if isinstance(message, Stop):
                self.stopped = max(self.stopped, message.epoch)
            if isinstance(message, Step):
                self.steps.append(message)
                for server in message.on:
                    self.left[server].append(message)
        return bool(out)

    def serve(self, server):
        if not self.left[server]:
            return False
        step = self.left[server].pop(0)
        late = step.epoch <= self.stopped
        status = AnswerStatus.WITHDRAWN if late else AnswerStatus.OK
        status = self.fates.setdefault(step.index, status)
        data = {"samx": {"samx": Reading(2.0, 0.0)}} if server == "a" else {}
        answer = Answer(
            index=step.index, life=1, outcome=Outcome(status=status, data=data)
        )
        self.run.answer(server, answer)
        return True

    @property
    def taken(self):
        points = [s for s in self.steps if s.request.kind is StepKind.POINT]
        ok = [s for s in points if self.fates.get(s.index) is AnswerStatus.OK]
        return [(s.request.point_id, s.attempt) for s in ok]


@given(
    st.lists(st.sampled_from([*SERVERS, "work"]), min_size=20, max_size=80),
    REWINDS,
    st.booleans(),
)
def test_points_over_several_device_servers_are_taken_again_in_order(
    turns, rewinds, pauses
):
    def wish(verb, point=0):
        wishes.append(Control(verb=verb, user="a", request_id="r", point=point))
        pair.run.control(str(len(wishes)), wishes[-1])

    pair, wishes, left = Pair(8), [], iter(rewinds)
    after, back = next(left)
    for turn in [*turns, *(["work", "a", "b"] * 100)]:
        if after == len(pair.taken):
            if pauses:
                wish(Verb.PAUSE)
            wish(Verb.REWIND, max(0, pair.taken[-1][0] + 2 - back))
            wish(Verb.RESUME)
            after, back = next(left, (0, 0))
        pair.work() if turn == "work" else pair.serve(turn)
    taken = [point for point, _ in pair.taken]
    assert pair.run.done
    assert taken[-1] == 7
    assert all(
        after <= before + 1 for before, after in pairwise(taken)
    )  # none left out
    assert len(pair.taken) == len(set(pair.taken))  # each time a new attempt
