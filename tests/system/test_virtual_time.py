"""Hours of a simulated experiment in seconds, with the same timestamps in every run."""

import time

import numpy as np
import pytest

from tests.system.beamline import Instance

HOURS = 3
INTERVAL = 60.0
POINTS = HOURS * 60

DEVICES = """\
temp:
  deviceClass: bec_sim.SimTemperature
  deviceConfig: {time_constant: 60, limits: [0, 500]}
  readoutPriority: monitored
ring:
  deviceClass: bec_sim.SimRing
  deviceConfig: {losses: [[3600, 5000]], top: 400, refill_at: 395}
  readoutPriority: monitored
det:
  deviceClass: bec_sim.SimMonitor
  deviceConfig: {ref_motor: temp, noise: poisson, seed: 5, exposure_time: 1}
  readoutPriority: monitored
  softwareTrigger: true
"""
WAIT = "ring above 80 for 60"


def experiment(data):
    """Ramp up, watch for three hours with a beam loss, ramp down; all readings."""
    found = []
    instance = Instance(data, "--virtual", devices=DEVICES)
    try:
        began = time.monotonic()
        scans = instance.client.scans
        wishes = (
            lambda: scans.line_scan("temp", 293, 500, steps=5, exp_time=1),
            lambda: scans.time_scan(
                points=POINTS, interval=INTERVAL, exp_time=1, wait_until=WAIT
            ),
            lambda: scans.line_scan("temp", 500, 293, steps=5, wait_until=WAIT),
        )
        for wish in wishes:
            report = wish()
            points = list(report.points(timeout=60))
            report.wait(30)
            found.append([(p.begin, p.end, p.data) for p in points])
        took = time.monotonic() - began
    finally:
        instance.close()
    return found, took


@pytest.mark.timeout(120)
def test_three_hours_pass_in_seconds_with_the_same_timestamps(tmp_path):
    first, took = experiment(tmp_path / "one")
    again, _ = experiment(tmp_path / "two")
    assert took < INTERVAL  # not one of them was waited out
    assert repr(first) == repr(again)
    begins = np.array([begin for begin, _, _ in first[1]])
    currents = np.array([data["ring"]["ring"].value for _, _, data in first[1]])
    assert currents.min() > 80
    gaps = np.diff(begins)
    lost = int(np.argmax(gaps))
    assert gaps[lost] > 1000  # nothing was taken while there was no beam
    steady = begins[2 : lost + 1] - begins[2]  # the first one waited for the rule
    assert np.allclose(steady, INTERVAL * np.arange(len(steady)), atol=1e-5)
    assert begins[-1] - first[0][0][0] > HOURS * 3600 - 2 * INTERVAL


def test_an_energy_and_a_slits_gap_are_scanned_like_any_motor(tmp_path):
    instance = Instance(tmp_path / "axes", "--virtual", devices="")
    try:
        scans = instance.client.scans
        energies = scans.line_scan("energy", 8, 9, steps=5)
        found = [p.data["energy"]["energy"].value for p in energies.points(timeout=30)]
        assert found == pytest.approx([8, 8.25, 8.5, 8.75, 9])
        gaps = scans.line_scan("slit.gap", 0, 2, steps=3)
        found = [p.data["slit_gap"]["slit_gap"].value for p in gaps.points(timeout=30)]
        assert found == [0, 1, 2]
        gaps.wait(30)
        controls = instance.client.dev.bpm4i
        assert controls.sim.params(center=2.0)["center"] == 2.0
    finally:
        instance.close()
