"""A long scan costs no more a point at its end than at its beginning."""

import itertools
import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from tests.system.beamline import Instance
from tests.waiting import until

SAMPLE = 2_000
WHOLE = int(os.environ.get("BEC_SOAK_POINTS", "500000"))
KEEP = int(os.environ.get("BEC_SOAK_KEEP", "100000"))
"""So many of them stay on the bus."""
SAMPLES = os.environ.get("BEC_SOAK_SAMPLES", "")
"""Where to write what was measured, for `python -m benchmarks.soak`."""
PARTS = 5
STEPS = 100
MOST = 512.0
"""Memory of a process, MB."""
BOUNDED = ("broker", "scan_bundler", "file_writer")
LATE = """
import sys
from bec_kernel.client import connect
data, scan_id, count = sys.argv[1:]
with connect(data) as client:
    ids = [point.point_id for point in client.report(scan_id).points(120)]
assert ids == list(range(int(count))), f"{len(ids)} points, the last is {ids[-1:]}"
"""
"""A client that comes when much has left the bus, and reads from index 0."""


@pytest.fixture
def instance(tmp_path, runtime):
    data = tmp_path / "soak"
    data.mkdir()
    (data / "settings.yaml").write_text(f"keep_points: {KEEP}\n")
    instance = Instance(data)
    yield instance
    instance.close()


def processes(instance: Instance) -> dict[str, psutil.Process]:
    status = instance.client.status()
    found = {one["name"]: psutil.Process(one["pid"]) for one in status["services"]}
    return found | {"broker": psutil.Process(status["broker"]["pid"])}


def megabytes(running: dict[str, psutil.Process]) -> dict[str, float]:
    return {name: one.memory_info().rss / 1e6 for name, one in running.items()}


def work(running: list[psutil.Process]) -> float:
    """CPU time they have used, s: other than by the clock, a busy machine adds none."""
    times = [one.cpu_times() for one in running]
    return sum(one.user + one.system for one in times)


def long_scan(instance: Instance, points: int) -> list[float]:
    """Return ms of work a point in each fifth of a scan, the client's included."""
    instance.line_scan(200).wait(60)  # warm
    running = [psutil.Process(), *processes(instance).values()]
    report = instance.line_scan(points, exp_time=0.0)
    worked = [work(running)]
    ids = []
    for point in report.points(timeout=60):
        ids.append(point.point_id)
        if len(ids) % (points // PARTS) == 0:
            worked.append(work(running))
    assert ids == list(range(points))
    report.wait(60)
    until(lambda: report.file, 30)
    part = points // PARTS
    return [1e3 * (b - a) / part for a, b in itertools.pairwise(worked)]


def test_the_last_points_of_a_scan_cost_what_the_first_did(instance):
    cost = long_scan(instance, SAMPLE)
    assert statistics.median(cost[-2:]) < 2.0 * statistics.median(cost[:2]) + 0.5


def late_client(instance, scan_id, points):
    words = [instance.data, scan_id, points]
    return subprocess.Popen([sys.executable, "-c", LATE, *map(str, words)])


def soaked(instance, points):
    """Run a scan, and read it from its begin as well when three fifths are over.

    Return of each of 100 stretches: points so far, s since the begin, and MB of each
    process.
    """
    instance.line_scan(200).wait(60)  # warm
    running = processes(instance)
    report = instance.line_scan(points, exp_time=0.0)
    begin, samples, late = time.perf_counter(), [], None
    for count, point in enumerate(report.points(timeout=60), 1):
        assert point.point_id == count - 1
        if count % (points // STEPS) == 0:
            samples.append((count, time.perf_counter() - begin, megabytes(running)))
        if count == points * 3 // PARTS:
            late = late_client(instance, report.scan_id, points)
    assert count == points
    report.wait(60)
    assert late.wait(600) == 0
    until(lambda: report.file, 60)
    return samples


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_a_very_long_scan_keeps_its_pace_and_its_memory(instance, show):
    samples = soaked(instance, WHOLE)
    if SAMPLES:
        Path(SAMPLES).write_text(json.dumps(samples))
    size = STEPS // PARTS
    ends = [(0, 0.0, samples[0][2]), *samples[size - 1 :: size]]
    cost = [1e3 * (b[1] - a[1]) / (b[0] - a[0]) for a, b in itertools.pairwise(ends)]
    show(f"{WHOLE} points, {KEEP} on the bus; ms a point by fifth: {listed(cost, 2)}")
    for name in samples[0][2]:
        show(f"{name:14} MB by fifth: {listed([end[2][name] for end in ends], 0)}")
    assert cost[-1] < 1.5 * cost[0] + 0.3
    for name in BOUNDED:
        assert max(megabytes[name] for _, _, megabytes in samples) < MOST, name
    for name in ("scan_bundler", "file_writer"):
        assert ends[-1][2][name] - ends[1][2][name] < 60, name
    grown = ends[-1][2]["broker"] - ends[2][2]["broker"]  # only the steps are left
    assert grown < 300 * 3 / PARTS * WHOLE / 1e6


def listed(numbers, digits):
    return ", ".join(f"{number:.{digits}f}" for number in numbers)
