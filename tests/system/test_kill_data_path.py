"""Bundler, writer and broker die or freeze at any point: the file is the same."""

import itertools
import signal
import threading
import time

import pytest

from bec_kernel.wire import ScanState
from tests.system.beamline import DEVICES, Instance, differences
from tests.system.file_contents import content, other_content
from tests.system.kills import disturb, whole
from tests.waiting import until

POINTS = 50
PROCESSES = ("scan_bundler", "file_writer", "broker")
PACE = 6.5
"""One kill of a process in so long (s): more often, and the launcher gives it up."""


@pytest.fixture(scope="module")
def instance(tmp_path_factory, runtime):
    devices = DEVICES.replace("noise: uniform", "noise: none")
    instance = Instance(tmp_path_factory.mktemp("path"), devices=devices)
    yield instance
    instance.close()


@pytest.fixture(scope="module")
def wanted(instance):
    """The file of a scan that nobody disturbs; the first one loads what is loaded."""
    for _ in range(2):
        report = instance.line_scan(POINTS)
        assert differences(instance, report, [*report.points(20)], POINTS) == []
    return content(report.file)


def disturbed(instance, name, number, at, wanted):
    """Disturb a process at a point of a scan; return what is not as it would be."""
    pid = instance.process_of(name)["pid"]
    report, seen, timer = instance.line_scan(POINTS), [], None
    for point in report.points(timeout=60):
        seen.append(point)
        if point.point_id == at:
            timer = disturb(pid, number)
    until(lambda: report.file is not None, 30)
    wrong = [] if report.status is ScanState.CLOSED else [f"state {report.status}"]
    wrong += differences(instance, report, seen, POINTS)
    wrong += other_content(content(report.file), wanted)
    if timer is not None:
        timer.join(20)
    until(lambda: instance.process_of(name)["pid"] not in (pid, None), 20)
    until(lambda: whole(instance), 20)
    return wrong


def campaign(instance, number, wanted, show):
    """Disturb each process at each point, in turn; return what was wrong, by where."""
    nap, due, bad = threading.Event(), dict.fromkeys(PROCESSES, 0.0), {}
    for at, name in itertools.product(range(POINTS), PROCESSES):
        nap.wait(max(0.0, due[name] - time.monotonic()))
        due[name] = time.monotonic() + PACE
        if wrong := disturbed(instance, name, number, at, wanted):
            bad[name, at] = wrong
    table = [f"{number.name} by point (. equal, x different):"]
    for name in PROCESSES:
        dots = "".join("x" if (name, at) in bad else "." for at in range(POINTS))
        table.append(f"{name:13} {dots}")
    show("\n".join(table))
    return bad


@pytest.mark.chaos
@pytest.mark.timeout(3600)
@pytest.mark.parametrize(
    "number", [signal.SIGKILL, signal.SIGSTOP], ids=lambda n: n.name
)
def test_a_process_killed_or_frozen_at_any_point_leaves_the_same_file(
    instance, wanted, show, number
):
    assert campaign(instance, number, wanted, show) == {}
