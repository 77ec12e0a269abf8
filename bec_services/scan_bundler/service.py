"""Follows steps and answers of every unfinished scan, appends what became whole."""

from dataclasses import dataclass, field
from typing import Any

from bec_kernel.bus import Entry
from bec_kernel.bus.changes import START, Append, Change, Drop, Id, Trim
from bec_kernel.instance import points_kept
from bec_kernel.service import Life, unfinished
from bec_kernel.wire import Begin, Log, Taken, keys
from bec_services.scan_bundler.aligned_streams import ScanAlignment
from bec_services.scan_bundler.points import Output, ScanBundle
from bec_services.scan_bundler.trimming import Trimming

_AT_ONCE = 256  # points in one commit: the broker does nothing else meanwhile
_TOGETHER = 4  # answers to fast steps that are worth to be waited for


@dataclass(eq=False)
class _BundledScan:
    """One scan and the logs it is made from; the step log has no server."""

    scan_id: str
    bundle: ScanBundle
    trimming: Trimming
    sources: dict[Log[Any], str] = field(default_factory=dict)
    alignment: ScanAlignment | None = None


class _Bundling:
    """All unfinished scans of this life."""

    def __init__(self, life: Life) -> None:
        self._life = life
        self._todo = keys.todo["scan_bundler"](life.setup.name)
        self._scans: dict[str, _BundledScan] = {}
        self._owner: dict[Log[Any], _BundledScan] = {}
        self._keep = points_kept(life.setup.data)
        self.positions: dict[Log[Any], Id] = {}
        self.gather: dict[Log[Any], int] = {}

    def begin(self, scan_id: str) -> None:
        """Follow a scan from where its log of points ends."""
        if scan_id in self._scans:
            return
        bus = self._life.bus
        bundle = ScanBundle(bus.last(keys.points(scan_id)))
        scan = _BundledScan(scan_id, bundle, Trimming(self._keep))
        self._scans[scan_id] = scan
        steps = keys.steps(scan_id)
        self._add(scan, steps, "", bundle.after)
        if bundle.after > START:  # its first entry lies before: fetch it
            self._feed(scan, steps, bus.read(steps, START, 1))
        if bundle.sealed:
            self._finish(scan, [])

    def _add(self, scan: _BundledScan, log: Log[Any], server: str, after: Id) -> None:
        scan.sources[log] = server
        self._owner[log] = scan
        self.positions[log] = after

    def _add_answers(self, scan: _BundledScan) -> None:
        for server in scan.bundle.servers:
            log = keys.answers(scan.scan_id, server)
            if log not in scan.sources:
                self._add(scan, log, server, scan.bundle.after)
                self.gather[log] = _TOGETHER

    def take(self, log: Log[Any], entries: list[Entry[Any]]) -> None:
        """Take what came on one of the logs."""
        scan = self._owner.get(log)
        if scan is None:  # sealed by another log of the same batch
            self.positions.pop(log, None)
            return
        if log not in scan.sources:
            self._align(scan, log, entries)
            return
        out = self._feed(scan, log, entries)
        if scan.bundle.waits_at_end:
            out += self._catch_up(scan)
        self._put_out(scan, out)

    def _align(
        self, scan: _BundledScan, log: Log[Any], entries: list[Entry[Any]]
    ) -> None:
        """Take what came on a stream that points wait for."""
        assert scan.alignment is not None
        if rows := scan.alignment.take(log, entries):
            self._life.bus.commit(rows, self._life.fence)
        self._follow_streams(scan)

    def _follow_streams(self, scan: _BundledScan) -> None:
        assert scan.alignment is not None
        for log in scan.alignment.streams:
            self._owner[log] = scan
            self.positions.pop(log, None)
        self.positions |= scan.alignment.positions

    def _feed(
        self, scan: _BundledScan, log: Log[Any], entries: list[Entry[Any]]
    ) -> list[Output]:
        out: list[Output] = []
        server = scan.sources[log]
        for entry in entries:
            if server:
                out += scan.bundle.answer(server, entry.message)
            else:
                out += scan.bundle.step(entry.message)
            if isinstance(entry.message, Begin):
                scan.alignment = ScanAlignment(self._life, entry.message)
        if not server:
            self._add_answers(scan)
        return out

    def _catch_up(self, scan: _BundledScan) -> list[Output]:
        """The scan has ended: every answer it waited for stands in the logs by now."""
        out: list[Output] = []
        for log, server in scan.sources.items():
            while server and (entries := self._behind(log)):
                out += self._feed(scan, log, entries)
        return out + scan.bundle.give_up()

    def _behind(self, log: Log[Any]) -> list[Entry[Any]]:
        entries = self._life.bus.read(log, self.positions[log])
        if entries:
            self.positions[log] = entries[-1].id
        return [entry for entry in entries if entry.message is not None]

    def _put_out(self, scan: _BundledScan, out: list[Output]) -> None:
        log = keys.points(scan.scan_id)
        changes: list[Change] = [Append(log, entry, at) for at, entry in out]
        last = [changes.pop()] if scan.bundle.sealed and changes else []
        for first in range(0, len(changes), _AT_ONCE):
            some = changes[first : first + _AT_ONCE]
            self._life.bus.commit(some, self._life.fence)
        if out and scan.alignment is not None:
            if rows := scan.alignment.points(out):
                self._life.bus.commit(rows, self._life.fence)
            self._follow_streams(scan)
        if scan.bundle.sealed:
            self._finish(scan, last)
        elif scan.trimming.is_due(scan.bundle.points):
            self._trim(scan)

    def _trim(self, scan: _BundledScan) -> None:
        """Let the first points go, as far as they are in the scan's file, on disk."""
        written = self._life.bus.get(keys.written(), scan.scan_id)
        filed = Id(*written.upto) if written else START
        needed = scan.alignment.behind if scan.alignment is not None else []
        first = scan.trimming.place(scan.bundle.points, filed, needed)
        if first is not None:
            trim = Trim(keys.points(scan.scan_id), first)
            self._life.bus.commit([trim], self._life.fence)

    def _finish(self, scan: _BundledScan, last: list[Change]) -> None:
        """Put out the seal and all rows that are left, in one commit."""
        rows = scan.alignment.finish() if scan.alignment is not None else []
        self._forget(scan)
        done = [*rows, *last, Drop(self._todo, scan.scan_id)]
        self._life.bus.commit(done, self._life.fence)

    def _forget(self, scan: _BundledScan) -> None:
        del self._scans[scan.scan_id]
        streams = scan.alignment.streams if scan.alignment is not None else ()
        for log in (*scan.sources, *streams):
            self._owner.pop(log, None)
            self.positions.pop(log, None)
            self.gather.pop(log, None)


def run(life: Life) -> None:
    """Bundle the points of all scans, one life long."""
    scans = keys.scans()
    start, todo = unfinished(life)
    bundling = _Bundling(life)
    bundling.positions[scans] = start
    for taken in todo:
        bundling.begin(taken.scan_id)
    for log, entries in life.follow(bundling.positions, gather=bundling.gather):
        if log != scans:
            bundling.take(log, entries)
            continue
        for entry in entries:
            _begin(bundling, entry.message)


def _begin(bundling: _Bundling, taken: Taken) -> None:
    if taken.scan_number is not None:
        bundling.begin(taken.scan_id)
