"""What devices tell of their motion, and when."""

import pytest
from ophyd import EpicsMotor
from ophyd.pseudopos import pseudo_position_argument
from ophyd.sim import make_fake_device

from bec_kernel.device_list import DeviceSpec
from bec_kernel.wire import Motion
from bec_services.device_server.clock import VirtualClock
from bec_services.device_server.devices.adapter import DeviceAdapter
from bec_services.device_server.devices.travel_time import motions_of, pace_signals
from bec_services.device_server.hardware.axes import PseudoAxis
from bec_services.device_server.values.publisher import Values
from bec_sim import (
    SimMonitor,
    SimMonochromator,
    SimPositioner,
    SimShutter,
    SimSlit,
    SimTemperature,
)

CLOCK = VirtualClock()


def positioner(**config):
    return SimPositioner(name="samx", clock=CLOCK, **config)


def spec():
    words = {"deviceClass": "sim.SimPositioner", "readoutPriority": "baseline"}
    return DeviceSpec.model_validate(words)


def axis(owner, name):
    devices = {owner.name: owner}
    given = {"device": owner.name, "axis": name}
    return PseudoAxis(name=name, clock=CLOCK, devices=devices, **given)


def test_a_motor_tells_velocity_acceleration_and_settling():
    motor = positioner(velocity=20, acceleration=5, settle_time=0.1)
    told = Motion(velocity=20.0, acceleration=5.0, settle=0.1)
    assert motions_of(motor) == [told]
    motor.velocity.put(2.0)
    assert motions_of(motor)[0].velocity == 2.0


def test_a_motor_that_arrives_at_once_has_no_velocity():
    assert motions_of(positioner(delay=0)) == [Motion()]


def test_what_is_no_plain_motor_tells_its_own_law():
    shutter = SimShutter(name="s", clock=CLOCK, travel=0.3)
    assert motions_of(shutter) == [Motion(travel=0.3)]
    heater = SimTemperature(name="t", clock=CLOCK, time_constant=20)
    assert motions_of(heater) == [Motion(time_constant=20, tolerance=0.1)]


def test_an_epics_motor_tells_its_ramp_as_an_acceleration():
    fake = make_fake_device(EpicsMotor)("SIM:m1", name="m1", settle_time=0.2)
    fake.velocity.sim_put(5.0)
    fake.acceleration.sim_put(0.5)
    assert motions_of(fake) == [Motion(velocity=5.0, acceleration=10.0, settle=0.2)]


def test_a_new_velocity_is_told():
    motor, told = positioner(), []
    held = DeviceAdapter("samx", spec())
    held.device = motor
    values = Values("main", {"samx": held})
    values.repaced = told.append
    values.watch()
    motor.velocity.put(3.0)
    assert told == ["samx"]


def test_what_does_not_move_tells_nothing():
    assert motions_of(SimMonitor(name="det", clock=CLOCK)) == []


def test_a_computed_axis_tells_where_the_motors_behind_it_go():
    slit = SimSlit(name="slit", clock=CLOCK)
    left, right = motions_of(axis(slit, "gap"))
    assert left.span == (0.0, 20.0)
    assert (left.to, right.to) == ([0.0, -10.0], [0.0, 10.0])
    assert left.velocity == 5.0
    assert (left.motor, left.limits, right.motor) == ("slit_left", None, "slit_right")


def test_a_curved_axis_tells_its_curve():
    mono = SimMonochromator(name="mono", clock=CLOCK)
    (theta,) = motions_of(axis(mono, "energy"))
    assert theta.span == (4.0, 30.0)
    assert theta.to[0] == pytest.approx(mono.forward(4.0).theta)
    assert theta.to[-1] == pytest.approx(mono.forward(30.0).theta)
    assert len(theta.to) > 2
    assert theta.motor == "mono_theta"


class Lever(SimSlit):
    """How far the gap moves a blade depends on the centre."""

    @pseudo_position_argument
    def forward(self, pseudo_pos):
        half = pseudo_pos.gap / 2 * (1 + pseudo_pos.centre / 100)
        return self.RealPosition(-half, half)


def test_motors_are_named_only_where_what_the_axes_do_to_them_adds_up():
    slit = Lever(name="slit", clock=CLOCK)
    for name in ("gap", "centre"):
        assert [one.motor for one in motions_of(axis(slit, name))] == ["", ""]


def test_the_signals_that_change_the_pace_are_those_of_the_motors():
    motor = positioner()
    assert list(pace_signals(motor)) == [motor.velocity, motor.acceleration]
    slit = SimSlit(name="slit", clock=CLOCK)
    found = list(pace_signals(axis(slit, "gap")))
    assert found[:2] == [slit.left.velocity, slit.left.acceleration]
