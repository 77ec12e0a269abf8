"""A scan is longer than what stays on the bus, and parts die: the file is the same."""

import random
import signal

import pytest

from bec_kernel.bus.changes import START
from bec_kernel.client import connect
from bec_kernel.wire import ScanState, keys
from tests.system.beamline import DEVICES, POINTS, Instance, differences
from tests.system.file_contents import content, other_content
from tests.system.kills import disturb, whole
from tests.waiting import until

KEEP = 20
SEED = 85
TIMES = 3
PROCESSES = ("file_writer", "scan_bundler", "scan_server", "device_server", "broker")


@pytest.fixture(scope="module")
def instance(tmp_path_factory, runtime):
    data = tmp_path_factory.mktemp("trimmed")
    (data / "settings.yaml").write_text(f"keep_points: {KEEP}\n")
    devices = DEVICES.replace("noise: uniform", "noise: none")
    instance = Instance(data, devices=devices)
    yield instance
    instance.close()


@pytest.fixture(scope="module")
def wanted(instance):
    """The file of a scan that nobody disturbs; the first one loads what is loaded."""
    for _ in range(2):
        report = instance.line_scan()
        assert differences(instance, report, [*report.points(20)]) == []
    assert left(instance, report.scan_id) > POINTS // 2
    assert len(instance.steps(report.scan_id)) < POINTS
    return content(report.file)


def left(instance, scan_id):
    """How many points are no longer on the bus."""
    first = instance.client.bus.read(keys.points(scan_id), START, 1)[0]
    return max(0, first.id.index)


def disturbed(instance, wanted, name, number, at):
    """Disturb a process at a point.

    Return what is not as it would be, and how many points have left the bus.
    """
    pid = instance.process_of(name)["pid"]
    report, seen, timer = instance.line_scan(), [], None
    for point in report.points(timeout=60):
        seen.append(point)
        if point.point_id == at:
            timer = disturb(pid, number)
    with connect(instance.data) as late:
        again = [point.point_id for point in late.report(report.scan_id).points(60)]
    until(lambda: report.file is not None, 30)
    wrong = [] if report.status is ScanState.CLOSED else [f"state {report.status}"]
    wrong += [] if again == list(range(POINTS)) else [f"read again: {again}"]
    gone = left(instance, report.scan_id)
    wrong += differences(instance, report, seen)
    wrong += other_content(content(report.file), wanted)
    if timer is not None:
        timer.join(20)
    until(lambda: instance.process_of(name)["pid"] not in (pid, None), 20)
    until(lambda: whole(instance), 20)
    return wrong, gone


@pytest.mark.chaos
@pytest.mark.timeout(900)
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP])
def test_a_scan_of_which_much_has_left_the_bus_ends_with_the_same_file(
    instance, wanted, show, number
):
    dice, bad, gone = random.Random(f"{SEED}{number}"), {}, []
    for _ in range(TIMES):
        for name in PROCESSES:
            at = dice.randrange(2 * KEEP, POINTS - KEEP)
            wrong, count = disturbed(instance, wanted, name, number, at)
            gone.append(count)
            if wrong:
                bad[name, at] = wrong
    show(f"{number.name}: {KEEP} of {POINTS} points stay; so many left the bus: {gone}")
    assert bad == {}
    assert sum(count > 0 for count in gone) > len(gone) // 2
