"""Scans that ask: an analysis of a site says where to go, a notebook drives."""

import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import h5py
import pytest

from bec_kernel.errors import RefusedError, ScanAborted
from bec_kernel.wire import ScanState, keys
from tests.system.beamline import CENTER, DEVICES, Instance
from tests.waiting import until

SITE = Path(__file__).parents[2] / "extensions" / "example_beamline"
QUIET = DEVICES.replace("noise: uniform", "noise: none")  # each scan sees the same
GRID = 61  # points of a line scan that would see the peak as finely


class Asked(Instance):
    """An instance, and a site's analysis as a process that may be killed."""

    def __init__(self, data):
        super().__init__(data, devices=QUIET)
        self.finder = None

    def start_finder(self):
        words = ("-m", "example_beamline.peak_finder")
        own = {"BEC_NAME": "peak_finder", "PYTHONPATH": str(SITE)}
        self.finder = self.beside("data_analysis", *words, **own)
        alive = keys.heartbeats["data_analysis"]("peak_finder")
        pid = self.finder.pid
        until(lambda: (b := self.client.bus.get(alive)) and b.pid == pid)

    def kill_finder(self):
        self.finder.kill()
        self.finder.wait(5)

    def find(self, patience=30):
        return self.client.scans.adaptive_scan(
            "samx", -5, 5, ask="peak_finder", patience=patience, exp_time=0.002
        )


@pytest.fixture(scope="module")
def instance(tmp_path_factory, runtime):
    instance = Asked(tmp_path_factory.mktemp("asked"))
    yield instance
    if instance.finder is not None:
        instance.kill_finder()
    instance.close()


def places(points):
    return [point.data["samx"]["samx_setpoint"].value for point in points]


def test_an_analysis_finds_a_peak_with_a_third_of_the_points_also_when_killed(instance):
    instance.start_finder()
    undisturbed = places(instance.find().points(timeout=20))
    assert len(undisturbed) <= GRID / 3
    assert min(abs(at - CENTER) for at in undisturbed) < 10 / GRID
    report, seen = instance.find(), []
    for point in report.points(timeout=30):
        seen.append(point)
        if point.point_id == len(undisturbed) // 2:
            instance.kill_finder()
            instance.start_finder()
    assert places(seen) == undisturbed
    assert report.wait(20).status is ScanState.CLOSED


def test_the_worker_may_be_killed_while_it_asks(instance):
    undisturbed = places(instance.find().points(timeout=20))
    at = random.Random(7).randrange(2, len(undisturbed) - 2)
    report, seen = instance.find(), []
    for point in report.points(timeout=30):
        seen.append(point)
        if point.point_id == at:
            os.kill(instance.process_of("scan_server")["pid"], signal.SIGKILL)
    assert places(seen) == undisturbed
    with h5py.File(report.file) as file:
        value = file["entry/collection/devices/samx/samx_setpoint/value"][...]
    assert value.tolist() == undisturbed


def test_a_silent_analysis_ends_the_scan_aborted_with_the_reason(instance):
    instance.kill_finder()
    with pytest.raises(ScanAborted, match="peak_finder was silent for 1 s"):
        instance.find(patience=1).wait(20)
    assert instance.client.history[-1].status is ScanState.ABORTED


def test_a_notebook_drives_a_scan_and_sees_each_point(instance):
    scans = instance.client.scans
    with scans.interactive("samx", exp_time=0.002, metadata={"why": "by hand"}) as scan:
        first = scan.point(samx=1)
        scan.move("samx", 2.5)
        second = scan.point()
        with pytest.raises(RefusedError, match="samx cannot go to 99"):
            scan.move(samx=99)
        with pytest.raises(RefusedError, match="slow was not named"):
            scan.move(slow=1)
        third = scan.point(samx=0.5)
    assert scan.report.status is ScanState.CLOSED
    readbacks = [p.data["samx"]["samx"].value for p in (first, second, third)]
    assert readbacks == [1, 2.5, 0.5]
    assert [p.point_id for p in scan.report.points()] == [0, 1, 2]
    with h5py.File(scan.report.file) as file:
        assert file["entry/collection/devices/det/det/value"].shape == (3,)


def broken_drive(scan):
    with scan:
        scan.point(samx=1)
        raise LookupError("no such sample")


def test_an_error_in_the_block_aborts_the_scan(instance):
    scan = instance.client.scans.interactive("samx")
    with pytest.raises(LookupError):
        broken_drive(scan)
    until(lambda: scan.report.is_final)
    assert scan.report.status is ScanState.ABORTED


DRIVER = """
import sys
from bec_kernel.client import connect
bec = connect(sys.argv[1])
scan = bec.scans.interactive("samx").__enter__()
scan.point(samx=1)
print(scan.report.scan_id, flush=True)
sys.stdin.read()
"""


@pytest.mark.chaos
def test_a_scan_whose_driver_vanishes_is_closed_as_interrupted(instance):
    driver = subprocess.Popen(
        [sys.executable, "-c", DRIVER, str(instance.data)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    report = instance.client.report(driver.stdout.readline().strip())
    driver.kill()
    driver.communicate(timeout=5)
    until(lambda: report.is_final, 30)
    assert (report.status, report.reason) == (
        ScanState.INTERRUPTED,
        "driver was silent for 15 s",
    )
    assert instance.client.scans.acquire().wait(10).status is ScanState.CLOSED
