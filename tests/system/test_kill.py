"""Any part may be killed or frozen at any moment: the scan goes on, nothing is lost."""

import random
import signal

import pytest

from bec_kernel.wire import SERVICES, ScanState
from tests.system.beamline import POINTS, Instance, differences
from tests.system.kills import FREEZE, disturb, whole
from tests.waiting import until

PROCESSES = [*SERVICES, "broker"]
SAMPLE = ["scan_server", "device_server", "file_writer", "broker"]
SEED = 20260101
MOMENTS = 3


@pytest.fixture(scope="module")
def instance(tmp_path_factory, runtime):
    instance = Instance(tmp_path_factory.mktemp("kill"))
    yield instance
    instance.close()


def disturbed_scan(instance: Instance, name: str, number: signal.Signals, at: int):
    """Run a scan, disturb a process at its point `at`; return what is wrong."""
    before = instance.restarts()
    pid = instance.process_of(name)["pid"]
    report, seen, timer = instance.line_scan(), [], None
    for point in report.points(timeout=60):
        seen.append(point)
        if point.point_id == at:
            timer = disturb(pid, number)
    wrong = [] if report.status is ScanState.CLOSED else [f"state {report.status}"]
    wrong += differences(instance, report, seen)
    if timer is not None:
        timer.join(2 * FREEZE)
    until(lambda: instance.process_of(name)["pid"] != pid, 20)
    until(lambda: whole(instance), 20)
    after = instance.restarts()
    rose = {n: after[n] - before[n] for n in after if after[n] != before[n]}
    if rose != {name: 1}:
        wrong.append(f"restarts {rose}")
    return wrong


def moments(name: str, number: signal.Signals) -> list[int]:
    """Three seeded points of the scan."""
    rng = random.Random(f"{SEED}{name}{number}")
    return sorted(rng.sample(range(5, POINTS - 20), MOMENTS))


def test_an_undisturbed_scan_has_nothing_wrong(instance):
    report = instance.line_scan()
    seen = list(report.points(timeout=60))
    assert differences(instance, report, seen) == []
    assert {point.attempt for point in seen} == {1}


@pytest.mark.parametrize("name", SAMPLE)
def test_a_killed_process_costs_no_point_and_repeats_none_unknown(instance, name):
    at = moments(name, signal.SIGKILL)[0]
    assert disturbed_scan(instance, name, signal.SIGKILL, at) == []


@pytest.mark.parametrize("name", ["device_server"])
def test_a_frozen_process_is_replaced_and_does_no_harm_when_woken(instance, name):
    at = moments(name, signal.SIGSTOP)[0]
    assert disturbed_scan(instance, name, signal.SIGSTOP, at) == []


@pytest.mark.chaos
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP], ids=str)
def test_every_process_at_three_moments(instance, number, show):
    table, bad = [], []
    for name in PROCESSES:
        row = [
            disturbed_scan(instance, name, number, at) for at in moments(name, number)
        ]
        cells = ["equal" if not wrong else "different" for wrong in row]
        table.append(f"{name:15}" + "".join(f"{cell:>12}" for cell in cells))
        bad += [f"{name}: {wrong}" for wrong in row if wrong]
    show("\n".join([f"{number.name}, process x moment:", *table]))
    assert bad == []
