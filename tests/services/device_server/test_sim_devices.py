import os
import signal
import subprocess
import sys

import numpy as np
import pytest
from ophyd.utils import LimitError, ReadOnlyError

from bec_services.device_server import DeviceState
from bec_services.device_server.clock import VIRTUAL_START, VirtualClock
from bec_services.device_server.devices.status import ActionStopped
from bec_sim import (
    SimAsyncCounter,
    SimCamera,
    SimFlyer,
    SimMonitor,
    SimPositioner,
    SimWaveform,
)
from bec_sim.devices.detectors.models import MODELS, SignalModel


@pytest.fixture
def clock():
    return VirtualClock()


@pytest.fixture
def samx(clock):
    return SimPositioner(name="samx", clock=clock, velocity=2, limits=[-50, 50])


# ---------------------------------------------------------------- motor
def test_a_move_takes_as_long_as_its_way_at_its_velocity(clock, samx):
    samx.set(10).wait()
    assert clock.monotonic() == 5
    assert samx.position == 10
    assert samx.read()["samx"] == {"value": 10.0, "timestamp": VIRTUAL_START + 5}


def test_an_accelerated_move_takes_its_ramps_longer(clock):
    motor = SimPositioner(name="m", clock=clock, velocity=2, acceleration=4)
    status = motor.set(-10)
    clock.sleep(0.5)
    assert motor.position == pytest.approx(-0.5)
    status.wait()
    assert clock.monotonic() == pytest.approx(5.5)
    assert motor.position == -10


def test_a_moving_motor_says_where_it_is(clock, samx):
    samx.set(10)
    clock.sleep(2)
    assert samx.moving
    reading = samx.read()
    assert reading["samx"]["value"] == pytest.approx(4)
    assert reading["samx_motor_is_moving"]["value"] == 1
    assert reading["samx_setpoint"]["value"] == 10


def test_subscribers_hear_of_the_way_at_the_update_frequency(clock, samx):
    seen = []
    samx.readback.subscribe(
        lambda value, timestamp, **_: seen.append((timestamp, value)), run=False
    )
    samx.set(2).wait()
    assert len(seen) == 20
    assert seen[-1] == (VIRTUAL_START + 1, 2.0)
    assert seen == sorted(seen)


def test_a_stopped_move_stays_where_it_is_and_is_no_arrival(clock, samx):
    status = samx.set(10)
    clock.sleep(1.5)
    samx.stop()
    assert isinstance(status.exception(), ActionStopped)
    assert str(status.exception()) == ("samx was stopped at 3 mm on its way to 10 mm")
    clock.sleep(100)
    assert samx.position == pytest.approx(3)
    assert samx.setpoint.get() == pytest.approx(3)
    assert not samx.moving


def test_a_new_setpoint_fails_the_move_it_replaces(clock, samx):
    first = samx.set(10)
    clock.sleep(1)
    second = samx.set(0)
    assert "on its way to 10" in str(first.exception())
    second.wait()
    assert clock.monotonic() == 2
    assert samx.position == 0


def test_a_stop_at_rest_changes_nothing(samx):
    samx.stop()
    assert samx.position == 0


@pytest.mark.parametrize("position", [50.1, -51, float("nan")])
def test_a_position_outside_the_limits_is_refused_before_anything_moves(samx, position):
    with pytest.raises(LimitError, match=r"samx: .* outside its limits, -50 to"):
        samx.set(position)
    assert not samx.moving


def test_limits_can_be_changed_and_equal_ones_are_none(clock, samx):
    samx.high_limit = 60
    samx.set(55).wait()
    samx.limits = (0, 0)
    samx.set(1000).wait()
    with pytest.raises(ValueError, match="low limit 2 is above high 1"):
        samx.limits = (2, 1)


@pytest.mark.parametrize("options", [{"velocity": 0}, {"delay": 0}])
def test_an_instant_motor_has_arrived_on_return(clock, options):
    motor = SimPositioner(name="m", clock=clock, **options)
    assert motor.set(5).success
    assert motor.position == 5
    assert clock.monotonic() == 0


def test_a_zero_length_move_is_done_at_once(samx):
    assert samx.set(0).success


def test_a_reading_has_ophyds_keys_in_the_order_of_describe(samx):
    assert list(samx.read()) == list(samx.describe())
    assert list(samx.read()) == ["samx", "samx_setpoint", "samx_motor_is_moving"]
    assert samx.describe()["samx"]["units"] == "mm"
    assert samx.hints == {"fields": ["samx"]}
    assert set(samx.read_configuration()) == {"samx_velocity", "samx_acceleration"}


def test_a_signals_kind_can_be_changed_after_the_first_reading(samx):
    samx.read()
    samx.motor_is_moving.kind = "omitted"
    assert list(samx.read()) == ["samx", "samx_setpoint"]


