"""Whoever says stop, and however: motors stand, and what was asked is not "arrived"."""

import os
import signal
import subprocess
import sys
import threading
import time

import h5py
import psutil
import pytest
from caproto.sync.client import read

from bec_kernel.errors import DeviceError, RefusedError, ScanAborted
from bec_kernel.wire import ItemState, ScanState, Step, StepKind, keys
from bec_sim.hardware.environment import ca_environment
from tests.system.beamline import Instance
from tests.waiting import until

STANDS_WITHIN = 0.5  # s
FAR = {"m1": 48.0, "samz": 18.0}
"""mm: nine seconds away; a command that stops them takes some to start."""
BEC = [sys.executable, "-c", "from bec_kernel.cli import main; main()"]
SCRIPT = """
import sys
from bec_kernel.client import connect
with connect(sys.argv[1]) as bec:
    bec.scans.line_scan("m1", 0, 48, steps=3).wait()
"""


class Beamline(Instance):
    """The simulated beamline with its IOC, which is asked past all services."""

    def __init__(self, data):
        super().__init__(data, devices="")
        ioc = self.client.bus.get_all(keys.processes())["simulated_ioc"]
        lines = psutil.Process(ioc.pid).net_connections("tcp")
        port = next(one.laddr.port for one in lines if one.status == "LISTEN")
        self.environment = ca_environment(port)

    def channel(self, name: str) -> float:
        """What the IOC itself says."""
        found = read(f"SIM:{name}", timeout=2.0, repeater=False)
        return float(found.data[0])

    def stands(self, motor: str) -> bool:
        if motor == "m1":
            return self.channel("m1.DMOV") == 1
        return not self.client.dev[motor].is_moving

    def at(self, motor: str) -> float:
        if motor == "m1":
            return self.channel("m1.RBV")
        return self.client.dev[motor].position

    def in_motion(self, motor: str) -> None:
        """Return when it is on its way to `FAR`."""
        nap = threading.Event()
        deadline = time.monotonic() + 15
        while self.stands(motor) or self.at(motor) < 0.5:
            assert time.monotonic() < deadline, f"{motor} does not move"
            nap.wait(0.02)

    def check_stands(self, motor: str, since: float) -> None:
        """It stands within half a second, well before where it was going."""
        nap = threading.Event()
        while not self.stands(motor):
            assert time.monotonic() - since < STANDS_WITHIN, f"{motor} still moves"
            nap.wait(0.01)
        took = time.monotonic() - since
        assert took < STANDS_WITHIN
        there = self.at(motor)
        assert there < FAR[motor] - 1
        nap.wait(0.2)
        assert self.at(motor) == there

    def last(self):
        """The newest scan or move."""
        return self.client.history[-1]


@pytest.fixture(scope="module")
def beamline(tmp_path_factory, runtime):
    beamline = Beamline(tmp_path_factory.mktemp("stop"))
    with pytest.MonkeyPatch.context() as patch:
        for name, value in beamline.environment.items():
            patch.setenv(name, value)
        yield beamline
    restarts = beamline.restarts()
    # Killed once, here; and frozen twice, which a launcher takes no longer than 2.5 s.
    assert 1 <= restarts.pop("scan_server") <= 3
    assert set(restarts.values()) == {0}
    beamline.close()


@pytest.fixture
def client(beamline):
    """The client, with both slow motors back at zero."""
    beamline.client.mv("m1", 0, "samz", 0)
    return beamline.client


def check_aborted_and_the_next_one_works(client, report) -> None:
    """Unstaged, closed, its file says so, nothing waits, and the next scan runs."""
    until(lambda: report.is_final)
    assert report.status is ScanState.ABORTED
    with h5py.File(until(lambda: report.file)) as file:
        assert file["entry/collection/metadata/state"][()] == b"aborted"
    assert len(client.queue) == 0
    again = client.scans.line_scan("m1", 0, 0.1, steps=2, relative=True).wait()
    assert again.status is ScanState.CLOSED


