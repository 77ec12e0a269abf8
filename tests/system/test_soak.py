"""A long scan costs no more a point at its end than at its beginning."""

import itertools
import statistics
import time

import psutil
import pytest

from tests.system.beamline import Instance, until

SAMPLE = 2_000
WHOLE = 50_000
PARTS = 5


@pytest.fixture
def instance(tmp_path, runtime):
    instance = Instance(tmp_path / "soak")
    yield instance
    instance.close()


def processes(instance: Instance) -> dict[str, psutil.Process]:
    status = instance.client.status()
    found = {one["name"]: psutil.Process(one["pid"]) for one in status["services"]}
    return found | {"broker": psutil.Process(status["broker"]["pid"])}


def megabytes(running: dict[str, psutil.Process]) -> dict[str, float]:
    return {name: one.memory_info().rss / 1e6 for name, one in running.items()}


def long_scan(instance: Instance, points: int) -> tuple[list[float], dict[str, float]]:
    """Return ms a point in each fifth of a scan, and MB each process has grown by."""
    instance.line_scan(200).wait(60)  # warm
    running = processes(instance)
    before = megabytes(running)
    report = instance.line_scan(points, exp_time=0.0)
    times = [time.perf_counter()]
    ids = []
    for point in report.points(timeout=60):
        ids.append(point.point_id)
        if len(ids) % (points // PARTS) == 0:
            times.append(time.perf_counter())
    assert ids == list(range(points))
    report.wait(60)
    until(lambda: report.file, 30)
    after = megabytes(running)
    part = points // PARTS
    cost = [1e3 * (b - a) / part for a, b in itertools.pairwise(times)]
    return cost, {name: after[name] - before[name] for name in after}


@pytest.mark.alone
def test_the_last_points_of_a_scan_cost_what_the_first_did(instance):
    cost, _ = long_scan(instance, SAMPLE)
    assert statistics.median(cost[-2:]) < 2.0 * statistics.median(cost[:2]) + 0.5


@pytest.mark.soak
@pytest.mark.timeout(1200)
def test_a_very_long_scan_keeps_its_pace_and_its_memory(instance, show):
    cost, grown = long_scan(instance, WHOLE)
    fifths = ", ".join(f"{c:.2f}" for c in cost)
    show(f"{WHOLE} points; ms a point by fifth: {fifths}")
    show("grown by, MB: " + ", ".join(f"{n} {mb:.0f}" for n, mb in grown.items()))
    assert cost[-1] < 1.5 * cost[0] + 0.3
    for name in set(grown) - {"broker", "file_writer"}:
        assert grown[name] < 60, name
    assert grown["broker"] < 1500 * WHOLE / 1e6  # bytes a point, until logs are trimmed
