"""What a simulated device cannot work with is refused, and it goes on as it was."""

import math

import pytest

from bec_services.device_server.clock import VirtualClock
from bec_sim import (
    SimAsyncCounter,
    SimCamera,
    SimFlyer,
    SimMonitor,
    SimPositioner,
    SimRing,
    SimTemperature,
    SimWaveform,
)

NAN, INF = math.nan, math.inf
BAD = [
    (SimPositioner, {"update_frequency": 0}),
    (SimPositioner, {"update_frequency": NAN}),
    (SimPositioner, {"velocity": INF}),
    (SimPositioner, {"velocity": -1}),
    (SimPositioner, {"acceleration": "fast"}),
    (SimPositioner, {"jitter": -1}),
    (SimPositioner, {"settle_time": INF}),
    (SimPositioner, {"tolerance": None}),
    (SimPositioner, {"initial": NAN}),
    (SimPositioner, {"limits": [NAN, 1]}),
    (SimTemperature, {"time_constant": -1}),
    (SimMonitor, {"params": {"center": [1, 2, 3]}}),
    (SimMonitor, {"params": {"height": "much"}}),
    (SimMonitor, {"params": {"sigma": 0}}),
    (SimMonitor, {"model": "StepModel", "params": {"form": 3}}),
    (SimMonitor, {"ref_motor": ["a", "b"], "params": {"center": [1, 2, 3]}}),
    (SimMonitor, {"exposure_time": INF}),
    (SimMonitor, {"noise_scale": 0}),
    (SimCamera, {"shape": [0, 10]}),
    (SimCamera, {"shape": [10**6, 10**6]}),
    (SimCamera, {"hot_pixels": -1}),
    (SimWaveform, {"waveform_shape": 10**9}),
    (SimAsyncCounter, {"rate": 1e9}),
    (SimAsyncCounter, {"rate": 0}),
    (SimAsyncCounter, {"mean": -1}),
    (SimFlyer, {"num": -5}),
    (SimFlyer, {"num": "x"}),
    (SimFlyer, {"num": 2.5}),
    (SimFlyer, {"exposure": 0}),
    (SimFlyer, {"end": INF}),
    (SimRing, {"period": 0}),
    (SimRing, {"lifetime": 0}),
]


@pytest.mark.parametrize(("kind", "options"), BAD, ids=str)
def test_a_device_cannot_be_made_of_what_makes_no_sense(kind, options):
    with pytest.raises(ValueError, match=r" is .*must be|low limit"):
        kind(name="d", clock=VirtualClock(), **options)


def test_an_update_frequency_is_capped():
    clock = VirtualClock()
    samx = SimPositioner(name="samx", clock=clock, update_frequency=1e9, velocity=100)
    heard = []
    samx.readback.listen(lambda **_: heard.append(1))
    clock.wait([samx.set(1.0)], 1.0)
    assert len(heard) <= 11


@pytest.mark.parametrize("value", [10**400, True, [1, 2, 3], "x", INF, None], ids=repr)
def test_parameters_are_numbers_and_all_are_refused_with_the_bad_one(value):
    one = SimMonitor(name="det", clock=VirtualClock(), params={"center": 1.0})
    with pytest.raises(ValueError, match=r"GaussianModel: center is .* one finite"):
        one.sim.params = {"sigma": 2.0, "center": value}
    assert (one.sim.params["center"], one.sim.params["sigma"]) == (1.0, 1.0)


@pytest.mark.parametrize("value", [INF, -1, "x", {"exposure": 1}, {}, [1]], ids=repr)
def test_an_exposure_that_cannot_be_is_not_prepared(value):
    one = SimMonitor(name="det", clock=VirtualClock())
    with pytest.raises(ValueError, match="exposure_time"):
        one.prepare(value)
    assert one.exposure_time.get() == 0.0
    one.prepare({"exposure_time": 2})
    assert one.exposure_time.get() == 2.0


@pytest.mark.parametrize("plan", [{"num": 0}, {"speed": 1}, {"start": NAN}, INF, [1]])
def test_a_flight_that_cannot_be_flown_is_not_begun(plan):
    flyer = SimFlyer(name="flyer", clock=VirtualClock())
    with pytest.raises(ValueError, match=r"must be|takes num, exposure"):
        flyer.prepare(plan)
    flyer.kickoff(num=3)


def test_who_is_destroyed_does_nothing_more_by_itself():
    clock = VirtualClock()
    samx = SimPositioner(name="samx", clock=clock, velocity=1)
    counter, flyer = (
        kind(name=kind.__name__, clock=clock) for kind in (SimAsyncCounter, SimFlyer)
    )
    det = SimMonitor(name="det", clock=clock, exposure_time=10, ref_motor=None)
    move, exposure = samx.set(100), det.trigger()
    counter.stage()
    flyer.kickoff()
    for device in (samx, counter, flyer, det):
        device.destroy()
    assert clock._peek() is None
    assert move.exception(0) is not None
    assert exposure.exception(0) is not None
