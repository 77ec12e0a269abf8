"""The scan server dies at any step of a scan, or is replaced by one that stood by."""

import itertools
import os
import signal
import threading
import time

import pytest

from bec_kernel.bus.changes import START
from bec_kernel.wire import ScanState, keys
from tests.system.beamline import Instance, differences
from tests.waiting import until

POINTS = 50
STEPS = POINTS + 5  # open, baseline, stage; unstage, close
SAMPLE = (4, 25)
PACE = 6.5
"""One kill in so long (s): more often, and the launcher takes it for hopeless."""
TAKEN_OVER = 3.0


@pytest.fixture(scope="module")
def instance(tmp_path_factory, runtime):
    instance = Instance(tmp_path_factory.mktemp("scans"))
    yield instance
    instance.close()


def server(instance):
    return instance.process_of("scan_server")["pid"]


def killed_at(instance, index: int) -> list[str]:
    """Run a scan; kill the scan server at this step of it. Return what is wrong."""
    pid, bus = server(instance), instance.client.bus
    report = instance.line_scan(POINTS)
    steps, at = keys.steps(report.scan_id), START
    while at.index < index:
        for _, entries in bus.follow({steps: at}, 5.0):
            at = entries[-1].id
    os.kill(pid, signal.SIGKILL)
    seen = list(report.points(timeout=20))
    wrong = [] if report.status is ScanState.CLOSED else [f"state {report.status}"]
    wrong += differences(instance, report, seen, POINTS)
    until(lambda: server(instance) != pid, 20)
    return wrong


@pytest.mark.parametrize("index", SAMPLE)
def test_a_scan_server_killed_at_a_step_leaves_the_same_scan(instance, index):
    assert killed_at(instance, index) == []


@pytest.mark.chaos
@pytest.mark.timeout(900)
def test_a_scan_server_killed_at_every_step_leaves_the_same_scan(instance, show):
    bad, nap = {}, threading.Event()
    for index in range(1, STEPS + 1):
        due = time.monotonic() + PACE
        if wrong := killed_at(instance, index):
            bad[index] = wrong
        nap.wait(max(0.0, due - time.monotonic()))
    kinds = "".join("x" if index in bad else "." for index in range(1, STEPS + 1))
    show(f"SIGKILL of scan_server at step 1 to {STEPS} (. equal, x different): {kinds}")
    assert bad == {}


@pytest.fixture
def standby(instance):
    """A second scan server, which waits for the first one's lease."""
    process = instance.standby("scan_server")
    yield process
    process.terminate()
    assert process.wait(15) == 0
    process.stderr.close()


@pytest.mark.alone
@pytest.mark.parametrize(
    "number",
    [
        pytest.param(signal.SIGKILL, id="kill", marks=pytest.mark.chaos),
        pytest.param(signal.SIGSTOP, id="stop"),
    ],
)
def test_a_standby_takes_over_in_three_seconds_and_the_woken_one_does_no_harm(
    instance, standby, number
):
    beats = keys.heartbeats["scan_server"]("main")
    first = instance.client.bus.get(beats).pid  # only who holds the lease beats
    report, seen, times = instance.line_scan(exp_time=0.01), [], []
    for point in report.points(timeout=20):
        seen.append(point)
        times.append(time.monotonic())
        if point.point_id == 60:
            os.kill(first, number)
    gaps = [later - earlier for earlier, later in itertools.pairwise(times)]
    assert max(gaps) < TAKEN_OVER
    if number is signal.SIGSTOP:
        woken = threading.Timer(0.5, lambda: _wake(first))
        woken.start()
        woken.join()
    assert differences(instance, report, seen) == []
    again = instance.line_scan()
    assert differences(instance, again, list(again.points(timeout=20))) == []


def _wake(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGCONT)
    except ProcessLookupError:
        return  # the launcher was faster
