"""Simulated detectors that send at their own rate what they see of the beamline."""

import math

import pytest

from bec_services.device_server.clock import VirtualClock
from bec_sim import (
    SimAsyncGauss,
    SimAsyncMonitor,
    SimPositioner,
)


@pytest.fixture
def clock():
    return VirtualClock()


def seen_by(device):
    seen = []
    device.subscribe_async(lambda _, value: seen.append(value))
    return seen


def test_an_async_monitor_counts_what_its_model_says_of_a_motor_that_moves(clock):
    samx = SimPositioner(name="samx", clock=clock, velocity=1, limits=[-50, 50])
    monitor = SimAsyncMonitor(
        name="fast",
        clock=clock,
        devices={"samx": samx},
        params={"height": 1e6, "center": 2.0, "sigma": 1.0},
        rate=10,
    )
    seen = seen_by(monitor)

    monitor.stage()
    clock.wait([samx.set(4)], timeout_s=60)
    monitor.unstage()

    expected = [
        1e6 * math.exp(-((n / 10 - 2) ** 2) / 2) for n in range(1, len(seen) + 1)
    ]
    assert len(seen) >= 39  # the last is due when it arrives
    assert seen == pytest.approx(expected, rel=0.05)


def test_an_async_monitor_of_a_motor_that_is_not_there_is_not_staged(clock):
    monitor = SimAsyncMonitor(name="fast", clock=clock, devices={}, ref_motor="samz")

    with pytest.raises(LookupError, match="fast follows 'samz'"):
        monitor.stage()


def test_a_scanned_spot_goes_as_a_snake_and_is_brightest_at_its_centre(clock):
    spot = SimAsyncGauss(
        name="spot", clock=clock, rate=100, shape=(3, 5), extent=(4, 2), mean=1e6
    )
    seen = seen_by(spot)
    spot.stage()
    clock.sleep(0.155)

    places = [spot.place(number) for number in range(1, 16)]
    line = [-4.0, -2.0, 0.0, 2.0, 4.0]
    assert places == [
        *((x, -2.0) for x in line),
        *((x, 0.0) for x in reversed(line)),
        *((x, 2.0) for x in line),
    ]
    assert spot.place(16) == places[0]
    assert max(seen) == seen[7] == pytest.approx(1e6, rel=0.01)


def test_a_spot_of_one_line_is_refused(clock):
    with pytest.raises(ValueError, match="spot: shape"):
        SimAsyncGauss(name="spot", clock=clock, shape=(1, 5))
