"""Estimates, against formulas of their own."""

import math

import pytest
from hypothesis import given, strategies as st

from bec_kernel.wire import (
    Condition,
    Device,
    DeviceValue,
    Learned,
    Motion,
    Reading,
    ScanRequest,
    SignalDescription,
    StepKind,
)
from bec_services.scan_server.accept.assembler import Catalogue
from bec_services.scan_server.accept.guard import accept
from bec_services.scan_server.accept.limits import Beamline
from bec_services.scan_server.forecast.estimate import PLACES, forecast
from bec_services.scan_server.forecast.model import BeamlineModel
from bec_services.scan_server.program.frame import frame_of
from bec_services.scan_server.program.request import StepRequest
from bec_services.scan_server.program.travel import Travel, duration
from bec_services.scan_server.scans import (
    Acquire,
    GridScan,
    LineScan,
    ListScan,
    Move,
    TimeScan,
)

CATALOGUE = Catalogue([Acquire, GridScan, LineScan, ListScan, Move, TimeScan])


def motor(name, **motion):
    return Device(
        name=name,
        server="main",
        device_class="sim.Motor",
        readout_priority="baseline",
        positioner=True,
        limits=(-100.0, 100.0),
        signals=[SignalDescription(name=name, unit="mm")],
        motion=[Motion(**motion)],
    )


DET = Device(name="det", server="main", device_class="sim.Det", software_trigger=True)
DEVICES = {
    one.name: one
    for one in (
        motor("fast", velocity=10.0),
        motor("slow", velocity=2.0, settle=0.5),
        motor("ramp", velocity=4.0, acceleration=2.0),
        DET,
    )
}
VALUES = {
    name: DeviceValue(readings={name: Reading(at, 0.0)})
    for name, at in {"fast": 5.0, "slow": 0.0, "ramp": 0.0}.items()
}


def told(
    name,
    *args,
    learned=None,
    devices=DEVICES,
    exposures=None,
    most=10**6,
    further=10**6,
    **kwargs,
):
    """Return the forecast of a request."""
    request = ScanRequest(request_id="r", name=name, args=list(args), kwargs=kwargs)
    beamline = Beamline(devices=devices, values=VALUES)
    accepted = accept(CATALOGUE, beamline, request, "ada", 0.0)
    model = BeamlineModel(accepted.begin, devices, VALUES, learned, exposures or {})
    frame = frame_of(accepted.scan, accepted.begin, accepted.bound)
    return forecast(frame, accepted.begin, model, most=most, further=further)


class Program:
    """A program of a test, without a clean-up."""

    def __init__(self, body):
        self.body = body

    def cleanup(self, *, moves):
        yield from ()


def followed(body):
    request = ScanRequest(request_id="r", name="acquire")
    beamline = Beamline(devices=DEVICES, values=VALUES)
    begin = accept(CATALOGUE, beamline, request, "ada", 0.0).begin
    model = BeamlineModel(begin, DEVICES, VALUES, None)
    return forecast(Program(body), begin, model)


# --- moves ----------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("motion", "way", "seconds"),
    [
        ({"velocity": 2.0}, 10.0, 5.0),
        ({"velocity": 2.0, "settle": 0.5}, 10.0, 5.5),
        ({"velocity": 2.0, "settle": 0.5}, 0.0, 0.5),
        ({"velocity": 2.0, "acceleration": 1.0}, 10.0, 7.0),
        ({"velocity": 2.0, "acceleration": 1.0}, 1.0, 2.0),  # never at full speed
        ({"velocity": 0.0}, 10.0, 0.0),
        ({"travel": 0.2}, 1.0, 0.2),
        ({"travel": 0.2}, 0.0, 0.0),
        ({"time_constant": 20.0, "tolerance": 0.1}, 10.0, 20 * math.log(100)),
        ({"time_constant": 20.0, "tolerance": 0.1}, 0.05, 0.0),
    ],
)
def test_the_length_of_a_move(motion, way, seconds):
    assert duration([Motion(**motion)], 3.0, 3.0 + way) == pytest.approx(seconds)
    assert duration([Motion(**motion)], 3.0, 3.0 - way) == pytest.approx(seconds)


def test_a_computed_axis_takes_as_long_as_the_slowest_motor_behind_it():
    span = (0.0, 20.0)
    left = Motion(velocity=5.0, span=span, to=[0.0, -10.0])
    right = Motion(velocity=1.0, span=span, to=[0.0, 10.0])
    assert duration([left, right], 2.0, 6.0) == 2.0
    assert duration([left, right], -2.0, 22.0) == 12.0  # also beyond what was told


