"""Several scans as one: the path, part by part, and that it is the same again."""

import numpy as np
import pytest

from bec_kernel.errors import RefusedError
from bec_kernel.wire import (
    Device,
    DeviceValue,
    Learned,
    Motion,
    Reading,
    ScanRequest,
    ScanState,
    SignalDescription,
    Step,
    StepKind,
    Verb,
)
from bec_services.scan_server import scans
from bec_services.scan_server.accept.assembler import Catalogue
from bec_services.scan_server.accept.guard import accept, bound_of
from bec_services.scan_server.accept.limits import Beamline
from bec_services.scan_server.forecast.estimate import forecast
from bec_services.scan_server.forecast.model import BeamlineModel
from bec_services.scan_server.program.frame import code_of, frame_of, version_of
from bec_services.scan_server.program.hook import Hook
from tests.services.scan_server.world import World


class Shutter(Hook):
    """A site's hook for line scans only."""

    scans = ("line_*",)
    devices = ("shutter",)


ALL = [getattr(scans, name) for name in scans.__all__]
CATALOGUE = Catalogue(ALL, hooks={"shutter": Shutter()})


def motor(name, velocity):
    return Device(
        name=name,
        server="main",
        device_class="sim.Motor",
        readout_priority="baseline",
        positioner=True,
        limits=(-10.0, 10.0),
        signals=[SignalDescription(name=name, unit="mm")],
        motion=[Motion(velocity=velocity)],
    )


def other(name, **more):
    return Device(name=name, server="main", device_class="sim.Other", **more)


DEVICES = {
    one.name: one
    for one in (
        motor("samx", 2.0),
        motor("samy", 1.0),
        other("det", software_trigger=True),
        other("flyer", methods=["kickoff"], readout_priority="on_request"),
        other("ring", readout_priority="on_request"),
        other("shutter", readout_priority="on_request"),
    )
}
PLACES = {"samx": 2.0, "samy": 0.0}
BEAMLINE = Beamline(
    devices=DEVICES,
    values={m: DeviceValue(readings={m: Reading(p, 0.0)}) for m, p in PLACES.items()},
)


def part(name, *args, **kwargs):
    return {"name": name, "args": [*args], "kwargs": kwargs}


LINE = part("line_scan", "samx", -1, 1, steps=3)
THERE_AND_BACK = part("line_scan", "samx", -1, 1, steps=3, relative=True)
MIXED = (
    part("line_scan", "samx", 4, 6, steps=3),
    part("mv", "samy", 1),
    part("line_scan", "samx", -1, 1, "samy", 0, 2, steps=3, relative=True),
    part("mv", "samx", 1, relative=True),
    part("time_scan", points=2, interval=5),
    part("grid_scan", "samx", 0, 1, 2, "samy", 0, 1, 2),
)
MIXED_POINTS = [
    *({"samx": 4.0}, {"samx": 5.0}, {"samx": 6.0}),
    {"samx": 5.0, "samy": 1.0},
    {"samx": 6.0, "samy": 2.0},
    {"samx": 7.0, "samy": 3.0},
    *({}, {}),
    {"samy": 0.0, "samx": 0.0},
    {"samy": 0.0, "samx": 1.0},
    {"samy": 1.0, "samx": 1.0},
    {"samy": 1.0, "samx": 0.0},
]


def ask(*parts, **kwargs):
    request = ScanRequest(request_id="s1", name="multi", args=[*parts], kwargs=kwargs)
    return accept(CATALOGUE, BEAMLINE, request, "ada", 0.0)


def refused(*parts, **kwargs):
    with pytest.raises(RefusedError) as error:
        ask(*parts, **kwargs)
    return str(error.value)


def world(*parts, **kwargs):
    """Return the logs of a scan that has begun; its motors are where they were."""
    accepted = ask(*parts, **kwargs)
    begin = accepted.begin
    frame = _Fresh(accepted.scan, begin)
    found = World(frame, begin=begin, version=begin.version)
    found.places = dict(PLACES)
    return found