def test_what_only_shows_something_cannot_be_written(samx):
    with pytest.raises(ReadOnlyError, match="samx"):
        samx.readback.put(3)
    with pytest.raises(ValueError, match="samx_velocity is -1, must be at least"):
        samx.velocity.put(-1)


def test_staging_twice_is_staging_once(samx):
    samx.stage()
    samx.stage()
    samx.unstage()
    samx.unstage()


# ---------------------------------------------------------------- counter
def beamline(clock, state=None, **options):
    devices = {}
    devices["samx"] = SimPositioner(
        name="samx", clock=clock, state=state, velocity=1, limits=[-5, 5]
    )
    devices["bpm"] = SimMonitor(
        name="bpm", clock=clock, devices=devices, state=state, **options
    )
    return devices


def test_a_monitor_follows_its_motor_by_its_model(clock):
    devices = beamline(clock, noise="none", params={"height": 10, "sigma": 2})
    devices["bpm"].trigger()
    assert devices["bpm"].read()["bpm"]["value"] == pytest.approx(10)
    devices["samx"].set(2).wait()
    devices["bpm"].trigger()
    assert devices["bpm"].read()["bpm"]["value"] == pytest.approx(10 * np.exp(-0.5))


def test_an_exposure_ends_its_time_later_and_is_counted(clock):
    bpm = beamline(clock)["bpm"]
    bpm.prepare({"exposure_time": 0.5})
    status = bpm.trigger()
    assert not status.done
    clock.wait([status], timeout_s=1)
    assert clock.monotonic() == 0.5
    reading = bpm.read()
    assert reading["bpm_exposures"]["value"] == 1
    assert isinstance(reading["bpm"]["value"], int)
    assert reading["bpm"]["timestamp"] == VIRTUAL_START + 0.5
    assert next(iter(reading)) == "bpm"


def test_a_stopped_exposure_has_no_data_but_a_number(clock):
    bpm = beamline(clock, exposure_time=1.0)["bpm"]
    status = bpm.trigger()
    with pytest.raises(RuntimeError, match="exposing already"):
        bpm.trigger()
    bpm.stop()
    assert isinstance(status.exception(), ActionStopped)
    clock.wait([bpm.trigger()], timeout_s=2)
    assert bpm.exposures.get() == 2


def test_a_monitor_without_its_motor_says_which_is_missing(clock):
    bpm = SimMonitor(name="bpm", clock=clock, devices={}, ref_motor="samy")
    with pytest.raises(LookupError, match="bpm follows 'samy'"):
        bpm.trigger()
    bpm.exposure_time.put(1.0)
    status = bpm.trigger()
    clock.wait([status], timeout_s=2)
    assert isinstance(status.exception(), LookupError)


def test_the_noise_depends_on_seed_and_exposure_only(clock):
    def values(seed):
        bpm = beamline(VirtualClock(), seed=seed)["bpm"]
        return [bpm.trigger() and bpm.value.get() for _ in range(20)]

    assert values(1) == values(1)
    assert values(1) != values(2)
    assert len(set(values(1))) > 5


def test_models_and_parameters_can_be_changed_at_run_time(clock):
    bpm = beamline(clock, noise="none")["bpm"]
    assert bpm.sim.get_models()[: len(MODELS)] == list(MODELS)
    bpm.sim.select_model("ConstantModel")
    bpm.sim.params = {"c": 7}
    bpm.trigger()
    assert bpm.value.get() == 7
    with pytest.raises(ValueError, match="no model 'Sinc': there is Gaussian"):
        bpm.sim.select_model("Sinc")
    with pytest.raises(ValueError, match="ConstantModel has no 'sigma': it has c"):
        bpm.sim.params = {"sigma": 1}


def test_several_motors_make_the_signal_one_of_the_distance(clock):
    devices = {
        name: SimPositioner(name=name, clock=clock, delay=0) for name in ("x", "y")
    }
    bpm = SimMonitor(
        name="bpm",
        clock=clock,
        devices=devices,
        ref_motor=["x", "y"],
        params={"height": 1, "center": [3, 4], "sigma": 5},
        noise="none",
    )
    bpm.trigger()
    assert bpm.value.get() == pytest.approx(np.exp(-0.5))


@pytest.mark.parametrize("name", ["GaussianModel", "LorentzianModel"])
def test_a_peaks_amplitude_is_its_area_and_height_its_top(name):
    x = np.linspace(-2000, 2000, 400_001)
    area = np.trapezoid(SignalModel(name, {"amplitude": 5, "sigma": 0.3})(x), x)
    assert area == pytest.approx(5, rel=1e-3)
    assert SignalModel(name, {"height": 5, "center": 1})(1.0) == pytest.approx(5)


