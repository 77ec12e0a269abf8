"""A durable run: the same steps however often its worker dies."""

import random

import pytest
from hypothesis import given, settings, strategies as st

from bec_kernel.wire import (
    AnswerStatus,
    End,
    Mark,
    ScanState,
    Step,
    StepKind,
    Stop,
    Verb,
)
from tests.services.scan_server.world import POINTS, Frame, World


def test_an_undisturbed_scan_is_opened_taken_and_closed():
    world = World().finish()
    assert world.all_good
    assert world.state_names == [ScanState.OPEN, ScanState.CLOSED]
    kinds = [s.request.kind for s in world.steps if isinstance(s, Step)]
    assert kinds[:3] == [StepKind.OPEN, StepKind.READ, StepKind.STAGE]
    assert kinds[-2:] == [StepKind.UNSTAGE, StepKind.CLOSE]


def test_steps_run_ahead_only_as_far_as_the_window():
    world = World(lookahead=3)
    world.work()
    world.serve()
    world.work()
    world.serve()  # the read the program waits for
    world.work()
    assert sum(s.index not in world.answers for s in world.steps[1:]) == 3


@pytest.mark.parametrize("moment", range(40))
def test_a_worker_killed_at_any_moment_leaves_the_same_step_log(moment):
    undisturbed = World().finish()
    world = World()
    for turn in range(200):
        if turn == moment:
            world.start_worker()
        world.work()
        world.serve()
    plain = [_plain(s) for s in world.finish().steps]
    assert plain == [_plain(s) for s in undisturbed.steps]
    assert world.states == undisturbed.states


@pytest.mark.parametrize("moment", range(14))
def test_only_points_with_a_higher_attempt_are_exposed_again(moment):
    world = World()
    for turn in range(60):
        if turn == moment:
            world.start_server()
        world.work()
        world.serve()
    assert world.finish().all_good
    assert len(world.exposed) == len(set(world.exposed))


def test_a_lost_point_is_taken_again_and_the_look_ahead_withdrawn():
    world = World()
    world.fate = {6: AnswerStatus.LOST}
    world.finish()
    assert world.all_good
    marks = [s.verb for s in world.steps if isinstance(s, Mark)]
    assert marks == [Verb.RETRY]


def test_a_point_lost_three_times_pauses_the_scan():
    world = World(lookahead=1)
    world.fate = dict.fromkeys((6, 8, 10), AnswerStatus.LOST)
    world.finish()
    assert world.state_names[-1] is ScanState.PAUSED
    world.control(Verb.RESUME)
    assert world.finish().all_good


@pytest.mark.parametrize("verb", [Verb.PAUSE, Verb.PAUSE_NOW])
def test_a_paused_scan_issues_nothing_and_resumes_where_it_was(verb):
    world = World(lookahead=1)
    for _ in range(5):
        world.work()
        world.serve()
    world.control(verb)
    world.finish()
    assert world.state_names == [ScanState.OPEN, ScanState.PAUSED]
    length = len(world.steps)
    assert not world.work()
    assert len(world.steps) == length
    world.control(Verb.RESUME)
    assert world.finish().all_good
    assert world.state_names[2:] == [ScanState.OPEN, ScanState.CLOSED]


@pytest.mark.parametrize("ahead", [1, 4, 16])
def test_what_was_withdrawn_untouched_is_no_attempt(ahead):
    world = World(lookahead=ahead)
    for _ in range(5):
        world.work()
        world.serve()
    world.control(Verb.PAUSE)
    world.finish()
    world.control(Verb.RESUME)
    world.finish()
    assert world.all_good
    assert {attempt for _, attempt in world.exposed} == {1}


@given(st.randoms(use_true_random=False), st.integers(1, 6))
@settings(max_examples=60, deadline=None)
def test_no_point_is_exposed_twice_as_the_same_attempt(choice, ahead):
    """Whatever is paused, resumed, rewound and killed, in whatever order."""
    world = World(lookahead=ahead)
    verbs = [Verb.PAUSE, Verb.PAUSE_NOW, Verb.RESUME, Verb.RESUME, Verb.REWIND]
    for _ in range(60):
        match choice.randrange(12):
            case 0:
                world.control(choice.choice(verbs), choice.randrange(POINTS))
            case 1:
                world.start_worker()
            case 2:
                world.start_server()
            case 3:
                world.die_in_the_next_step()
            case _:
                world.work()
                world.serve()
    world.finish()
    while not world.run.done:
        world.control(Verb.RESUME)
        world.finish()
    assert len(world.exposed) == len(set(world.exposed))
    assert dict(world.good) == {p: 2.0 + p for p in range(POINTS)}


def test_an_aborted_scan_is_unstaged_and_closed():
    world = World()
    for _ in range(5):
        world.work()
        world.serve()
    world.control(Verb.ABORT)
    world.finish()
    kinds = [s.request.kind for s in world.steps if isinstance(s, Step)]
    assert kinds[-2:] == [StepKind.UNSTAGE, StepKind.CLOSE]
    assert world.steps[-1].state is ScanState.ABORTED
    assert world.states[-1].reason == "user"


def test_an_abort_stops_the_devices_before_anything_else():
    world = World()
    for _ in range(5):
        world.work()
        world.serve()
    world.control(Verb.ABORT)
    stop, mark, *_ = world.run.advance()
    assert stop == Stop(epoch=0, severity=2)
    assert (mark.verb, mark.epoch) == (Verb.ABORT, 1)