class _Fresh:
    """A frame that knows nothing of an earlier life of its worker."""

    def __init__(self, scan, begin):
        self.scan, self.begin = scan, begin

    def body(self):
        self.frame = frame_of(self.scan, self.begin, bound_of(self.begin))
        return self.frame.body()

    def cleanup(self, *, moves):
        return self.frame.cleanup(moves=moves)


def steps(one, *kinds):
    found = (step for step in one.steps if isinstance(step, Step))
    return [step for step in found if not kinds or step.request.kind in kinds]


def moved(one):
    """Where everything was sent, in the order in which it was done."""
    sent = steps(one, StepKind.POINT, StepKind.MOVE)
    return [step.request.set for step in sent]


def plain(one):
    done = ((s, s.request if isinstance(s, Step) else None) for s in one)
    return [(type(s), want and want.kind, want and want.set) for s, want in done]


# --- the path ------------------------------------------------------------------------
def test_points_are_numbered_on_from_part_to_part_in_one_frame():
    done = world(*MIXED).finish()
    points = steps(done, StepKind.POINT)
    assert [step.request.point_id for step in points] == list(range(12))
    assert [step.request.set for step in points] == MIXED_POINTS
    frame = [
        str(s.request.kind)
        for s in steps(done)
        if s.request.kind not in (StepKind.POINT,)
    ]
    assert frame == [
        *("open", "stage", "read", "move", "read", "move", "read", "move"),
        *("wait", "wait", "wait", "unstage", "close"),
    ]
    assert done.begin.shape == [12]
    assert done.begin.motors == ["samx", "samy"]
    assert done.begin.monitored == ["samx", "samy", "det"]
    assert done.state_names == [ScanState.OPEN, ScanState.CLOSED]


def test_a_relative_part_counts_from_where_it_begins_and_goes_back_there():
    done = world(LINE, THERE_AND_BACK, part("acquire")).finish()
    wanted = [-1, 0, 1, 0, 1, 2, 1]
    assert [at["samx"] for at in moved(done) if at] == wanted
    assert done.places["samx"] == 1


def test_a_relative_move_between_parts_stays_where_it_went():
    done = world(LINE, part("mv", "samx", 2, relative=True), part("acquire")).finish()
    assert done.places["samx"] == 3
    assert [step.request.set for step in steps(done, StepKind.MOVE)] == [{"samx": 3.0}]


def test_even_intervals_are_counted_from_where_their_part_begins():
    done = world(part("acquire"), part("time_scan", points=3, interval=5)).finish()
    began, *waits = steps(done, StepKind.WAIT)
    since = done.answers[began.index].outcome.value
    assert began.request.devices == ["det"]
    np.testing.assert_allclose(
        [step.request.at for step in waits], since + np.arange(3) * 5
    )


# --- the frame ------------------------------------------------------------------------
def aborted_at(step, *parts):
    one = world(*parts)
    while step not in one.answers:
        one.work()
        one.serve()
    one.control(Verb.ABORT)
    return one.finish()


def test_a_scan_that_is_aborted_goes_back_where_its_part_began():
    done = aborted_at(9, LINE, THERE_AND_BACK, part("acquire"))  # its first point
    assert done.state_names[-1] is ScanState.ABORTED
    assert done.places["samx"] == 1
    kinds = [step.request.kind for step in steps(done)[-3:]]
    assert kinds == [StepKind.MOVE, StepKind.UNSTAGE, StepKind.CLOSE]


def test_a_scan_that_is_aborted_in_a_part_that_is_not_relative_moves_nothing():
    done = aborted_at(
        13, LINE, THERE_AND_BACK, part("line_scan", "samx", 4, 9, steps=9)
    )
    assert done.state_names[-1] is ScanState.ABORTED
    kinds = [step.request.kind for step in steps(done)[-3:]]
    assert kinds == [StepKind.POINT, StepKind.UNSTAGE, StepKind.CLOSE]


def test_a_scan_that_is_aborted_while_its_way_back_is_ahead_still_goes_back():
    one = world(THERE_AND_BACK, LINE)
    while not any(
        step.request.set == {"samx": 2.0} for step in steps(one, StepKind.MOVE)
    ):
        one.work() or one.serve()
    one.control(Verb.ABORT)
    assert one.finish().places["samx"] == 2


