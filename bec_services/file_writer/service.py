"""Follow the points of every unfinished scan and write them into its file."""

import contextlib
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bec_kernel.bus import Entry, backoff
from bec_kernel.bus.changes import START, Append, Change, Drop, Id
from bec_kernel.errors import BrokerError, FencedError
from bec_kernel.instance import Folder
from bec_kernel.service import Life, LifeOver, unfinished
from bec_kernel.wire import Baseline, Begin, FileDone, Log, Point, Seal, keys
from bec_services.file_writer.requests import Opened
from bec_services.file_writer.retention import PersistedPoints
from bec_services.file_writer.scan_context import ScanContexts
from bec_services.file_writer.side_streams import Came, SideStreams
from bec_services.file_writer.site_additions import arranged
from bec_services.file_writer.site_settings import site_of
from bec_services.file_writer.tree import (
    Columns,
    DefaultPlot,
    Node,
    Patch,
    ScanFacts,
    happened,
    iso,
    place,
    plot_of,
    runs,
    tree,
)

if TYPE_CHECKING:
    from bec_services.file_writer.hdf5 import MasterFile

REST = 0.1
"""Pause between two batches, s, to gather points; the end of a scan cuts it short."""
_SLICE = 0.5  # s, longest wait for entries
_FIRST_WAIT, _LONGEST_WAIT = 0.5, 30.0  # s, before a failed file is tried again
_PAGE = 1000


class _ScanFile:
    """The file of one scan in this life, always written from the first point on."""

    def __init__(
        self, life: Life, scan_id: str, known: ScanContexts, opened: Opened
    ) -> None:
        self._life = life
        self._opened = opened
        self._log = keys.points(scan_id)
        self._scan_id = scan_id
        self._known = known
        self._alarms: set[str] = set()
        self._scan: ScanFacts | None = None
        self._seal: Seal | None = None
        self._plot = DefaultPlot()
        self._columns = Columns()
        self._file: MasterFile | None = None
        self._persisted = PersistedPoints(life, scan_id, known.points_kept, self._alarm)
        self._persisted.restore(self._columns)
        self.sending = SideStreams(life, scan_id)
        self.path = Path()
        first = life.bus.read(keys.steps(scan_id), START, 1)
        self._flies = False
        if first and isinstance(first[0].message, Begin):
            self.sending.begin(first[0].message)
            self._columns.servers = first[0].message.device_servers
            self._flies = first[0].message.shape == [0]

    def take(self, entries: list[Entry[Any]]) -> Seal | None:
        """Write new entries of the point log; return the seal if the file is complete.

        Raises:
            OSError: the disk failed.
        """
        points = [e.message for e in entries if isinstance(e.message, Point)]
        baselines = [e.message for e in entries if isinstance(e.message, Baseline)]
        last = entries[-1].message
        seal = last if isinstance(last, Seal) else None
        if self._file is None or baselines or not self._append(points):
            for baseline in baselines:
                self._columns.add_baseline(baseline)
            self._columns.grow(points)
            if self._file or points or seal:
                self._rebuild(entries[-1].id)
        self._seal = seal
        if self._file and not seal:
            self._persisted.wrote(self._file, self._columns, entries[-1].id)
        return self.end(entries[-1].id)

    def end(self, upto: Id) -> Seal | None:
        """Complete the file of a scan that has ended; None if it still waits for data.

        Raises:
            OSError: the disk failed.
        """
        seal = self._seal
        if seal and self._file:
            while rest := self.sending.rest():
                self.send(rest, upto)
            if self.sending.awaits_fit():
                return None
            self._life.check()
            self._file.patch([*self.sending.fit(), *self._happened(seal)])
            self._opened.pop(self._scan_id, None)
            self._file.finish(iso(seal.time), seal.state, seal.reason)
            self._file = None
        return seal

    def send(self, found: Sequence[Came], upto: Id) -> None:
        """Write new entries of streams, aligned rows and device files.

        Args:
            found: logs with their new entries.
            upto: id of the last point that was taken.

        Raises:
            OSError: the disk failed.
        """
        patches = self.sending.take(found)
        if patches is None and (self._file or self._flies):
            self._rebuild(upto)
        elif patches and self._file:  # else read again when the file is made
            self._life.check()
            self._file.patch(patches)

    def _append(self, points: list[Point]) -> bool:
        if self._file is None:
            return False
        # After a rewind point ids go back: rows are replaced.
        parts = runs(points, lambda point: point.point_id)
        batches = [self._columns.batch(part) for part in parts]
        if None in batches:
            return False
        for batch in filter(None, batches):
            self._life.check()
            self._persisted.check(self._file, batch)
            self._file.append(batch, self._plot.patches(batch))
        return True

    def _rebuild(self, upto: Id) -> None:
        """Make a new file whose columns hold everything up to this entry."""
        self.close()
        scan = self._scan or self._known.scan(self._scan_id)
        self._scan = scan if scan.start else None  # known later, from the first entry
        self._plot = plot_of(scan, self._columns, self.sending.layout)
        wanted = Folder(self._life.setup.data.resolve()).files / place(scan.begin)
        self._file = self._make(scan, wanted)
        self._persisted.fill(self._file, self._columns, self._plot)
        self._publish(self._file, wanted)
        after = START
        while after < upto:
            entries = self._life.bus.read(self._log, after, _PAGE)
            if not entries:
                raise OSError(f"points after {after} are missing in {self._log.name}")
            after = entries[-1].id
            known = [e.message for e in entries if e.id <= upto]
            if not self._append([p for p in known if isinstance(p, Point)]):
                raise RuntimeError(f"the columns of {self.path} do not hold its rows")
        self._file.patch(self.sending.again())
        self._file.patch(self._happened())
        self._opened[self._scan_id] = self._file

    def _publish(self, file: "MasterFile", wanted: Path) -> None:
        file.publish()
        self.path = file.path
        self._persisted.published(file, self._columns)
        if file.path != wanted:
            self._alarm(f"{wanted} belongs to another scan; this file is {file.path}")

    def _make(self, scan: ScanFacts, wanted: Path) -> "MasterFile":
        """Make the file with the site's layouts; without them if that fails."""
        sent = self.sending
        own = tree(scan, self._columns, sent.layout, sent.aligned, self._plot)
        nodes = arranged(self._known.site.layouts, scan, own, self._alarm)
        try:
            file = self._begin(wanted, nodes)
        except Exception as error:
            if not self._known.site.layouts:
                raise
            file = self._begin(wanted, own)
            self._alarm(f"layouts are left out of the file: {error!r:.200}")
        return file

    def _begin(self, wanted: Path, nodes: list[Node]) -> "MasterFile":
        from bec_services.file_writer.hdf5 import MasterFile

        self._life.check()
        return MasterFile(wanted, self._scan_id, self._life.token, nodes)

    def done(self) -> list[Change]:
        """Changes that remove the records of an unfinished file from the bus."""
        return [*self.sending.done(), *self._persisted.done()]

    def _alarm(self, message: str, severity: str = "minor") -> None:
        """Raise an alarm, each message once per scan."""
        if message not in self._alarms:
            self._alarms.add(message)
            self._life.alarm(message, severity, scan_id=self._scan_id)

    def _happened(self, seal: Seal | None = None) -> Iterator[Patch]:
        known = self._known
        states, alarms = known.states(self._scan_id), known.alarms(self._scan_id)
        return happened(states, alarms, seal)

    def close(self) -> None:
        """Give up the incomplete file."""
        self._opened.pop(self._scan_id, None)
        if self._file is not None:
            self._file.discard()
            self._file = None


