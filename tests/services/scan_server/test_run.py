"""A durable run: the same steps however often its worker dies."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bec_kernel.wire import (
    Answer,
    AnswerStatus,
    Begin,
    Control,
    End,
    Mark,
    Reading,
    ScanRequest,
    ScanState,
    StateChange,
    Step,
    StepKind,
    Stop,
    Verb,
)
from bec_services.device_server.gate import Gate, Verdict
from bec_services.scan_server.run import Run
from bec_services.scan_server.want import Want

POINTS = 6
REQUEST = ScanRequest(request_id="s1", name="line_scan")
BEGIN = Begin(
    scan_id="s1",
    scan_number=1,
    user="anna",
    request=REQUEST,
    motors=["samx"],
    monitored=["samx", "bpm"],
    triggered=["bpm"],
    servers={"samx": "main", "bpm": "main"},
    code="v1",
)


class Frame:
    """A scan that begins where the motor is: it needs one answer."""

    def __init__(self, points=POINTS, fails_at=None):
        self.points = points
        self.fails_at = fails_at

    def body(self):
        yield Want(kind=StepKind.OPEN)
        data = yield Want(kind=StepKind.READ, devices=["samx"], answer=True)
        start = data["samx"]["samx"].value
        yield Want(kind=StepKind.STAGE, devices=["bpm"])
        for point in range(self.points):
            if point == self.fails_at:
                raise ValueError("no such position")
            yield Want(kind=StepKind.POINT, set={"samx": start + point}, point_id=point)

    def cleanup(self, *, moves):
        if moves:
            yield Want(kind=StepKind.MOVE, set={"samx": 2.0})
        yield Want(kind=StepKind.UNSTAGE, devices=["bpm"])
        yield Want(kind=StepKind.CLOSE)


class World:
    """The logs of one scan, a worker that may die, a device server that may die."""

    def __init__(self, frame=None, lookahead=4, code="v1"):
        self.frame = frame or Frame()
        self.lookahead = lookahead
        self.code = code
        self.steps = [BEGIN]
        self.states = []
        self.stops = []
        self.answers = {}
        self.controls = []
        self.exposed = []
        self.fate = {}
        self.start_worker()
        self.start_server()

    def start_worker(self):
        if isinstance(self.steps[-1], End):
            return  # the item ended in the same commit: nobody takes it up again
        self.run = Run(
            BEGIN,
            self.frame,
            list(self.steps),
            code=self.code,
            lookahead=self.lookahead,
        )
        self.told_states = 0
        for answer in self.answers.values():
            self.run.answer("main", answer)
        for at, control in enumerate(self.controls):
            self.run.control(str(at), control)

    def start_server(self):
        self.gate = Gate("main", len(self.steps) - 1)
        self.clock = len(self.answers)
        for stop in self.stops:
            self.gate.stop(stop.epoch)
        steps = [s for s in self.steps if isinstance(s, Step)]
        done = [s for s in steps if s.index in self.answers]
        for step in done:
            self.gate.passed(step)
        if done:
            last = done[-1].index
            self.gate.answered("main", last, self.answers[last].status)

    def work(self):
        """One turn of the worker; True: something was appended."""
        if self.run.done:
            return False
        out = self.run.advance()
        for message in out:
            match message:
                case Stop():
                    self.stops.append(message)
                    self.gate.stop(message.epoch)
                case StateChange():
                    self.told_states += 1
                    if self.told_states <= len(self.states):
                        assert message == self.states[self.told_states - 1]
                    else:
                        self.states.append(message)
                case Step() | Mark() | End():
                    assert message.index == len(self.steps)
                    self.steps.append(message)
        return bool(out)

    def serve(self):
        """Answer the next step; True: there was one."""
        for step in self.steps:
            if isinstance(step, Step) and step.index not in self.answers:
                self._answer(step)
                return True
        return False

    def _answer(self, step):
        verdict = self.gate.verdict(step)
        assert verdict is not Verdict.WAIT
        status = {
            Verdict.LOST: AnswerStatus.LOST,
            Verdict.WITHDRAWN: AnswerStatus.WITHDRAWN,
        }.get(verdict, self.fate.pop(step.index, AnswerStatus.OK))
        if verdict is Verdict.DO and step.kind is StepKind.POINT:
            self.exposed.append((step.point_id, step.attempt))
        self.clock += 1
        answer = Answer(
            index=step.index,
            status=status,
            life=1,
            begin=float(self.clock),
            end=float(self.clock),
            data={"samx": {"samx": Reading(2.0, float(self.clock))}},
        )
        self.answers[step.index] = answer
        self.gate.passed(step)
        self.gate.answered("main", step.index, status)
        self.run.answer("main", answer)

    def control(self, verb):
        self.controls.append(Control(verb=verb, user="anna", request_id="r"))
        self.run.control(str(len(self.controls) - 1), self.controls[-1])

    def finish(self):
        for _ in range(10_000):
            if not (self.work() | self.serve()):
                break
        return self

    @property
    def good(self):
        """Point ids and setpoints of the points that were taken, in log order."""
        return [
            (s.point_id, s.set["samx"])
            for s in self.steps
            if isinstance(s, Step)
            and s.kind is StepKind.POINT
            and self.answers[s.index].status is AnswerStatus.OK
        ]

    @property
    def all_good(self):
        return self.good == [(p, 2.0 + p) for p in range(POINTS)]

    @property
    def state_names(self):
        return [change.state for change in self.states]


def test_an_undisturbed_scan_is_opened_taken_and_closed():
    world = World().finish()
    assert world.all_good
    assert world.state_names == [ScanState.OPEN, ScanState.CLOSED]
    kinds = [s.kind for s in world.steps if isinstance(s, Step)]
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


def test_an_aborted_scan_is_unstaged_and_closed():
    world = World()
    for _ in range(5):
        world.work()
        world.serve()
    world.control(Verb.ABORT)
    world.finish()
    kinds = [s.kind for s in world.steps if isinstance(s, Step)]
    assert kinds[-2:] == [StepKind.UNSTAGE, StepKind.CLOSE]
    assert world.steps[-1].state is ScanState.ABORTED
    assert world.states[-1].reason == "user"


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
    kinds = [s.kind for s in world.steps if isinstance(s, Step)]
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
    kinds = [s.kind for s in world.steps if isinstance(s, Step)]
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
    world.code = "v2"
    world.start_worker()
    world.finish()
    assert world.states[-1].state is ScanState.INTERRUPTED
    assert world.states[-1].reason == "changed_program"
    kinds = [s.kind for s in world.steps if isinstance(s, Step)]
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