@pytest.mark.parametrize("abort_at", [None, 6, 12, 17])
def test_a_worker_killed_at_any_moment_leaves_the_same_steps(abort_at):
    def run(kill_at=None):
        one, asked = world(*MIXED), False
        for turn in range(120):
            if turn == kill_at:
                one.start_worker()
            if not asked and abort_at in one.answers:
                one.control(Verb.ABORT)
                asked = True
            one.work()
            one.serve()
        return one.finish()

    undisturbed = run()
    ended = ScanState.CLOSED if abort_at is None else ScanState.ABORTED
    assert undisturbed.state_names[-1] is ended
    for moment in range(len(undisturbed.steps) + 2):
        again = run(moment)
        assert plain(again.steps) == plain(undisturbed.steps)
        assert again.states == undisturbed.states


@pytest.mark.parametrize("back", range(0, 12, 2))
@pytest.mark.parametrize("fresh", [True, False])
def test_it_goes_back_to_a_point_of_any_part(back, fresh):
    """As a worker does that has lived from the start, or one that has taken over."""
    one = world(*MIXED)
    if not fresh:
        one.frame = frame_of(one.frame.scan, one.begin, bound_of(one.begin))
        one.start_worker()
    one.lookahead = 1
    while 11 not in [point for point, _ in places(one)]:
        assert one.work() | one.serve()
    taken = len(places(one))
    one.control(Verb.REWIND, back)
    one.finish()

    assert [point for point, _ in places(one)[taken:]] == list(range(back, 12))
    assert [at for _, at in places(one)[taken:]] == MIXED_POINTS[back:]
    assert one.state_names[-1] is ScanState.CLOSED


def places(one):
    """Point ids and setpoints of the points that were taken."""
    points = steps(one, StepKind.POINT)
    return [
        (s.request.point_id, s.request.set) for s in points if s.index in one.answers
    ]


def test_parts_bring_their_flyers_analyses_rules_and_hooks():
    accepted = ask(
        part("fly_scan", 0, 1, 5, flyer="flyer"),
        part("adaptive_scan", "samx", 0, 1, ask="seeker"),
        part("line_scan", "samy", 0, 1, steps=2, wait_until="ring above 1"),
    )
    begin = accepted.begin
    assert begin.asks == ["seeker"]
    assert begin.streaming == ["flyer"]
    assert begin.hooks == {"shutter": ["shutter"]}
    assert set(begin.servers) == {*DEVICES}
    assert begin.shape == []
    assert bound_of(begin) == accepted.bound


def test_a_hook_of_another_scan_takes_no_part():
    assert ask(part("acquire")).begin.hooks == {}


def test_the_version_of_its_program_changes_with_its_parts():
    scan = CATALOGUE.find("multi")
    line, move = ask(LINE).bound, ask(part("mv", "samx", 0)).bound
    for of in (code_of, version_of):
        assert len({of(scan), of(scan, (), line), of(scan, (), move)}) == 3


# --- options -------------------------------------------------------------------------
def test_what_is_said_for_the_whole_holds_for_each_part_that_says_nothing_else():
    bound = ask(
        part("line_scan", "samx", 0, 1, steps=2, settling_time=0.5),
        part("mv", "samy", 1),
        part("acquire", exp_time=0.2),
        settling_time=0.1,
        burst_at_each_point=2,
    ).bound
    line, move, count = (words.options for _, words in bound.parts)
    assert (line["settling_time"], count["settling_time"]) == (0.5, 0.1)
    assert line["exp_time"] == count["exp_time"] == bound["exp_time"] == 0.2
    assert line["burst_at_each_point"] == 2
    assert move == {"relative": False}


def test_a_part_may_be_named_and_worded_as_in_spec():
    bound = ask(part("ascan", "samx", 0, 1, 4, 0.2), exp_time=0.2).bound
    ((name, words),) = bound.parts
    assert (name, words["steps"], words["exp_time"]) == ("line_scan", 5, 0.2)


# --- what is refused -----------------------------------------------------------------
FAR = part("mv", "samx", 9)


