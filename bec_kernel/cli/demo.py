"""`bec demo`: the whole way once, on a motor behind Channel Access."""

import contextlib
import sqlite3
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from bec_kernel.client import Client, ScanReport, connect
from bec_kernel.errors import DeadlineError, DeviceError
from bec_kernel.language import fit_words
from bec_kernel.terminal import follow
from bec_kernel.wire import Fit, keys

T = TypeVar("T")

MOTOR = "m1"
COUNTER = "ct1"
DATABASE = "bec.sqlite"
_SECONDS = 30.0
"""Longest wait for a result, s; enough for a busy machine."""
_IOC = "simulated_ioc"
"""The process that plays its hardware, as in `bec status`."""
_SIMULATED = "PV:SIM:"
_OTHER = (
    f"the demo moves {MOTOR} of the simulated beamline, and nothing else; the instance "
    "in {data} has other devices: run it beside: bec demo --data NEW_FOLDER"
)
_VIRTUAL = (
    "a virtual instance has no EPICS devices; run the demo beside it: "
    "bec demo --data NEW_FOLDER"
)


def run(data: Path, say: Callable[[str], None]) -> None:
    """Scan, fit, move to the centre, and say what there is: a line at each stage.

    Raises:
        BecError: a step failed.
    """
    with connect(data) as client:
        client.ready(_SECONDS)
        check(client, data)
        options = {"steps": 41, "exp_time": 0.02, "fit": "Gaussian", "signal": COUNTER}
        say(f"scan        {MOTOR} from -5 to 5; a Gaussian is fitted to {COUNTER}")
        report = follow(client.scans.line_scan(MOTOR, -5, 5, **options), client.dev)
        fit = _fitted(report)
        centre = round(fit.values["center"], 4)
        say(f"\nfit         {fit_words(fit)}")
        say(f"move        {MOTOR} to the centre, {centre:g}")
        client.mv(MOTOR, centre)
        file = report.file
        if file is None:
            raise DeadlineError("the file is not complete", subject=report.scan_id)
        say(f"file        {file}")
        say(f"database    {_entered(client, report)}")


def check(client: Client, data: Path) -> None:
    """Return if what the demo moves is our own simulated hardware.

    Raises:
        DeviceError: it is not: a motor of a real beamline may have the same name.
    """
    if client.status()["virtual"]:
        raise DeviceError(_VIRTUAL, subject=MOTOR)
    ours = client.bus.get(keys.processes(), _IOC)
    if ours is None or not all(_is_simulated(client, n) for n in (MOTOR, COUNTER)):
        raise DeviceError(_OTHER.format(data=data), subject=MOTOR)


def _is_simulated(client: Client, name: str) -> bool:
    """Whether all signals of a device come from the simulated IOC."""
    if name not in client.dev:
        return False
    sources = [signal.source for signal in client.dev[name].info.signals]
    return bool(sources) and all(one.startswith(_SIMULATED) for one in sources)


def _fitted(report: ScanReport) -> Fit:
    """Return the final fit; the first one of an instance has lmfit to import.

    Raises:
        DeadlineError: there is none in time, or none was found.
    """

    def final() -> Fit | None:
        return fit if (fit := report.fit) and fit.final else None

    fit = _wait(final, "the data analysis has not answered", report)
    if "center" not in fit.values:
        raise DeadlineError(f"no fit: {fit.message}", subject=report.scan_id)
    return fit


def _entered(client: Client, report: ScanReport) -> str:
    """Wait until the scan is in the database; return its place there.

    Raises:
        DeadlineError: it is not there in time.
    """
    path = Path(client.data) / DATABASE
    what = f"the scan is not in the database {path}"
    rows = _wait(lambda: _rows(path, report.scan_id), what, report)
    number, state, points = rows[0]
    return f"{path}: scan {number}, {state}, {points} points"


def _wait(look: Callable[[], T | None], what: str, report: ScanReport) -> T:
    """Call `look` until it returns a true value, and return that."""
    deadline = time.monotonic() + _SECONDS
    nap = threading.Event()
    while not (found := look()):
        if time.monotonic() > deadline:
            raise DeadlineError(
                f"{what} after {_SECONDS:.0f} s", subject=report.scan_id
            )
        nap.wait(0.05)
    return found


def _rows(path: Path, scan_id: str) -> list[tuple[int, str, int]]:
    """Return number, state and points of a scan that has its file, if it is there."""
    if not path.exists():
        return []
    query = "SELECT number, state, points FROM scans WHERE scan_id = ? AND file <> ''"
    with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as base:
        try:
            return base.execute(query, (scan_id,)).fetchall()
        except sqlite3.OperationalError:  # no table yet, or it is being written
            return []