class _ScanFiles:
    """The files of all unfinished scans."""

    def __init__(self, life: Life, opened: Opened) -> None:
        self._life = life
        self._opened = opened
        self._known = ScanContexts(life, site_of(life.setup.data, life.alarm))
        self._todo = keys.todo["file_writer"](life.setup.name)
        self._open: dict[Log[Any], tuple[str, _ScanFile]] = {}
        self._failed: dict[str, tuple[float, int]] = {}  # scan: due (s), failures
        self._states: dict[Log[Any], Id] = {}
        self._ending: set[Log[Any]] = set()
        self._senders: dict[Log[Any], Log[Any]] = {}
        self.positions: dict[Log[Any], Id] = {}

    def begin(self, scan_id: str) -> None:
        """Start to write a scan's file, from its first point."""
        log = keys.points(scan_id)
        if log in self._open or scan_id in self._failed:
            return
        if self._life.bus.last(keys.files(scan_id)):
            self._life.bus.commit([Drop(self._todo, scan_id)], self._life.fence)
            return
        with self._isolated(scan_id):
            self._follow(scan_id)

    def _follow(self, scan_id: str) -> None:
        log = keys.points(scan_id)
        writing = _ScanFile(self._life, scan_id, self._known, self._opened)
        self._open[log] = (scan_id, writing)
        self.positions[log] = START
        self.positions |= writing.sending.positions
        self._senders |= dict.fromkeys(writing.sending.positions, log)
        self._states[keys.states(scan_id)] = START

    def take(self, log: Log[Any], entries: list[Entry[Any]]) -> None:
        """Write new entries of a point log or of a stream."""
        if log in self._senders:
            self._send(log, entries)
        elif log in self._open:
            self._take_points(log, entries)
        else:  # completed meanwhile by another log of the same batch
            self.positions.pop(log, None)

    def _send(self, log: Log[Any], entries: list[Entry[Any]]) -> None:
        points = self._senders[log]
        scan_id, writing = self._open[points]
        if log in writing.sending.fits:
            return  # only a wake-up, see `look`
        with self._isolated(scan_id):
            writing.send([(log, entries)], self.positions[points])
            if read := writing.sending.bookmarks():
                self._life.bus.commit(read, self._life.fence)

    def _take_points(self, log: Log[Any], entries: list[Entry[Any]]) -> None:
        scan_id, writing = self._open[log]
        known = [entry for entry in entries if entry.message is not None]
        seal = None
        with self._isolated(scan_id):
            seal = writing.take(known) if known else None
        self._complete(log, seal)

    def look(self) -> None:
        """Complete the files whose fit has come, or is not waited for any more."""
        for log in [one for one, (_, w) in self._open.items() if w.sending.fits]:
            scan_id, writing = self._open[log]
            seal = None
            with self._isolated(scan_id):
                seal = writing.end(self.positions[log])
            self._complete(log, seal)

    def _complete(self, log: Log[Any], seal: Seal | None) -> None:
        if log not in self._open:
            return
        scan_id, writing = self._open[log]
        if seal is None:
            self.positions |= writing.sending.fits
            self._senders |= dict.fromkeys(writing.sending.fits, log)
            return
        self._forget(scan_id, log)
        self._failed.pop(scan_id, None)
        self._known.forget(scan_id)
        done = FileDone(path=str(writing.path), points=seal.points)
        self._life.bus.commit(
            [
                Append(keys.files(scan_id), done, Id(1)),
                Drop(self._todo, scan_id),
                *writing.done(),
            ],
            self._life.fence,
        )

    def _forget(self, scan_id: str, log: Log[Any]) -> None:
        states = keys.states(scan_id)
        for sender in [one for one, of in self._senders.items() if of == log]:
            del self._senders[sender]
            self.positions.pop(sender, None)
        del self._open[log], self._states[states]
        self._ending.discard(states)
        self.positions.pop(log, None)

    @contextlib.contextmanager
    def _isolated(self, scan_id: str) -> Iterator[None]:
        """Confine an error to its scan: the files of other scans go on."""
        try:
            yield
        except (BrokerError, FencedError, LifeOver):
            raise  # these concern all scans
        except Exception as error:
            self._life.log.exception("not written", scan_id=scan_id)
            self._fail(scan_id, error)

    def _fail(self, scan_id: str, error: Exception) -> None:
        """Give the file up and plan a retry; the points stay on the bus meanwhile."""
        log = keys.points(scan_id)
        if log in self._open:
            self._open[log][1].close()
            self._forget(scan_id, log)
        first = scan_id not in self._failed
        failures = self._failed.get(scan_id, (0.0, 0))[1] + 1
        due = time.monotonic() + backoff(failures, _FIRST_WAIT, _LONGEST_WAIT)
        self._failed[scan_id] = (due, failures)
        if first:
            self._life.alarm(
                f"the scan's file cannot be written: {error!r}; its points are kept "
                "and it is tried again",
                "major",
                scan_id=scan_id,
            )

    def retry(self) -> float:
        """Retry the failed files that are due; return the time to the next retry, s."""
        wait = _SLICE
        now = time.monotonic()
        for scan_id, (due, _) in self._failed.items():
            if keys.points(scan_id) in self._open:
                continue
            if due <= now:
                with self._isolated(scan_id):
                    self._follow(scan_id)
            else:
                wait = min(wait, due - now)
        return wait

    def rest(self) -> None:
        """Pause to gather points, unless a scan ends."""
        if not self._states or self._ending:
            return
        for log, entries in self._life.bus.follow(self._states, REST):
            self._states[log] = entries[-1].id
            if any(e.message is not None and e.message.state.is_final for e in entries):
                self._ending.add(log)

    def close(self) -> None:
        """Give up all incomplete files."""
        for _, writing in self._open.values():
            writing.close()


def run(life: Life, opened: Opened | None = None) -> None:
    """Write the files of all scans until the life ends.

    Args:
        life: life of the writer.
        opened: filled with the files that are being written, by scan id.
    """
    from bec_services.file_writer.hdf5 import MasterFile  # noqa: F401 - slow to import

    start, todo = unfinished(life)
    writer = _ScanFiles(life, {} if opened is None else opened)
    writer.positions[keys.scans()] = start
    for taken in todo:
        writer.begin(taken.scan_id)
    try:
        while True:
            _once(life, writer)
    finally:
        writer.close()


def _once(life: Life, writer: _ScanFiles) -> None:
    wait = writer.retry()
    life.check()
    for log, entries in life.bus.follow(writer.positions, wait, _PAGE):
        writer.positions[log] = entries[-1].id
        if log != keys.scans():
            writer.take(log, entries)
            continue
        for entry in entries:
            if entry.message is not None and entry.message.scan_number is not None:
                writer.begin(entry.message.scan_id)
    writer.look()
    writer.rest()