@pytest.mark.parametrize(
    ("verb", "state", "reason"),
    [
        (Verb.ABORT, ScanState.ABORTED, "user"),
        (Verb.COMPLETE, ScanState.CLOSED, "user_completed"),
    ],
)
@pytest.mark.parametrize("paused", [False, True])
def test_a_scan_that_is_ended_is_cleaned_up_also_out_of_a_pause(
    verb, state, reason, paused
):
    world = World(lookahead=1)
    for _ in range(5):
        world.work()
        world.serve()
    if paused:
        world.control(Verb.PAUSE)
        world.finish()
    world.control(verb)
    world.finish()
    kinds = [s.request.kind for s in world.steps if isinstance(s, Step)]
    assert kinds[-2:] == [StepKind.UNSTAGE, StepKind.CLOSE]
    assert (world.states[-1].state, world.states[-1].reason) == (state, reason)
    assert world.run.done


def test_a_halted_scan_ends_with_nothing_more():
    world = World()
    for _ in range(5):
        world.work()
        world.serve()
    world.control(Verb.HALT)
    world.work()
    assert isinstance(world.steps[-1], End)
    assert world.steps[-1].state is ScanState.HALTED
    assert world.stops[-1].severity == 3


def test_a_device_that_fails_aborts_the_scan_and_cleans_up():
    world = World()
    world.fate = {6: AnswerStatus.ERROR}
    world.finish()
    assert world.states[-1].state is ScanState.ABORTED
    assert world.states[-1].reason == "alarm"
    kinds = [s.request.kind for s in world.steps if isinstance(s, Step)]
    assert kinds[-2:] == [StepKind.UNSTAGE, StepKind.CLOSE]


def test_a_program_that_raises_ends_its_scan_only():
    world = World(Frame(fails_at=3)).finish()
    assert world.states[-1].state is ScanState.ABORTED
    assert "no such position" in world.states[-1].message


def test_a_clean_up_that_fails_does_not_keep_the_scan_open():
    world = World(lookahead=1)
    for index in range(10, 30):
        world.fate[index] = AnswerStatus.ERROR
    world.finish()
    assert world.run.done
    assert isinstance(world.steps[-1], End)


def test_another_version_of_the_program_does_not_resume():
    world = World()
    for _ in range(5):
        world.work()
        world.serve()
    world.version = "v2"
    world.start_worker()
    world.finish()
    assert world.states[-1].state is ScanState.INTERRUPTED
    assert world.states[-1].reason == "changed_program"
    kinds = [s.request.kind for s in world.steps if isinstance(s, Step)]
    assert kinds[-2:] == [StepKind.UNSTAGE, StepKind.CLOSE]


def test_a_program_that_does_not_repeat_its_steps_is_interrupted_with_the_difference():
    world = World()
    for _ in range(5):
        world.work()
        world.serve()
    world.frame = Frame(points=1)
    world.start_worker()
    world.finish()
    assert world.states[-1].state is ScanState.INTERRUPTED
    assert "was" in world.states[-1].message


def test_steps_that_have_left_the_bus_have_to_be_repeated_too():
    world = World(Frame(points=30))
    for _ in range(25):
        world.work()
        world.serve()
    world.start_worker()
    assert {5, 6, 7} < world.gone
    assert not {2, 4} & world.gone  # the program needs its answer; the first point
    world.frame = Frame(points=30, astray=2)
    world.start_worker()
    world.finish()
    assert world.states[-1].state is ScanState.INTERRUPTED
    assert (
        f"steps 1 to {world.thinned[0].index} differ from the recorded ones"
        in world.states[-1].message
    )


CHANCE = {
    "work": 30,
    "serve": 30,
    "kill worker": 4,
    "kill server": 3,
    Verb.PAUSE: 3,
    Verb.PAUSE_NOW: 3,
    Verb.RESUME: 4,
    Verb.ABORT: 1,
    Verb.COMPLETE: 0.5,
    Verb.HALT: 0.3,
}


@settings(max_examples=300, deadline=None)
@given(seed=st.integers(0, 10**9), lookahead=st.sampled_from([1, 2, 4, 16]))
def test_whatever_happens_each_point_is_taken_at_most_once_and_the_scan_ends(
    seed, lookahead
):
    rng = random.Random(seed)
    world = World(lookahead=lookahead)
    for what in rng.choices([*CHANCE], [*CHANCE.values()], k=150):
        if what == "kill worker":
            world.start_worker()
        elif what == "kill server":
            world.start_server()
        elif isinstance(what, Verb):
            world.control(what)
        else:
            getattr(world, what)()
    world.finish()
    while not world.run.done:
        world.control(Verb.RESUME)
        world.finish()
    good = world.good
    assert good == sorted(set(good))
    assert all(at == 2.0 + point for point, at in good)
    if world.steps[-1].reason == "done":
        assert world.all_good
    assert len(world.exposed) == len(set(world.exposed))
    assert world.states[-1].state.is_final


def _plain(entry):
    """A step but for what may differ: how far the worker had seen the answers."""
    if not isinstance(entry, Step):
        return entry
    return {f: getattr(entry, f) for f in Step.__struct_fields__ if f != "seen"}


def test_a_worker_may_sleep_through_half_of_what_is_on_its_way():
    world = World(lookahead=4)
    world.work()
    assert world.run.slack == 1  # less is on its way than could be
    world.serve()
    world.work()
    world.serve()
    world.work()
    assert world.run.slack == 2
    world.control(Verb.PAUSE)
    assert world.run.slack == 1  # it is paused as soon as the point is done
    world.work()
    assert world.run.slack == 1


def test_a_worker_that_is_one_step_ahead_hears_of_every_step():
    world = World(lookahead=1)
    world.work()
    assert world.run.slack == 1
