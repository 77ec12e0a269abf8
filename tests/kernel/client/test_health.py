"""A service that does not run, or a device of no use, is said where it matters."""

import io
import time

from rich.console import Console

from bec_kernel.bus.changes import Put
from bec_kernel.client.connection import health
from bec_kernel.terminal import follow, last_words
from bec_kernel.wire import Device, Heartbeat, Problem, Process, keys

GIVEN_UP = "given up after 5 restarts in 30 s: exit 1; last words: disk"


def beat(role, *, age=0.0, state="running"):
    then = time.time() - age
    one = Heartbeat(service=role, pid=7, state=state, version="1", time=then)
    return Put(keys.heartbeats[role]("main"), one)


def process(role, *, restarts=0, reason=""):
    one = Process(name=role, pid=7, restarts=restarts, reason=reason)
    return Put(keys.processes(), one, role)


def test_what_does_not_run_is_said_with_the_reason(line):
    line.commit([beat("scan_server"), beat("scihub"), beat("data_analysis", age=60)])
    line.commit([process("file_writer", restarts=5, reason=GIVEN_UP)])
    line.commit([process("scihub", restarts=2, reason="exit 1")])
    line.commit([beat("device_server", state="starting")])
    assert sorted(health.troubles(line)) == [
        "data_analysis is silent: its last heartbeat is 60 s old",
        "device_server is starting",
        f"file_writer is dead: {GIVEN_UP}",
        "scihub was restarted 2 times, last: exit 1",
    ]
    assert health.lacking(line, "file_writer") == f"file_writer is dead: {GIVEN_UP}"
    assert health.lacking(line, "scan_bundler") == "scan_bundler does not run"
    for role in ("scan_server", "device_server", "scihub"):
        assert health.lacking(line, role) == ""


def device(name, **changes):
    made = Device(name=name, server="main", device_class="Sim", **changes)
    return Put(keys.devices("main"), made, name)


def test_devices_of_no_use_are_counted_and_named(server, line):
    def problem(text):
        return Problem(kind="DeviceError", message=text)

    away = problem("away did not connect within 5 s")
    odd = problem("odd: deviceClass: 'Sin' is not a device class")
    line.commit([device("off", enabled=False, connected=False)])
    assert health.troubles(line) == []
    line.commit([device("away", connected=False, problem=away)])
    line.commit([device("odd", connected=False, built=False, problem=odd)])
    assert health.troubles(line) == [
        "2 of 6 devices are not usable:",
        "  away: not connected: away did not connect within 5 s",
        "  odd: not built: deviceClass: 'Sin' is not a device class",
    ]
    line.commit([device(f"dead{n}", connected=False) for n in range(20)])
    assert health.troubles(line)[-1] == "  and 12 more"


def test_a_scan_without_a_writer_ends_with_a_warning(bec, server, line):
    server.writes = False
    line.commit([process("file_writer", restarts=5, reason=GIVEN_UP)])
    line.commit([process("data_analysis", restarts=5, reason=GIVEN_UP)])
    report = bec.scans.line_scan("samx", 0, 1, steps=3, fit="Gaussian")
    follow(report, bec.dev, Console(file=io.StringIO()))
    warned = [
        f"no file: file_writer is dead: {GIVEN_UP}",
        f"no fit: data_analysis is dead: {GIVEN_UP}",
    ]
    assert last_words(report) == warned


def test_a_scan_with_its_file_ends_with_the_files_place(bec):
    report = bec.scans.line_scan("samx", 0, 1, steps=3).wait()
    assert last_words(report) == ["/data/S1.h5"]
