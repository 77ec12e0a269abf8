import os
import signal
import subprocess
import sys

import pytest

from bec_sim.hardware.environment import ca_environment, client_environment
from tests.system.ioc import ROOT, free_port, start_ioc

# libca's threads outlive everything else in a process: each client is one of its own.
CLIENT = """
import sys, threading, time
from ophyd import EpicsMotor
from bec_services.device_server.hardware.epics import EpicsCounter

def moving_motor(to):
    # A wait for the thing itself: the motor has left where it was.
    left, start = threading.Event(), samx.position
    token = samx.subscribe(lambda value, **_: value != start and left.set())
    status = samx.set(to)
    assert left.wait(5), "the motor does not move"
    samx.unsubscribe(token)
    return status

samx = EpicsMotor("SIM:m1", name="samx")
samx.wait_for_connection(timeout=10)
"""


@pytest.fixture(scope="module")
def port():
    port = free_port()
    ioc = start_ioc(port, "--velocity", "10")
    yield port
    ioc.terminate()
    assert ioc.wait(timeout=5) == 0
    ioc.stdout.close()


def run_client(port, program):
    """Run `program` as a client without EPICS settings of its own; its two outputs."""
    environ = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("EPICS_", "OPHYD_"))
    }
    environ |= client_environment(port, environ)
    done = subprocess.run(
        [sys.executable, "-c", CLIENT + program],
        env=environ,
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout, done.stderr


def test_a_motor_moves_at_its_velocity_and_says_what_it_is(port):
    out, err = run_client(
        port,
        """
values = []
samx.set(0).wait(20)
samx.subscribe(lambda value, **_: values.append(value), run=False)
began = time.monotonic()
samx.set(5).wait(20)
took = time.monotonic() - began
print(samx.position, samx.egu, samx.precision, samx.limits, samx.user_setpoint.get())
print(0.6 <= took < 2, len(values) >= 10, values == sorted(values))
began = time.monotonic()
samx.set(5).wait(5)
print(time.monotonic() - began < 1)
""",
    )
    assert out.splitlines() == [
        "5.0 mm 3 (-50.0, 50.0) 5.0",
        "True True True",
        "True",
    ]
    assert err == ""


def test_a_put_to_the_setpoint_completes_on_arrival(port):
    out, _ = run_client(
        port,
        """
samx.set(0).wait(20)
done = threading.Event()
began = time.monotonic()
samx.user_setpoint.put(3, use_complete=True, callback=lambda **_: done.set())
print(done.wait(20), 0.3 <= time.monotonic() - began < 2)
print(samx.user_readback.get(use_monitor=False))
""",
    )
    assert out.split() == ["True", "True", "3.0"]


def test_limits_are_kept_by_ophyd_and_by_the_record_itself(port):
    out, _ = run_client(
        port,
        """
from ophyd.utils import LimitError
try:
    samx.set(51)
except LimitError as error:
    print("refused:", error)
before = samx.user_readback.get(use_monitor=False)
samx.user_setpoint.put(51, force=True, use_complete=True, wait=True)
print(samx.user_readback.get(use_monitor=False) == before)
""",
    )
    assert "refused:" in out
    assert "[-50.0, 50.0]" in out
    assert out.endswith("True\n")


def test_a_stopped_motor_stands_within_half_a_second_and_its_setpoint_follows(port):
    out, _ = run_client(
        port,
        """
samx.set(0).wait(20)
status = moving_motor(to=40)
stands = threading.Event()
samx.motor_done_move.subscribe(lambda value, **_: value and stands.set(), run=False)
asked = time.time()
samx.stop()
# The IOC says itself when: what a busy machine adds to the way here is not its doing.
print(stands.wait(5), samx.motor_done_move.timestamp - asked < 0.5)
here = samx.user_readback.get(use_monitor=False)
print(0 < here < 40, samx.user_setpoint.get(use_monitor=False) == here)
# What a device server has to know: ophyd calls this a success.
print(status.success)
""",
    )
    assert out.split() == ["True", "True", "True", "True", "True"]


def test_a_counter_is_exposed_by_a_put_that_completes(port):
    out, err = run_client(
        port,
        """
det = EpicsCounter("SIM:det1", name="det")
det.wait_for_connection(timeout=10)
samx.set(0).wait(20)
det.exposure_time.put(0.2, wait=True)
before = det.read()["det_exposures"]["value"]
began = time.monotonic()
det.trigger().wait(10)
print(0.2 <= time.monotonic() - began < 1)
reading = det.read()
print(list(reading), reading["det_exposures"]["value"] - before)
print(800 < reading["det"]["value"] < 1200, type(reading["det"]["value"]).__name__)
det.exposure_time.put(30, wait=True)
status = det.trigger()
det.stop()
print(status.exception(1))
det.exposure_time.put(0, wait=True)
det.trigger().wait(10)
print(det.read()["det_exposures"]["value"] - before)
""",
    )
    assert out.splitlines() == [
        "True",
        "['det', 'det_exposures'] 1",
        "True int",
        "det: exposure was stopped",
        "3",
    ]
    assert err == ""


def test_forty_motors_connect_side_by_side_and_a_scaler_counts():
    port = free_port()
    ioc = start_ioc(port, "--motors", "40")
    out, _ = run_client(
        port,
        """
import ophyd
from bec_services.device_server.hardware.epics import EpicsScaler
began = time.monotonic()
motors = [EpicsMotor(f"SIM:m{n}", name=f"m{n}") for n in range(1, 41)]
for motor in motors:
    motor.wait_for_connection(timeout=10)
print(time.monotonic() - began < 6)  # 2 s on a quiet machine
for kind in (ophyd.EpicsScaler, EpicsScaler):
    scaler = kind("SIM:scaler1", name="scaler")
    scaler.wait_for_connection(timeout=10)
    scaler.stage()
    scaler.preset_time.put(0.1, wait=True)
    scaler.trigger().wait(5)
    print(scaler.read()["scaler_channels_chan1"]["value"])
scaler.preset_time.put(30, wait=True)
status = scaler.trigger()
scaler.stop()
status.wait(5)
""",
    )
    ioc.terminate()
    assert ioc.wait(timeout=5) == 0
    ioc.stdout.close()
    assert out.split() == ["True", "1000000", "1000000"]


def test_the_ioc_ends_with_the_process_that_started_it():
    port = free_port()
    parent = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import subprocess, sys\n"
            "ioc = subprocess.Popen([sys.executable, '-m',"
            " 'bec_sim.hardware.ioc', '--port', sys.argv[1]])\n"
            "print(ioc.pid, flush=True)\n"
            "ioc.wait()\n",
            str(port),
        ],
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )
    assert int(parent.stdout.readline()) > 0
    assert parent.stdout.readline() == "ready\n"
    parent.send_signal(signal.SIGKILL)
    parent.wait(timeout=5)
    # The IOC holds the other end of the pipe: it closes when the IOC has ended.
    assert parent.stdout.read() == ""
    parent.stdout.close()


def test_a_clients_own_epics_settings_stay():
    theirs = {"EPICS_CA_ADDR_LIST": "10.0.0.255", "EPICS_CA_AUTO_ADDR_LIST": "YES"}
    assert client_environment(5000, theirs) == {
        "EPICS_CA_ADDR_LIST": "10.0.0.255 127.0.0.1:5000"
    }
    again = theirs | client_environment(5000, theirs)
    assert client_environment(5000, again) == {
        "EPICS_CA_ADDR_LIST": "10.0.0.255 127.0.0.1:5000"
    }


def test_a_client_without_settings_searches_this_machine_only():
    assert client_environment(5000, {}) == {
        "EPICS_CA_ADDR_LIST": "127.0.0.1:5000",
        "EPICS_CA_AUTO_ADDR_LIST": "NO",
        "EPICS_CA_REPEATER_PORT": "5001",
    }


def test_the_server_listens_on_loopback_only():
    settings = ca_environment(5000)
    assert settings["EPICS_CAS_INTF_ADDR_LIST"] == "127.0.0.1"
    assert settings["EPICS_CAS_BEACON_ADDR_LIST"] == "127.0.0.1"
    assert settings["EPICS_CAS_AUTO_BEACON_ADDR_LIST"] == "NO"