@pytest.mark.parametrize(
    ("parts", "said"),
    [
        ([], "multi needs part, as in: multi"),
        ([3], "multi part: 3 is not a scan"),
        ([part("lin_scan")], "part 1: no scan 'lin_scan': did you mean line_scan?"),
        ([LINE, part("multi", LINE)], "part 2: multi cannot be part of a scan"),
        ([part("interactive", "samx")], "part 1: interactive cannot be part"),
        ([part("line_scan", "samx", 0, 1)], "part 1: line_scan needs steps"),
        ([LINE, part("acquire", stepps=1)], "part 2: no option of acquire stepps=: "),
        ([part("acquire", fit="Gaussian")], "part 1: fit is given once, for the whole"),
        ([part("acquire", monitored=["det"])], "part 1: monitored is given once"),
        ([part("acquire", metadata={})], "part 1: metadata is given once"),
        (
            [part("acquire", exp_time=0.1), part("acquire", exp_time=0.2)],
            "part 2: exp_time is 0.2, and 0.1 before",
        ),
        ([part("mv", "det", 1)], "det cannot be moved"),
        ([part("fly_scan", 0, 1, 5, flyer="det")], "det cannot fly"),
        (
            [part("mv", "samx", 11)],
            "samx cannot go to 11 of part 1: its limits are -10",
        ),
        ([LINE, part("line_scan", "samx", 0, 20, steps=3)], "20 at point 2 of part 2"),
        (
            [LINE, part("mv", "samx", float("nan"))],
            "part 2: mv position: nan is not finite",
        ),
        ([FAR, THERE_AND_BACK, part("mv", "samx", 2, relative=True)], "11 of part 3"),
        ([part("mv", "samx", 8, relative=True), THERE_AND_BACK], "11 at point 2 of"),
        (
            [part("adaptive_scan", "samx", 0, 9.5, ask="seeker"), THERE_AND_BACK],
            "10.5 at point 2 of part 2",  # it may have ended there
        ),
        (
            [part("acquire", burst_at_each_point=600_000)] * 2,
            "multi would take more than 1000000 points",
        ),
        (
            [part("acquire", wait_until="nobody above 1")],
            "no device for wait_until 'nobody': there is",
        ),
    ],
)
def test_a_part_that_cannot_be_is_refused_by_its_number(parts, said):
    assert said in refused(*parts)


def test_a_relative_part_is_followed_from_where_the_parts_before_it_end():
    assert "11" in refused(FAR, part("line_scan", "samx", 0, 2, steps=2, relative=True))
    ask(FAR, part("mv", "samx", 0), THERE_AND_BACK)
    ask(part("mv", "samx", 7, relative=True), THERE_AND_BACK)  # 9 is where 2 + 7 is
    ask(FAR, THERE_AND_BACK, part("mv", "samx", 1, relative=True))


# --- what it would do ----------------------------------------------------------------
def test_a_dry_run_follows_it_from_part_to_part():
    accepted = ask(*MIXED, exp_time=0.5)
    begin, none = accepted.begin, Learned(devices=[])
    model = BeamlineModel(begin, DEVICES, BEAMLINE.values, none)
    frame = frame_of(accepted.scan, begin, accepted.bound)
    told = forecast(frame, begin, model)
    assert told.points == 12
    x, y = told.axes["samx"], told.axes["samy"]
    assert (x.low, x.high, x.end) == (0.0, 7.0, 0.0)
    assert (y.low, y.high, y.end) == (0.0, 3.0, 1.0)
    moves = [
        *(2 / 2, 1 / 2, 1 / 2),  # samx from 2 to 4, 5, 6
        1 / 1,  # samy to 1
        *(1 / 2, 1 / 1, 1 / 1, 2 / 1),  # both, and back: samy has 2 to go
        1 / 2,  # samx to 7
        *(7 / 2, 1 / 2, 1 / 1, 1 / 2),  # the grid
    ]
    # The second of two points 5 s apart begins 5 s behind the first.
    assert told.duration == pytest.approx(sum(moves) + 12 * 0.5 + 4.5)
