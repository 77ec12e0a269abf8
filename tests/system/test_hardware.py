"""Hardware through the whole instance: used, lost in the middle of a scan, and back."""

import os
import signal
import subprocess
import sys
import threading

import h5py
import numpy as np
import pytest

from bec_kernel.client import connect
from bec_kernel.errors import DeviceError, ScanAborted
from bec_kernel.wire import PointStatus, ScanState, keys
from bec_sim.hardware.environment import client_environment
from tests.services.device_server.controller import (
    end,
    free_port as tcp_port,
    start_controller,
)
from tests.system.beamline import Instance
from tests.system.ioc import free_port, start_ioc
from tests.waiting import until

OPHYD, OURS = "ophyd", "bec_services.device_server"
LIST = f"""\
samx:
  deviceClass: {OURS}.sim.SimPositioner
  deviceConfig: {{delay: 0, limits: [-50, 50]}}
  readoutPriority: baseline
det:
  deviceClass: {OURS}.sim.SimMonitor
  deviceConfig: {{ref_motor: samx, noise: none}}
  readoutPriority: monitored
  softwareTrigger: true
m1:
  deviceClass: {OPHYD}.EpicsMotor
  deviceConfig: {{prefix: "LAB:m1"}}
  readoutPriority: on_request
  connectionTimeout: 2
m2:
  deviceClass: {OPHYD}.EpicsMotor
  deviceConfig: {{prefix: "LAB:m2"}}
  readoutPriority: on_request
  onFailure: raise
there:
  deviceClass: {OPHYD}.EpicsSignalRO
  deviceConfig: {{read_pv: "LAB:m1.RBV"}}
  readoutPriority: monitored
  onFailure: buffer
"""
DETECTORS = f"""\
scaler:
  deviceClass: {OURS}.epics.EpicsScaler
  deviceConfig: {{prefix: "LAB:scaler1"}}
  readoutPriority: monitored
  softwareTrigger: true
cam:
  deviceClass: {OURS}.epics.EpicsCamera
  deviceConfig: {{prefix: "LAB:cam1"}}
  readoutPriority: monitored
  softwareTrigger: true
"""
AXES = "".join(
    f"""\
ax{number}:
  deviceClass: {OURS}.tcp_controller.TcpAxis
  deviceConfig: {{address: "127.0.0.1:PORT", axis: {number}}}
  readoutPriority: on_request
  onFailure: raise
"""
    for number in (1, 2, 3, 4)
)
SCRIPT = """
import sys
from bec_kernel.client import connect
with connect(sys.argv[1]) as bec:
    for _ in range(10):
        bec.dev.ax3.set(1.0)
        bec.dev.ax3.set(0.0)
    print(bec.dev.ax3.position)
"""


class Lab:
    """An instance, an IOC and a motion controller that can be killed and come back."""

    def __init__(self, folder, more=""):
        self.ports = free_port(), tcp_port()
        self.begin_ioc()
        self.begin_controller()
        with pytest.MonkeyPatch.context() as patch:
            for name in [name for name in os.environ if name.startswith("EPICS_")]:
                patch.delenv(name)
            for name, value in client_environment(self.ports[0], {}).items():
                patch.setenv(name, value)
            axes = AXES.replace("PORT", str(self.ports[1]))
            self.instance = Instance(folder, devices=LIST + axes + more)
        self.client = self.instance.client

    def begin_ioc(self):
        options = ("--prefix", "LAB:", "--velocity", "20")
        self.ioc = start_ioc(self.ports[0], *options)

    def begin_controller(self):
        self.controller = start_controller(self.ports[1])

    def device(self, name):
        """A device as the bus knows it."""
        return self.client.bus.get(keys.devices("main"), name)

    def until_connected(self, *names):
        until(lambda: all(self.device(name).connected for name in names), 30)

    def close(self):
        self.instance.close()
        end(self.ioc)
        end(self.controller)


@pytest.fixture(scope="module")
def lab(tmp_path_factory, runtime):
    lab = Lab(tmp_path_factory.mktemp("lab"))
    yield lab
    lab.close()


@pytest.fixture
def dev(lab):
    if lab.ioc.poll() is not None:  # the test before has failed in its middle
        lab.begin_ioc()
    lab.until_connected("m1", "m2", "there", "ax1", "ax4")
    return lab.client.dev


@pytest.fixture
def detectors(tmp_path, runtime):
    lab = Lab(tmp_path, DETECTORS)
    yield lab
    lab.close()


def test_motor_signal_scaler_and_camera_take_part_in_a_scan(detectors):
    lab = detectors
    configuration = lab.client.dev.scaler.read_configuration()
    assert configuration["scaler_preset_time"]["value"] > 0
    report = lab.client.scans.line_scan("m1", -1, 1, steps=5, exp_time=0.02)
    points = list(report.points(timeout=60))
    at = [point.data["m1"]["m1"].value for point in points]
    assert np.allclose(at, [-1, -0.5, 0, 0.5, 1])
    assert [p.data["there"]["there"].value for p in points] == at
    clock = [p.data["scaler"]["scaler_channels_chan1"].value for p in points]
    assert clock == [200_000] * 5  # 0.02 s at 10 MHz
    assert [p.data["cam"]["cam_frames"].value for p in points] == [1, 2, 3, 4, 5]
    report.wait()
    name = f"S{report.scan_number:05d}"
    files = list(lab.instance.data.glob(f"files/*/{name}/{name}_cam.h5"))
    with h5py.File(files[0]) as file:
        frames = file["/entry/data/data"][...]
    totals = [p.data["cam"]["cam_total"].value for p in points]
    assert list(frames.sum(axis=(1, 2), dtype=int)) == totals


