"""The simulated beamline's slower parts, and axes that are computed."""

import pytest

from bec_kernel.errors import DeviceError
from bec_kernel.wire import Condition
from bec_services.device_server.clock import VIRTUAL_START, VirtualClock
from bec_services.device_server.devices.description import declared
from bec_services.device_server.hardware.axes import PseudoAxis
from bec_services.device_server.steps.waiting import Waits, wait_at
from bec_sim import (
    SimFlyer,
    SimMonitor,
    SimMonochromator,
    SimPositioner,
    SimRing,
    SimShutter,
    SimSlit,
    SimTemperature,
)


@pytest.fixture
def clock():
    return VirtualClock()


def axis_of(clock, device, name: str, axis: str) -> PseudoAxis:
    listed = {device.name: device}
    return PseudoAxis(
        name=name, clock=clock, devices=listed, device=device.name, axis=axis
    )


# ---------------------------------------------------------------- computed axes
def test_a_slit_opens_by_moving_both_blades(clock):
    slit = SimSlit(name="slit", clock=clock)
    gap, centre = (axis_of(clock, slit, f"slit_{a}", a) for a in ("gap", "centre"))
    gap.set(4).wait()
    assert (slit.left.position, slit.right.position) == (-2, 2)
    assert clock.monotonic() == pytest.approx(0.4)
    centre.set(1).wait()
    assert (gap.position, centre.position) == (4, 1)
    reading = gap.read()["slit_gap"]
    assert reading == {"value": 4.0, "timestamp": VIRTUAL_START + clock.monotonic()}


def test_an_axis_refuses_what_it_or_a_motor_behind_it_cannot_reach(clock):
    slit = SimSlit(name="slit", clock=clock)
    gap = axis_of(clock, slit, "slit_gap", "gap")
    with pytest.raises(ValueError, match="slit_gap"):
        gap.set(30)
    slit.left.limits = (-1, 1)
    with pytest.raises(ValueError, match="slit_left"):
        gap.set(10)
    assert not gap.moving
    gap.set(1).wait()
    assert gap.position == 1


def test_a_later_move_of_another_axis_replaces_the_earlier_one(clock):
    slit = SimSlit(name="slit", clock=clock)
    first = axis_of(clock, slit, "slit_gap", "gap").set(10)
    axis_of(clock, slit, "slit_centre", "centre").set(2).wait()
    assert "on its way to" in str(first.exception(0))


def test_an_energy_is_chosen_by_turning_the_crystal(clock):
    mono = SimMonochromator(name="mono", clock=clock)
    energy = axis_of(clock, mono, "energy", "energy")
    told = []
    energy.readback.subscribe(lambda value, **_: told.append(value), run=False)
    energy.set(12.4).wait()
    assert energy.position == pytest.approx(12.4)
    assert mono.theta.position == pytest.approx(9.1743, abs=1e-3)
    assert told[-1] == pytest.approx(12.4)
    with pytest.raises(ValueError, match="limits"):
        energy.set(2)


def test_an_axis_names_what_is_missing(clock):
    slit = SimSlit(name="slit", clock=clock)
    with pytest.raises(ValueError, match="no axis 'tilt': gap, centre"):
        axis_of(clock, slit, "x", "tilt")
    with pytest.raises(LookupError, match="needs"):
        PseudoAxis(name="x", clock=clock, devices={}, device="slit", axis="gap")


# ---------------------------------------------------------------- slow things
def test_a_temperature_approaches_its_setpoint_with_its_time_constant(clock):
    temp = SimTemperature(name="temp", clock=clock, initial=0, time_constant=60)
    status = temp.set(100)
    clock.sleep(60)
    assert temp.position == pytest.approx(100 * (1 - 0.36788), abs=0.01)
    status.wait()
    assert clock.monotonic() == pytest.approx(60 * 6.9078, abs=0.01)


def test_a_shutter_takes_its_time_and_knows_two_places(clock):
    shutter = SimShutter(name="shutter", clock=clock, travel=0.5)
    shutter.open().wait()
    assert (shutter.position, clock.monotonic()) == (1, 0.5)
    with pytest.raises(ValueError, match=r"0 \(closed\) or 1 \(open\)"):
        shutter.set(0.5)


def test_a_ring_decays_is_lost_and_is_refilled(clock):
    ring = SimRing(
        name="ring", clock=clock, top=400, refill_at=395, losses=[[100, 200]]
    )
    clock.sleep(50.5)
    assert 395 < ring.current.get() < 400
    clock.sleep(100)
    assert ring.current.get() == 0
    clock.sleep(100)
    assert ring.current.get() == 2.0 * 51  # mA/s, since the loss was over
    ring.dump()
    assert ring.read()["ring"]["value"] == 0


def test_a_flyer_flies_another_motor_and_gives_its_velocity_back(clock):
    samy = SimPositioner(name="samy", clock=clock, velocity=10)
    flyer = SimFlyer(
        name="flyer",
        clock=clock,
        motor="samy",
        devices={"samy": samy},
        num=10,
        exposure=0.1,
        start=1,
        end=2,
    )
    flyer.trigger().wait()
    places = [event["data"]["flyer_position"] for event in flyer.collect()]
    assert places == pytest.approx([1 + 0.1 * n for n in range(1, 11)])
    assert samy.velocity.get() == 10


# ---------------------------------------------------------------- controls
def test_a_simulated_detector_is_changed_at_run_time(clock):
    det = SimMonitor(name="det", clock=clock, ref_motor=None, noise="none")
    assert "StepModel" in declared(det, "sim.get_models")()
    assert declared(det, "sim.select_model")("ConstantModel") == {"c": 100.0}
    declared(det, "sim.params")(c=7)
    assert declared(det, "sim.params")() == {"c": 7}
    det.trigger()
    assert det.read()["det"]["value"] == 7
    assert declared(det, "sim.model") is None
    assert declared(det, "destroy") is None


# ---------------------------------------------------------------- waits
def test_a_rule_is_waited_for_as_long_as_it_says_and_only_once(clock):
    ring = SimRing(name="ring", clock=clock, losses=[[0, 100]], lifetime=1e9)
    waits = Waits(clock)
    rule = Condition(device="ring", above=80, held=60)
    waits.until(ring, rule)
    assert clock.monotonic() == 100 + 40 + 60  # loss, refill to 82 mA, held
    waits.until(ring, rule)
    assert clock.monotonic() == 200  # it has been so all the time
    ring.dump()
    waits.until(ring, rule)
    assert clock.monotonic() == 200 + 40 + 60
    waits.close()


def test_a_rule_that_is_not_met_says_what_the_value_is(clock):
    ring = SimRing(name="ring", clock=clock)
    rule = Condition(device="ring", below=10, deadline=30)
    with pytest.raises(DeviceError, match="ring below 10 was not so within 30 s"):
        Waits(clock).until(ring, rule)
    assert clock.monotonic() == 30
    with pytest.raises(DeviceError, match="no signal 'tune'"):
        Waits(clock).until(ring, Condition(device="ring", signal="tune", above=1))


def test_a_moment_that_is_past_is_not_waited_for(clock):
    clock.sleep(10)
    wait_at(clock, VIRTUAL_START + 5)
    assert clock.monotonic() == 10
    wait_at(clock, VIRTUAL_START + 15)
    assert clock.monotonic() == 15
