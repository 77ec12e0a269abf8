"""`bec demo`: the whole way once, on a motor behind Channel Access."""

import contextlib
import sqlite3
import threading
import time
from collections.abc import Callable
from pathlib import Path

from bec_kernel.client import Client, ScanReport, connect
from bec_kernel.client.wording import fit_words
from bec_kernel.errors import DeadlineError, DeviceError
from bec_kernel.terminal import follow
from bec_kernel.wire import Fit, keys

MOTOR = "m1"
COUNTER = "ct1"
DATABASE = "bec.sqlite"
_SECONDS = 10.0
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


def run(data: Path, say: Callable[[str], None], *, is_ours: bool) -> None:
    """Scan, fit, move to the centre, and say what there is now.

    Raises:
        BecError: something did not work; nothing is left out of the summary.
    """
    begun = time.monotonic()
    with connect(data) as client:
        client.ready(_SECONDS)
        check(client, data)
        options = {"steps": 41, "exp_time": 0.02, "fit": "Gaussian", "signal": COUNTER}
        report = follow(client.scans.line_scan(MOTOR, -5, 5, **options), client.dev)
        fit = _fitted(report)
        centre = round(fit.values["center"], 4)
        client.mv(MOTOR, centre)
        _summary(client, report, fit, centre, say)
    say(f"took        {time.monotonic() - begun:.1f} s")
    if is_ours:
        say("go on       bec lab")
    else:
        say(f"go on       bec lab   (the instance in {data} goes on running)")


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
    """Tell whether all signals of a device come from the simulated IOC."""
    if name not in client.dev:
        return False
    sources = [signal.source for signal in client.dev[name].info.signals]
    return bool(sources) and all(one.startswith(_SIMULATED) for one in sources)


def _fitted(report: ScanReport) -> Fit:
    fit = report.fit
    if fit is None or "center" not in fit.values:
        why = fit.message if fit else "the data analysis has not answered"
        raise DeadlineError(f"no fit: {why}", subject=report.scan_id)
    return fit


def _summary(
    client: Client,
    report: ScanReport,
    fit: Fit,
    centre: float,
    say: Callable[[str], None],
) -> None:
    say("")
    say(f"scan        {report!r}")
    say(f"fit         {fit_words(fit)}")
    say(f"moved       {MOTOR} to {centre:g}")
    file = report.file
    if file is None:
        raise DeadlineError("the file is not complete", subject=report.scan_id)
    say(f"file        {file}")
    say(f"database    {_entered(client, report)}")


def _entered(client: Client, report: ScanReport) -> str:
    """Return where the scan was entered into the database; wait for it.

    Raises:
        DeadlineError: it is not there in time.
    """
    path = Path(client.data) / DATABASE
    deadline = time.monotonic() + _SECONDS
    nap = threading.Event()
    while (row := _row(path, report.scan_id)) is None:
        if time.monotonic() > deadline:
            raise DeadlineError(
                f"the scan is not in the database {path} after {_SECONDS:.0f} s",
                subject=report.scan_id,
            )
        nap.wait(0.05)
    number, state, points = row
    return f"{path}: scan {number}, {state}, {points} points"


def _row(path: Path, scan_id: str) -> tuple[int, str, int] | None:
    """Return number, state and points of a scan that has its file, if it is there."""
    if not path.exists():
        return None
    query = "SELECT number, state, points FROM scans WHERE scan_id = ? AND file <> ''"
    with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as base:
        try:
            found: tuple[int, str, int] | None = base.execute(
                query, (scan_id,)
            ).fetchone()
        except sqlite3.OperationalError:  # no table yet, or it is being written
            return None
    return found
