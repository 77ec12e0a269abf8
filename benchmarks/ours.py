"""A whole instance: broker, six services as processes, a client, a file."""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import h5py
import psutil

from bec_kernel.bus.changes import START
from bec_kernel.client import Client, connect
from bec_kernel.wire import ScanState, keys

DEVICES = """\
samx:
  deviceClass: bec_sim.SimPositioner
  deviceConfig: {delay: 0, limits: [-50, 50]}
  readoutPriority: baseline
det:
  deviceClass: bec_sim.SimMonitor
  deviceConfig: {ref_motor: samx, noise: none}
  readoutPriority: monitored
  softwareTrigger: true
"""
MORE = """\
m{n}:
  deviceClass: bec_sim.SimPositioner
  deviceConfig: {{delay: 0, limits: [-50, 50]}}
  readoutPriority: {kind}
"""
LATE = 0.05
"""After so long (s) the file must hold every point."""


@contextmanager
def instance(
    lookahead: int, *, more: int = 0, kind: str = "on_request"
) -> Iterator[Client]:
    """Start an instance that runs `lookahead` steps ahead; stop it at the end.

    Args:
        lookahead: of the scan server.
        more: so many motors are configured that no scan uses.
        kind: their readout priority.
    """
    with tempfile.TemporaryDirectory(prefix="bec-") as folder:
        data = Path(folder)
        listed = data / "devices.yaml"
        others = [MORE.format(n=n, kind=kind) for n in range(more)]
        listed.write_text(DEVICES + "".join(others))
        words = ["-m", "bec_services.launcher", "--data", folder]
        process = subprocess.Popen(
            [sys.executable, *words, "--devices", str(listed)],
            env=os.environ | {"BEC_LOOKAHEAD": str(lookahead)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        try:
            said = process.stdout or ()
            if not any(line.startswith("ready") for line in said):
                raise SystemExit("the instance did not start")
            with connect(data) as client:
                client.ready(20)
                yield client
        finally:
            process.terminate()
            process.wait(15)


def step_scan(client: Client, points: int) -> dict[str, float]:
    """Return s, broker CPU (s) and points the file lacks `LATE` s after the last one.

    Raises:
        SystemExit: a point is missing, or out of order.
    """
    broker = psutil.Process(client.status()["broker"]["pid"])
    before = broker.cpu_times()
    begun = time.perf_counter()
    report = client.scans.line_scan("samx", -5, 5, steps=points)
    ids = [point.point_id for point in report.points(timeout=60)]
    ended = time.perf_counter()
    cpu = broker.cpu_times()
    if ids != list(range(points)):
        raise SystemExit(f"points were lost or reordered: {len(ids)} of {points}")
    behind = points - _rows_at(client, report.scan_number, ended + LATE)
    report.wait()
    used = cpu.user - before.user + cpu.system - before.system
    return {"seconds": ended - begun, "broker": used, "behind": behind}


def _rows_at(client: Client, number: int | None, when: float) -> int:
    """Return how many points are in the file at `when`."""
    while time.perf_counter() < when:
        client.bus.follow({keys.alarms(): _end(client)}, when - time.perf_counter())
    name = f"S{number:05d}"
    path = next(Path(client.data).glob(f"files/*/{name}/{name}_master.h5"), None)
    if path is None:
        return 0
    with h5py.File(path, "r", swmr=True) as file:
        return int(file["entry/collection/devices/det/det/value"].shape[0])


def _end(client: Client):  # type: ignore[no-untyped-def]
    last = client.bus.last(keys.alarms())
    return last.id if last else START


def one_point_scan(client: Client) -> float:
    """Return the seconds from the request of a one-point scan until it is closed."""
    begun = time.perf_counter()
    report = client.scans.acquire()
    seen = 0
    while report.status is not ScanState.CLOSED:
        seen = report.watch(seen, 10)
    return time.perf_counter() - begun


def settle(client: Client, seconds: float = 30.0) -> None:
    """Wait until every scan has its file: nobody is busy with what was before."""
    number = len(client.history)
    client.history[number].wait(seconds)
    for past in range(max(1, number - 200), number + 1):
        if client.history[past].file is None:
            raise SystemExit(f"scan {past} has no file")


def closed_to_file(client: Client) -> float:
    """Return the seconds from the end of a scan to its complete file; nothing waits."""
    settle(client)
    report = client.scans.line_scan("samx", -5, 5, steps=5)
    seen = 0
    while report.status is not ScanState.CLOSED:
        seen = report.watch(seen, 10)
    begun = time.perf_counter()
    if report.file is None:
        raise SystemExit(f"scan {report.scan_number} has no file")
    return time.perf_counter() - begun


def queued(client: Client, scans: int) -> float:
    """Return the seconds from the first of `scans` one-point requests to the last."""
    begun = time.perf_counter()
    reports = [client.scans.acquire() for _ in range(scans)]
    for report in reports:
        report.wait(60)
    return time.perf_counter() - begun


def each_call(what: Callable[[], object], times: int = 200) -> float:
    """Return the median seconds of something a client asks a device server."""
    what()
    took = []
    for _ in range(times):
        begun = time.perf_counter()
        what()
        took.append(time.perf_counter() - begun)
    return median(took)


def median(values: list[float]) -> float:
    """Return the median."""
    return statistics.median(values)
