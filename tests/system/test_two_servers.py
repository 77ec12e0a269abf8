"""One scan over two device servers; each may be killed or frozen in its middle."""

import contextlib
import os
import random
import signal
import threading

import numpy as np
import pytest

from bec_kernel.wire import ScanState, Step, StepKind
from tests.system.beamline import (
    CENTER,
    DEVICES,
    NOISE,
    POINTS,
    START_AT,
    STOP_AT,
    Instance,
    differences,
    model,
)
from tests.system.kills import FREEZE, disturb
from tests.waiting import until

OPTICS = f"""\
mono:
  deviceClass: bec_sim.SimPositioner
  deviceConfig: {{delay: 0, limits: [-50, 50]}}
  readoutPriority: baseline
  deviceTags: [optics]
det2:
  deviceClass: bec_sim.SimMonitor
  deviceConfig:
    model: GaussianModel
    ref_motor: mono
    params: {{height: 1000.0, center: {CENTER}, sigma: 1.5}}
    noise: uniform
    noise_scale: {NOISE}
    seed: 11
  readoutPriority: monitored
  softwareTrigger: true
  deviceTags: [optics]
"""
SETTINGS = "device_servers:\n  main:\n  optics: {tags: [optics]}\n"
SEED = 20260202


class TwoServers(Instance):
    """An instance with a second device server, which holds what is tagged `optics`."""

    def __init__(self, data):
        data.mkdir(parents=True, exist_ok=True)
        (data / "settings.yaml").write_text(SETTINGS)
        super().__init__(data, devices=DEVICES + OPTICS)

    def second(self):
        """Pid of the second device server."""
        return self.process_of("device_server/optics")["pid"]

    def line_scan(self, points=POINTS, exp_time=0.002):
        ends = ("samx", START_AT, STOP_AT, "mono", START_AT, STOP_AT)
        return self.client.scans.line_scan(*ends, steps=points, exp_time=exp_time)


@pytest.fixture(scope="module")
def instance(tmp_path_factory, runtime):
    instance = TwoServers(tmp_path_factory.mktemp("two"))
    yield instance
    instance.close()


def wrong_with(instance, report, seen):
    """What is wrong with a scan over both servers, and with the second one's part."""
    wrong = [] if report.status is ScanState.CLOSED else [f"state {report.status}"]
    wrong += differences(instance, report, seen)
    if [point.point_id for point in seen] != list(range(POINTS)):
        return wrong
    at = np.array([point.data["mono"]["mono"].value for point in seen])
    values = np.array([point.data["det2"]["det2"].value for point in seen])
    counts = np.array([point.data["det2"]["det2_exposures"].value for point in seen])
    again = np.array([point.attempt > 1 for point in seen[1:]])
    if not np.allclose(at, np.linspace(START_AT, STOP_AT, POINTS), atol=1e-9):
        wrong.append("mono is not at its setpoint")
    if np.abs(values - model(at)).max() > NOISE * 1.001:
        wrong.append("det2 is not of its setpoint")
    if ((np.diff(counts) != 1) & ~again).any():
        wrong.append("det2 was exposed again as attempt 1")
    return wrong


def test_a_scan_over_two_servers_exposes_each_point_once_on_both(instance):
    report = instance.line_scan()
    seen = list(report.points(timeout=60))
    assert wrong_with(instance, report, seen) == []
    assert {point.attempt for point in seen} == {1}
    assert set(seen[0].life) == {"main", "optics"}
    points = [s for s in instance.steps(report.scan_id) if _is_point(s)]
    assert {tuple(point.on) for point in points} == {("main", "optics")}


def _is_point(step):
    return isinstance(step, Step) and step.request.kind is StepKind.POINT


def scan_with(instance, at, harm):
    """Run a scan; call `harm` at its point `at`."""
    report, seen = instance.line_scan(), []
    for point in report.points(timeout=90):
        seen.append(point)
        if point.point_id == at:
            harm()
    return wrong_with(instance, report, seen)


@pytest.mark.parametrize(
    "number",
    [
        pytest.param(signal.SIGKILL, id="kill"),
        pytest.param(signal.SIGSTOP, id="stop", marks=pytest.mark.chaos),
    ],
)
def test_the_first_server_may_be_killed_or_frozen(instance, number):
    at = random.Random(f"{SEED}{number}").randrange(5, POINTS - 20)
    pid, timers = instance.process_of("device_server")["pid"], []
    wrong = scan_with(instance, at, lambda: timers.append(disturb(pid, number)))
    assert wrong == []
    for timer in filter(None, timers):
        timer.join(2 * FREEZE)
    until(lambda: instance.process_of("device_server")["pid"] != pid, 20)


@pytest.mark.chaos
def test_the_second_server_may_be_killed(instance):
    at = random.Random(f"{SEED}second").randrange(5, POINTS - 20)
    pid = instance.second()
    assert scan_with(instance, at, lambda: os.kill(pid, signal.SIGKILL)) == []
    until(lambda: instance.second() != pid, 20)


@pytest.mark.chaos
def test_the_second_server_may_be_frozen_where_another_stands_by(instance):
    at = random.Random(f"second{SEED}").randrange(5, POINTS - 20)
    pid = instance.second()
    standby = instance.standby("device_server", "optics")
    try:
        assert scan_with(instance, at, lambda: os.kill(pid, signal.SIGSTOP)) == []
        with contextlib.suppress(ProcessLookupError):  # the launcher was faster
            os.kill(pid, signal.SIGCONT)  # it finds its lease gone, and does no harm
        assert scan_with(instance, POINTS, lambda: None) == []
    finally:
        standby.terminate()
        assert standby.wait(15) == 0
        standby.stderr.close()


@pytest.mark.chaos
def test_a_pause_in_the_middle_lets_the_point_end_on_both(instance):
    report = instance.line_scan()
    paused = threading.Event()
    seen = []
    for point in report.points(timeout=60):
        seen.append(point)
        if point.point_id == POINTS // 2 and not paused.is_set():
            paused.set()
            instance.client.queue.pause()
            until(lambda: report.status is ScanState.PAUSED)
            instance.client.queue.resume()
    assert wrong_with(instance, report, seen) == []
    assert {point.attempt for point in seen} <= {1, 2}