def kinds(beamline, report) -> list[StepKind]:
    steps = beamline.steps(report.scan_id)
    return [step.request.kind for step in steps if isinstance(step, Step)]


# --- an interrupt --------------------------------------------------------------------
@pytest.mark.alone
@pytest.mark.parametrize("where", ["script", "terminal"])
def test_ctrl_c_aborts_a_scan_of_an_epics_motor_in_motion(beamline, client, where):
    data = str(beamline.data)
    argv = [sys.executable, "-c", SCRIPT, data]
    if where == "terminal":
        words = f"scan --data {data} line_scan m1 0 {FAR['m1']} --steps 3"
        argv = [*BEC, *words.split()]
    running = subprocess.Popen(
        argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    beamline.in_motion("m1")
    since = time.monotonic()
    running.send_signal(signal.SIGINT)
    beamline.check_stands("m1", since)
    out, said = running.communicate(timeout=30)
    assert "interrupted" in said, out + said
    assert running.returncode == (130 if where == "terminal" else 1)
    report = beamline.last()
    assert kinds(beamline, report)[-2:] == [StepKind.UNSTAGE, StepKind.CLOSE]
    check_aborted_and_the_next_one_works(client, report)


def test_a_second_ctrl_c_halts_without_cleaning_up(beamline, client):
    # An interrupt while the first one is served: a frozen server holds that up.
    pid = beamline.process_of("scan_server")["pid"]
    running = subprocess.Popen(
        [sys.executable, "-c", SCRIPT, str(beamline.data)],
        stderr=subprocess.PIPE,
        text=True,
    )
    beamline.in_motion("m1")
    os.kill(pid, signal.SIGSTOP)
    try:
        running.send_signal(signal.SIGINT)
        threading.Event().wait(0.3)  # two at once would be one
        running.send_signal(signal.SIGINT)
        said = running.communicate(timeout=10)[1]
    finally:
        os.kill(pid, signal.SIGCONT)
    assert "interrupted" in said
    report = beamline.last()
    until(lambda: report.is_final)
    assert report.status in (ScanState.HALTED, ScanState.ABORTED)
    until(lambda: beamline.stands("m1"))
    assert beamline.at("m1") < FAR["m1"] - 1


# --- past queue and worker -----------------------------------------------------------
@pytest.mark.alone
@pytest.mark.parametrize("motor", ["m1", "samz"])
@pytest.mark.parametrize("way", ["bec stop", "client", "device"])
def test_a_stopped_move_stands_and_has_not_arrived(beamline, client, motor, way):
    failures = []

    def move():
        try:
            client.mv(motor, FAR[motor])
        except ScanAborted as error:
            failures.append(error)

    moving = threading.Thread(target=move)
    moving.start()
    beamline.in_motion(motor)
    since = time.monotonic()
    if way == "bec stop":
        told = subprocess.run(
            [*BEC, "stop", "--data", str(beamline.data)],
            capture_output=True,
            check=True,
        )
        assert told.stdout.startswith(b"stopped ")
        since = time.monotonic()  # Python's own start is not ours
    elif way == "client":
        client.stop_all()
    else:
        client.dev[motor].stop()
    beamline.check_stands(motor, since)
    moving.join(10)
    named = motor if way == "device" else "all devices"
    assert f"aborted: {named} " in str(failures[0])


@pytest.mark.alone
@pytest.mark.parametrize("number", [signal.SIGSTOP, signal.SIGKILL])
def test_stop_needs_no_scan_server(beamline, client, number):
    report = client.run(f"mv m1 {FAR['m1']}")
    beamline.in_motion("m1")
    pid = beamline.process_of("scan_server")["pid"]
    os.kill(pid, number)
    try:
        since = time.monotonic()
        client.stop_all()
        beamline.check_stands("m1", since)
    finally:
        if number is signal.SIGSTOP:
            os.kill(pid, signal.SIGCONT)
    with pytest.raises(ScanAborted, match="stopped"):
        report.wait(timeout=20)
    assert report.status is ItemState.ABORTED


@pytest.mark.alone
def test_a_call_that_is_stopped_has_not_arrived(beamline, client):
    failures = []

    def move():
        try:
            client.dev.m1.set(FAR["m1"])
        except DeviceError as error:
            failures.append(error)

    moving = threading.Thread(target=move)
    moving.start()
    beamline.in_motion("m1")
    since = time.monotonic()
    client.stop_all()
    beamline.check_stands("m1", since)
    moving.join(10)
    assert str(failures[0]) == "m1 was stopped"


def test_stop_ends_a_scan_that_settles_and_nothing_moves_on(beamline, client):
    client.mv("samx", 0)
    words = "line_scan samx 1 2 --steps 5 --relative --settling-time 30"
    report = client.run(words)
    until(lambda: beamline.at("samx") == 1)
    client.stop_all()
    with pytest.raises(ScanAborted, match="all devices were stopped"):
        report.wait(timeout=5)
    assert beamline.at("samx") == 1
    check_aborted_and_the_next_one_works(client, report)


def test_stop_between_two_points_ends_the_scan(beamline, client):
    report = client.run("line_scan samx 0 0 --steps 5000")
    points = report.points(timeout=10)
    next(points)
    client.stop_all()
    with pytest.raises(ScanAborted, match="stopped"):
        report.wait(timeout=10)
    check_aborted_and_the_next_one_works(client, report)


def test_stop_of_another_device_leaves_a_scan_alone(beamline, client):
    report = client.run("line_scan samx 0 1 --steps 3 --exp-time 0.1")
    client.stop(["m2"])
    assert report.wait(timeout=10).status is ScanState.CLOSED


# --- pause, halt, abort --------------------------------------------------------------
@pytest.mark.alone
def test_an_immediate_pause_stops_motion_and_resumes_with_the_same_point(
    beamline, client
):
    report = client.run("line_scan m1 0 4 --steps 2")
    beamline.in_motion("m1")
    since = time.monotonic()
    report.pause(now=True)
    beamline.check_stands("m1", since)
    until(lambda: report.status is ScanState.PAUSED)
    assert beamline.at("m1") < 4
    report.resume()
    assert report.wait(timeout=15).status is ScanState.CLOSED
    points = list(report.points())
    assert [point.point_id for point in points] == [0, 1]
    assert points[1].attempt == 2
    assert points[1].data["m1"]["m1"].value == pytest.approx(4, abs=0.01)


def test_a_deferred_pause_finishes_the_point(beamline, client):
    report = client.run("line_scan m1 0 4 --steps 2 --exp-time 0.1")
    beamline.in_motion("m1")
    report.pause()
    until(lambda: report.status is ScanState.PAUSED)
    assert beamline.at("m1") == pytest.approx(4, abs=0.01)
    report.resume()
    assert report.wait(timeout=15).status is ScanState.CLOSED
    assert [point.attempt for point in report.points()] == [1, 1]


@pytest.mark.alone
def test_a_halt_stops_motion_and_does_nothing_more(beamline, client):
    report = client.run(f"line_scan m1 0 {FAR['m1']} --steps 2")
    beamline.in_motion("m1")
    since = time.monotonic()
    report.halt()
    beamline.check_stands("m1", since)
    until(lambda: report.is_final)
    assert report.status is ScanState.HALTED
    assert StepKind.UNSTAGE not in kinds(beamline, report)
    assert client.scans.line_scan("m1", 0, 1, steps=2).wait().status is ScanState.CLOSED


def test_a_waiting_item_is_taken_away_and_what_runs_goes_on(beamline, client):
    first = client.run("line_scan samx 0 1 --steps 20 --exp-time 0.05")
    second = client.run("line_scan m1 0 10 --steps 2")
    second.abort()
    with pytest.raises(ScanAborted):
        second.wait(timeout=5)
    assert second.status is ItemState.CANCELLED
    assert first.wait(timeout=15).status is ScanState.CLOSED
    assert beamline.at("m1") == pytest.approx(0, abs=0.01)
    with pytest.raises(RefusedError, match="has ended: cancelled"):
        second.abort()