def test_a_curved_axis_follows_its_curve():
    square = Motion(velocity=1.0, span=(0.0, 4.0), to=[0.0, 1.0, 4.0, 9.0, 16.0])
    assert duration([square], 3.0, 4.0) == 7.0
    assert duration([square], 0.5, 1.5) == pytest.approx(2.0)


# --- scans ----------------------------------------------------------------------------
def test_a_line_in_full():
    found = told("line_scan", "fast", 0, 10, steps=11, exp_time=0.5, settling_time=0.1)
    assert found.points == 11
    assert found.parts == pytest.approx(
        {
            "move": 0.5 + 10 * 0.1,  # from where it is now, then 1 mm at a time
            "settle": 1.1,
            "trigger": 5.5,
            "read": 0.0,
            "wait": 0.0,
            "overhead": 0.0,
            "around": 0.0,
        }
    )
    assert found.duration == pytest.approx(8.1)
    axis = found.axes["fast"]
    assert (axis.low, axis.high, axis.end, axis.limits, axis.unit) == (
        *(0.0, 10.0, 10.0),
        (-100.0, 100.0),
        "mm",
    )
    assert axis.path == [float(n) for n in range(11)]
    assert found.times[0] == 0.5


def test_motors_move_together():
    found = told("line_scan", "fast", 5, 15, "slow", 0, 4, steps=2)
    assert found.duration == pytest.approx(0.5 + 2.5)  # the slow one settles each time


def test_a_relative_scan_begins_where_the_motor_is_and_goes_back():
    found = told("line_scan", "fast", -1, 1, steps=3, relative=True)
    assert found.axes["fast"].path == [4.0, 5.0, 6.0, 5.0]
    assert found.axes["fast"].end == 5.0
    assert found.parts["around"] == pytest.approx(0.1)


def test_points_at_even_intervals_wait_for_their_time():
    found = told("time_scan", points=5, interval=2.0, exp_time=0.5)
    assert found.duration == pytest.approx(8.5)
    assert found.parts["wait"] == pytest.approx(6.0)


def test_a_wait_for_a_value_has_no_end():
    found = told("time_scan", points=3, interval=1.0, wait_until="det above 3 for 60")
    assert found.open_ended == ["det above 3 for 60 s"]
    assert found.duration >= 60


def test_what_was_learned_is_added():
    learned = Learned(
        devices=["det"],
        trigger=0.2,
        free=0.3,
        read=0.01,
        overhead=0.02,
        around=3.0,
        spread=0.005,
        scans=4,
    )
    plain = told("line_scan", "fast", 0, 10, steps=11, exp_time=0.5)
    found = told("line_scan", "fast", 0, 10, steps=11, exp_time=0.5, learned=learned)
    more = 11 * 0.2 + 11 * 0.01 + 10 * 0.02 + 3.0
    assert found.duration == pytest.approx(plain.duration + more)
    assert found.high - found.duration == pytest.approx(0.02 * found.duration)
    assert not found.notes
    assert plain.notes == ["no scan has measured the dead times of its detectors yet"]
    free = told("acquire", learned=learned)
    assert free.parts["trigger"] == 0.3
    kept = told("acquire", learned=learned, exposures={"det": 2.0})
    assert kept.parts["trigger"] == 2.2


def test_a_move_is_a_move():
    found = told("mv", "slow", 4, "ramp", 8)
    assert found.duration == pytest.approx(4.0)
    assert (found.points, found.low, found.high) == (0, 4.0, 4.0)


def test_a_motor_that_tells_nothing_is_named():
    dumb = {**DEVICES, "slow": motor("slow")}
    dumb["slow"] = Device(
        name="slow", server="main", device_class="sim.Motor", positioner=True
    )
    found = told("mv", "slow", 4, devices=dumb)
    assert found.duration == 0.0
    assert found.notes == ["how fast slow moves is not known"]


def test_a_program_that_fails_says_so_and_what_came_before():
    def body():
        yield StepRequest(kind=StepKind.POINT, point_id=0, exposure=2.0)
        raise ValueError("no such position")

    found = followed(body)
    assert found.duration == 2.0
    assert "no such position" in found.notes[0]


