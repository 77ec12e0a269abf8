"""The device server is killed or frozen while it stages, moves, or exposes."""

import os
import signal

import pytest

from bec_kernel.bus import START
from bec_kernel.wire import SERVICES, ScanState, Step, StepKind, keys
from tests.system.beamline import Instance, _exposed_twice, until

POINTS = 8
DEVICES = """\
samx:
  deviceClass: bec_services.device_server.sim.SimPositioner
  deviceConfig: {velocity: 10, limits: [-50, 50]}
  readoutPriority: baseline
det:
  deviceClass: bec_services.device_server.sim.SimMonitor
  deviceConfig: {ref_motor: samx, noise: none}
  readoutPriority: monitored
  softwareTrigger: true
"""
PHASES = {
    "stage": lambda step: step.kind is StepKind.STAGE,
    "set": lambda step: step.point_id == POINTS // 2,
    "trigger": lambda step: step.point_id == POINTS // 2,
}


@pytest.fixture(scope="module")
def instance(tmp_path_factory, runtime):
    instance = Instance(tmp_path_factory.mktemp("phase"), devices=DEVICES)
    yield instance
    instance.close()


def wait_for_step(instance, scan_id, is_it):
    """Return as soon as such a step stands in the log."""
    positions = {keys.steps(scan_id): START}
    for _ in range(200):
        for log, entries in instance.client.bus.follow(positions, 0.5):
            positions[log] = entries[-1].id
            for entry in entries:
                if isinstance(entry.message, Step) and is_it(entry.message):
                    return
    raise AssertionError("no such step")


def exposures(instance):
    [cell] = instance.data.glob("simulation/det.exposures*")
    return cell.read_bytes()


def disturbed(instance, phase, number):
    client = instance.client
    before = instance.restarts()
    pid = instance.process_of("device_server")["pid"]
    seen = exposures(instance) if phase == "trigger" else b""
    report = client.scans.line_scan("samx", 0, 7, steps=POINTS, exp_time=0.1)
    wait_for_step(instance, report.scan_id, PHASES[phase])
    if phase == "trigger":
        until(lambda: exposures(instance) != seen, 10)
    os.kill(pid, number)
    points = list(report.points(timeout=60))
    report.wait(60)
    assert report.status is ScanState.CLOSED
    assert [point.point_id for point in points] == list(range(POINTS))
    assert [point.data["samx"]["samx"].value for point in points] == list(range(POINTS))
    assert _exposed_twice(points) == []
    until(lambda: running(instance), 20)
    assert instance.restarts()["device_server"] == before["device_server"] + 1


def running(instance):
    services = instance.client.status()["services"]
    return all(s["state"] == "running" for s in services if s["name"] in SERVICES)


@pytest.mark.parametrize("phase", PHASES)
def test_a_device_server_killed_in_any_phase_repeats_nothing_unknown(instance, phase):
    instance.client.scans.acquire().wait(30)
    disturbed(instance, phase, signal.SIGKILL)


@pytest.mark.chaos
@pytest.mark.timeout(300)
def test_a_device_server_frozen_in_any_phase_repeats_nothing_unknown(instance, show):
    for phase in PHASES:
        disturbed(instance, phase, signal.SIGSTOP)
        show(f"SIGSTOP, device_server in {phase:8} equal")
