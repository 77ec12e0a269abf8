"""The device server is killed or frozen while it stages, moves, exposes, or reads."""

import os
import signal
import threading

import pytest

from bec_kernel.bus.changes import START
from bec_kernel.wire import SERVICES, Log, ScanState, Step, StepKind, keys
from tests.system.beamline import Instance, _exposed_twice
from tests.waiting import until

POINTS = 8
DEVICES = """\
samx:
  deviceClass: bec_sim.SimPositioner
  deviceConfig: {velocity: 10, limits: [-50, 50]}
  readoutPriority: baseline
det:
  deviceClass: bec_sim.SimMonitor
  deviceConfig: {ref_motor: samx, noise: none}
  readoutPriority: monitored
  softwareTrigger: true
"""
PHASES = {
    "stage": lambda step: step.request.kind is StepKind.STAGE,
    "set": lambda step: step.request.point_id == POINTS // 2,
    "trigger": lambda step: step.request.point_id == POINTS // 2,
    "read": lambda step: step.request.point_id == POINTS // 2,
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


def exposed(instance):
    """How many exposures have ended, as it was told."""
    value = instance.client.bus.get(keys.values("main"), "det")
    return value.readings["det_exposures"].value


def disturbed(instance, phase, number):
    client = instance.client
    before = instance.restarts()
    pid = instance.process_of("device_server")["pid"]
    seen, ended = exposures(instance), exposed(instance)
    # Between exposure and reading there is a moment in which it can be met.
    more = {"settling_time_after_trigger": 0.3} if phase == "read" else {}
    report = client.scans.line_scan("samx", 0, 7, steps=POINTS, exp_time=0.1, **more)
    wait_for_step(instance, report.scan_id, PHASES[phase])
    if phase == "trigger":
        until(lambda: exposures(instance) != seen, 10)
    elif phase == "read":
        until(lambda: exposed(instance) > ended, 10)
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


@pytest.mark.parametrize(
    "phase",
    [
        pytest.param("stage", marks=pytest.mark.chaos),
        pytest.param("set", marks=pytest.mark.chaos),
        "trigger",
        pytest.param("read", marks=pytest.mark.chaos),
    ],
)
def test_a_device_server_killed_in_any_phase_repeats_nothing_unknown(instance, phase):
    instance.client.scans.acquire().wait(30)
    disturbed(instance, phase, signal.SIGKILL)


def test_a_device_server_killed_in_a_change_of_its_list_makes_it_once(instance):
    client = instance.client
    away = {
        "deviceClass": "ophyd.EpicsSignal",
        "deviceConfig": {"read_pv": "NOWHERE:x"},
        "readoutPriority": "on_request",
        "connectionTimeout": 1.5,
    }
    before = len(client.config.history)
    pid = instance.process_of("device_server")["pid"]
    inbox = keys.device_asks("main", client.user)
    asked = client.bus.last(Log(inbox.name, inbox.type))
    applied = []
    change = threading.Thread(
        target=lambda: applied.append(client.config.add({"away": away}))
    )
    change.start()
    until(lambda: client.bus.last(Log(inbox.name, inbox.type)) != asked, 10)
    os.kill(pid, signal.SIGKILL)
    change.join(30)
    assert applied[0].names == ["away"]
    assert "did not connect" in applied[0].failed["away"]
    assert len(client.config.history) == before + 1
    assert client.dev.samx.read(timeout=5)
    until(lambda: running(instance), 20)


@pytest.mark.chaos
@pytest.mark.timeout(300)
def test_a_device_server_frozen_in_any_phase_repeats_nothing_unknown(instance, show):
    for phase in PHASES:
        disturbed(instance, phase, signal.SIGSTOP)
        show(f"SIGSTOP, device_server in {phase:8} equal")