@pytest.mark.parametrize("motor", ["fast", "ramp"])
def test_points_are_taken_while_a_motor_passes_their_places(motor):
    seen = []

    def body():
        yield StepRequest(kind=StepKind.MOVE, set={motor: 0.0})
        for place in (2.0, 4.0, 6.0, 8.0):
            passed = Condition(device=motor, above=place)
            yield StepRequest(kind=StepKind.WAIT, set={motor: 10.0}, until=passed)
            data = yield StepRequest(
                kind=StepKind.POINT,
                devices=[motor],
                point_id=len(seen),
                answer=True,
            )
            seen.append(data[motor][motor].value)
        yield StepRequest(kind=StepKind.MOVE, set={motor: 10.0})

    found = followed(body)
    way = duration(DEVICES[motor].motion, 0.0, 10.0)
    back = duration(DEVICES[motor].motion, VALUES[motor].readings[motor].value, 0.0)
    assert found.duration == pytest.approx(back + way)
    assert not found.open_ended
    late = 0.05 * 10.0  # so far the fast one goes until it tells where it is
    for place, at in zip((2.0, 4.0, 6.0, 8.0), seen, strict=True):
        assert place < at <= place + late
    assert found.axes[motor].end == 10.0


def test_a_sweep_ends_when_the_motor_has_arrived():
    told = []

    def body():
        at = VALUES["slow"].readings["slow"].value
        while told[-1:] != ["arrived"]:
            news = Condition(device="slow", above=at)
            want = StepRequest(
                kind=StepKind.WAIT, set={"slow": 4.0}, until=news, answer=True
            )
            told.append((yield want))
            data = yield StepRequest(
                kind=StepKind.POINT,
                devices=["slow"],
                point_id=len(told),
                answer=True,
            )
            at = data["slow"]["slow"].value

    found = followed(body)
    assert found.duration == pytest.approx(2.5, abs=0.1)
    assert 40 <= found.points <= 52


@given(st.floats(0.1, 50), st.floats(0.1, 10), st.floats(0.01, 10), st.floats(0, 1))
def test_a_motor_passes_a_place_when_it_is_there(way, velocity, acceleration, share):
    motion = Motion(velocity=velocity, acceleration=acceleration)
    path = Travel([motion], 3.0, 3.0 - way, 100.0)
    when = path.passes(3.0 - share * way)
    assert 100.0 <= when <= path.arrival
    assert path.place(when) == pytest.approx(3.0 - share * way, abs=1e-4)


PLACE = st.floats(-100, 100)


@given(st.tuples(PLACE, PLACE), st.tuples(PLACE, PLACE), st.integers(1, 40))
def test_parts_add_up_and_the_path_lies_within_its_range(ramp, slow, steps):
    found = told("line_scan", "ramp", *ramp, "slow", *slow, steps=steps, exp_time=0.3)
    assert sum(found.parts.values()) == pytest.approx(found.duration)
    assert found.low <= found.duration <= found.high
    assert found.times == sorted(found.times)
    for axis in found.axes.values():
        assert len(axis.path) == len(found.times)
        assert axis.low == min(axis.path)
        assert axis.high == max(axis.path)


@given(PLACE, PLACE, st.floats(0.01, 2))
def test_a_scan_both_ways_takes_the_same_time(a, b, exposure):
    there = told("list_scan", "ramp", [0, a, b, a, 0], exp_time=exposure)
    back = told("list_scan", "ramp", [0, a, b, a, 0][::-1], exp_time=exposure)
    assert there.duration == pytest.approx(back.duration)


def test_a_long_scan_is_thinned_out_and_taken_to_go_on_alike():
    grid = ("grid_scan", "fast", 0, 10, 101, "slow", 0, 10, 101)
    whole = told(*grid, exp_time=0.1)
    part = told(*grid, exp_time=0.1, most=2000)
    assert whole.points == part.points == 101 * 101
    assert len(whole.times) == PLACES
    assert part.duration == pytest.approx(whole.duration, rel=0.05)
    assert any("followed for 19" in note for note in part.notes)
    assert list(whole.axes) == ["fast", "slow"]
    assert part.axes["slow"].high == whole.axes["slow"].high
    short = told(*grid, exp_time=0.1, most=500, further=0)
    assert short.points == whole.points
    assert short.duration == pytest.approx(whole.duration, rel=0.05)
    assert short.axes["slow"].high < 1.0


def test_a_long_way_to_the_first_point_is_made_once():
    line = ("line_scan", "slow", 90, 91)
    whole = told(*line, steps=2001)
    part = told(*line, steps=2001, most=100, further=0)
    assert part.duration == pytest.approx(whole.duration, rel=1e-6)