# ---------------------------------------------------------------- arrays and streams
def test_a_camera_reads_its_frames_sums_and_keeps_the_frame(clock):
    eye = SimCamera(name="eye", clock=clock, shape=(20, 30), params={"c": 1000})
    eye.trigger()
    frame = eye.last_frame
    assert (frame.shape, frame.dtype) == ((20, 30), np.uint16)
    reading = eye.read()
    assert reading["eye_total"]["value"] == frame.sum()
    assert reading["eye_max"]["value"] == frame.max()
    assert set(reading) == {"eye_total", "eye_mean", "eye_max", "eye_exposures"}
    assert next(iter(reading)) == "eye_total"


def test_a_waveform_is_an_array_in_the_reading(clock):
    wave = SimWaveform(name="wave", clock=clock, waveform_shape=50)
    assert wave.describe()["wave"]["shape"] == [50]
    wave.trigger()
    values = wave.read()["wave"]["value"]
    assert values.shape == (50,)
    assert values.argmax() == pytest.approx(25, abs=3)


def test_an_async_counter_samples_at_its_rate_while_staged(clock):
    counter = SimAsyncCounter(name="fast", clock=clock, rate=10)
    seen = []
    counter.subscribe_async(lambda timestamp, value: seen.append(timestamp))
    clock.sleep(1)
    counter.stage()
    counter.stage()
    clock.sleep(1)
    counter.unstage()
    clock.sleep(1)
    assert len(seen) == 10
    assert seen[0] == pytest.approx(VIRTUAL_START + 1.1)
    assert seen[-1] == pytest.approx(VIRTUAL_START + 2.0)


def test_a_flight_takes_its_samples_and_hands_them_over(clock):
    flyer = SimFlyer(name="flyer", clock=clock)
    assert flyer.kickoff(num=5, exposure=0.1, start=0, end=10).success
    with pytest.raises(RuntimeError, match="flying already"):
        flyer.kickoff()
    clock.wait([flyer.complete()], timeout_s=5)
    events = list(flyer.collect())
    assert [event["data"]["flyer_position"] for event in events] == [1, 3, 5, 7, 9]
    assert clock.monotonic() == 0.5


def test_a_stopped_flight_fails(clock):
    flyer = SimFlyer(name="flyer", clock=clock)
    flyer.kickoff()
    status = flyer.complete()
    flyer.stop()
    assert isinstance(status.exception(), ActionStopped)


# ---------------------------------------------------------------- state, determinism
def program(folder):
    """A small experiment; returns everything it saw."""
    clock = VirtualClock()
    devices = beamline(clock, DeviceState(folder), exposure_time=0.1)
    seen = []
    fast = SimAsyncCounter(name="fast", clock=clock, rate=7)
    fast.subscribe_async(lambda *sample: seen.append(sample))
    devices["samx"].subscribe(lambda value, timestamp, **_: seen.append(value))
    fast.stage()
    for position in np.linspace(-3, 3, 11):
        clock.wait([devices["samx"].set(position)], timeout_s=100)
        clock.wait([devices["bpm"].trigger()], timeout_s=100)
        seen += [devices["samx"].read(), devices["bpm"].read()]
    return seen


def test_the_same_program_gives_the_same_values_and_timestamps(tmp_path):
    first = program(tmp_path / "first")
    assert first == program(tmp_path / "second")
    assert len(first) > 50


@pytest.mark.processes
def test_position_and_exposures_survive_a_kill_of_the_process(tmp_path):
    child = """
import os, signal, sys
from pathlib import Path
from bec_services.device_server.clock import VirtualClock
from bec_services.device_server import DeviceState
from bec_sim import SimMonitor, SimPositioner
clock, state = VirtualClock(), DeviceState(Path(sys.argv[1]))
samx = SimPositioner(name="samx", clock=clock, state=state)
bpm = SimMonitor(name="bpm", clock=clock, state=state, devices={"samx": samx})
samx.set(12.5).wait()
bpm.trigger(); bpm.trigger()
os.kill(os.getpid(), signal.SIGKILL)
"""
    environment = {**os.environ, "OPHYD_CONTROL_LAYER": "dummy"}
    killed = subprocess.run(
        [sys.executable, "-c", child, str(tmp_path)],
        env=environment,
        timeout=60,
        check=False,
    )
    assert killed.returncode == -signal.SIGKILL
    devices = beamline(VirtualClock(), DeviceState(tmp_path))
    assert devices["samx"].position == 12.5
    devices["bpm"].trigger()
    assert devices["bpm"].exposures.get() == 3


def test_a_cell_begins_with_its_initial_value_once(tmp_path):
    DeviceState(tmp_path).cell("gap", initial=5.0).set(7.0)
    assert DeviceState(tmp_path).cell("gap", initial=5.0).get() == 7.0
    assert DeviceState(tmp_path).cell("new", initial=5.0).add(1) == 6.0
    with pytest.raises(ValueError, match="letters"):
        DeviceState(tmp_path).cell("../escape")