def test_a_signal_of_a_device_is_called_by_its_own_name(lab, dev):
    dev.samx.velocity.set(2)
    assert dev.samx.velocity.get() == 2
    dev.samx.velocity.set(100)
    dev.m1.velocity.set(19)
    assert dev.m1.velocity.get() == 19
    dev.m1.velocity.set(20)
    with pytest.raises(DeviceError, match=r"m1\.user_readback\.set failed"):
        dev.m1.user_readback.set(1)
    with pytest.raises(DeviceError, match="no public method"):
        dev.m1.call("user_setpoint.destroy")
    with pytest.raises(DeviceError, match="m1 refuses 1000"):
        dev.m1.set(1000)


def test_a_lost_ioc_is_marked_at_once_and_comes_back_by_itself(lab, dev):
    report = lab.client.run("mv m1 49")
    until(lambda: lab.client.dev.m1.position > 0.5)
    end(lab.ioc)
    with pytest.raises(ScanAborted, match="m1 lost its connection"):
        report.wait(20)
    until(lambda: not any(lab.device(one).connected for one in ("m1", "m2")), 2)
    assert lab.device("m1").problem.message == "m1 lost its connection"
    with pytest.raises(DeviceError, match="m2 lost its connection"):
        dev.m2.read()
    assert any("m1 lost its connection" in a.message for a in lab.client.alarms())
    lab.begin_ioc()
    lab.until_connected("m1", "m2", "there")
    assert lab.device("m1").problem is None
    lab.client.mv("m1", 1)
    assert dev.m1.position == 1.0


def test_a_device_whose_last_value_will_do_is_marked_in_the_points(lab, dev):
    lab.client.mv("m1", 3)
    until(lambda: lab.client.dev.there.read(cached=True)["there"]["value"] == 3)
    report = lab.client.scans.line_scan("samx", -1, 1, steps=40, exp_time=0.05)
    points = []
    for point in report.points(timeout=60):
        points.append(point)
        if point.point_id == 10:
            end(lab.ioc)
    lab.begin_ioc()
    assert report.status is ScanState.CLOSED
    marks = [point.status.get("there") for point in points]
    assert marks[:5] == [None] * 5
    assert marks[-5:] == [PointStatus.BUFFERED] * 5
    assert {point.data["there"]["there"].value for point in points} == {3.0}
    report.wait()
    with h5py.File(report.file) as file:
        status = file["entry/collection/point_status/there"][...]
    assert list(status[:5]) == [0] * 5
    assert list(status[-5:]) == [2] * 5


def test_a_short_loss_is_waited_for_where_a_retry_is_wished(lab, dev):
    report = lab.client.scans.line_scan("m1", 0, 1, steps=20, settling_time=0.05)
    seen, threads = [], []
    for point in report.points(timeout=60):
        seen.append(point)
        if point.point_id == 5:
            lab.ioc.send_signal(signal.SIGSTOP)
            threads.append(threading.Timer(1.0, lab.ioc.send_signal, [signal.SIGCONT]))
            threads[0].start()
    threads[0].join()
    assert report.status is ScanState.CLOSED
    assert [point.point_id for point in seen] == list(range(20))


def test_script_client_and_scan_share_the_only_connection(lab, dev):
    report = lab.client.scans.line_scan("ax1", 0, 5, steps=20, settling_time=0.05)
    words = [sys.executable, "-c", SCRIPT, str(lab.instance.data)]
    with (
        subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as script,
        connect(lab.instance.data) as second,
    ):
        for position in (1.0, 2.0, 1.0):
            second.dev.ax2.set(position)
        assert script.communicate(timeout=30)[0] == "0.0\n"
    points = list(report.points(timeout=60))
    at = [point.data["ax1"]["ax1"].value for point in points]
    assert np.allclose(at, np.linspace(0, 5, 20))
    assert dev.ax2.position == 1.0
    counted = dev.ax4.call("connections")
    assert counted == {"accepted": 1, "refused": 0}


def test_a_lost_controller_is_marked_and_its_axes_come_back(lab, dev):
    moving = lab.client.scans.line_scan("ax1", -90, 90, steps=3)
    until(lambda: lab.client.dev.ax1.position < -5)
    end(lab.controller)
    with pytest.raises(ScanAborted, match="ax1 lost its connection"):
        moving.wait(20)
    names = ["ax1", "ax2", "ax3", "ax4"]
    until(lambda: not any(lab.device(name).connected for name in names), 2)
    lab.begin_controller()
    lab.until_connected(*names)
    dev.ax1.set(2.0)
    assert dev.ax1.position == 2.0
    assert dev.ax1.call("connections") == {"accepted": 1, "refused": 0}
