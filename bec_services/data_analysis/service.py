"""Follow the points of scans that request a fit, and fit them while they arrive."""

import time
from dataclasses import dataclass
from typing import Any

from bec_kernel.bus import Entry
from bec_kernel.bus.changes import START, Append, Change, Drop, Id
from bec_kernel.scan import devices_of
from bec_kernel.service import Life, unfinished
from bec_kernel.wire import Begin, Device, Log, StateChange, StepEntry, keys
from bec_services.data_analysis.fits import FitSeries

PERIOD = 0.2
"""Between two fits of a scan, s; what comes meanwhile is fitted in one go."""
_SHARE = 4  # a fit that takes long is done so much more seldom
_SLICE = 0.5


@dataclass(eq=False)
class _FittedScan:
    """One scan, and when it may be fitted again (s, monotonic)."""

    scan_id: str
    series: FitSeries
    states: Log[StateChange]
    due: float = 0.0
    ending: bool = False
    warned: bool = False


class _Analysis:
    """All scans of this life that asked for a fit and have not ended."""

    def __init__(self, life: Life) -> None:
        self._life = life
        self._todo = keys.todo["data_analysis"](life.setup.name)
        self._scans: dict[Log[Any], _FittedScan] = {}
        self._waiting: dict[Log[Any], str] = {}  # step logs without a first entry
        self._states: dict[Log[Any], Id] = {}
        self.positions: dict[Log[Any], Id] = {}

    def begin(self, scan_id: str) -> None:
        """Start to follow the points of a scan whose request asks for a fit.

        A scan that is followed already, or not on this service's to-do list, is
        skipped. If the scan's first entry is not written yet, wait for it in `take`.
        """
        bus = self._life.bus
        if keys.points(scan_id) in self._scans:
            return
        if bus.get(self._todo, scan_id) is None:
            return
        steps = keys.steps(scan_id)
        first = bus.read(steps, START, 1)
        if first:
            self._follow(scan_id, first[0].message)
        else:  # the scan server is about to write it
            self._waiting[steps] = scan_id
            self.positions[steps] = START

    def _follow(self, scan_id: str, begin: StepEntry) -> None:
        assert isinstance(begin, Begin)
        bus = self._life.bus
        series = FitSeries(begin, self._devices(begin), bus.last(keys.fits(scan_id)))
        if series.done or not begin.fit:
            bus.commit([Drop(self._todo, scan_id)], self._life.fence)
            return
        log = keys.points(scan_id)
        states = keys.states(scan_id)
        self._scans[log] = _FittedScan(scan_id, series, states)
        self.positions[log] = self._states[states] = START
        from bec_services.data_analysis.fits import fit  # noqa: F401 - slow to import

    def _devices(self, begin: Begin) -> dict[str, Device]:
        return devices_of(self._life.bus, begin)

    def take(self, log: Log[Any], entries: list[Entry[Any]]) -> None:
        """Take what came on one of the logs."""
        if log in self._waiting:
            scan_id = self._waiting.pop(log)
            self.positions.pop(log, None)
            self._follow(scan_id, entries[0].message)
            return
        scan = self._scans[log]
        for entry in entries:
            scan.series.take(entry.message)
        if scan.series.missed and not scan.warned:
            scan.warned = True
            self._life.alarm(
                f"{scan.series.missed} points had left the bus for the scan's file "
                "before they were read: its fit is of the others",
                "minor",
                scan_id=scan.scan_id,
            )

    @property
    def patience(self) -> float:
        """How long one may wait for more points, s."""
        pending = any(scan.series.pending for scan in self._scans.values())
        return 0.0 if pending else _SLICE

    def fit(self) -> None:
        """Fit what is due."""
        for log, scan in list(self._scans.items()):
            if time.monotonic() >= scan.due or scan.series.ends:
                self._fit(log, scan)

    def rest(self) -> None:
        """Let points gather until the next fit is due, or a scan comes to its end."""
        scans = self._scans.values()
        wait = min((scan.due for scan in scans), default=0.0) - time.monotonic()
        if wait <= 0 or any(scan.ending for scan in scans):
            return
        ending = set()
        for log, entries in self._life.bus.follow(self._states, min(wait, _SLICE)):
            self._states[log] = entries[-1].id
            if any(e.message is not None and e.message.state.is_final for e in entries):
                ending.add(log)
        for scan in scans:
            scan.ending = scan.ending or scan.states in ending

    def _fit(self, log: Log[Any], scan: _FittedScan) -> None:
        task = scan.series.next()
        if task is None:
            return
        from bec_services.data_analysis.fits import fit

        begun = time.monotonic()
        made = fit(task)
        took = time.monotonic() - begun
        scan.due = time.monotonic() + max(PERIOD - took, _SHARE * took)
        changes: list[Change] = [Append(keys.fits(scan.scan_id), made, task.at)]
        if task.final:
            changes.append(Drop(self._todo, scan.scan_id))
            del self._scans[log], self._states[scan.states]
            self.positions.pop(log, None)
        self._life.check()
        self._life.bus.commit(changes, self._life.fence)


def run(life: Life) -> None:
    """Fit all scans that ask for it, one life long."""
    start, todo = unfinished(life)
    analysis = _Analysis(life)
    analysis.positions[keys.scans()] = start
    for taken in todo:
        analysis.begin(taken.scan_id)
    while True:
        _once(life, analysis)


def _once(life: Life, analysis: _Analysis) -> None:
    life.check()
    for log, entries in life.bus.follow(analysis.positions, analysis.patience):
        analysis.positions[log] = entries[-1].id
        known = [entry for entry in entries if entry.message is not None]
        if log != keys.scans():
            analysis.take(log, known)
            continue
        for entry in known:
            analysis.begin(entry.message.scan_id)
    analysis.fit()
    analysis.rest()
