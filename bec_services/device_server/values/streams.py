"""Puts the samples and files of a scan's devices into the scan's logs; loses none.

A stream is one log, written here only. What a signal keeps is appended under its index,
together with the answer of the step it belongs to, or a moment later; a new life goes
on where the log ends.
"""

import threading
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from bec_kernel.bus.changes import Append, Change, Id
from bec_kernel.instance import Folder
from bec_kernel.scan import folder_of, stem
from bec_kernel.service import Life
from bec_kernel.wire import (
    Begin,
    DeviceFile,
    Log,
    Sample,
    Samples,
    StreamEnd,
    StreamEntry,
    StreamMode,
    Watermark,
    keys,
)
from bec_services.device_server.clock import Clock
from bec_services.device_server.devices import (
    AsyncSignal,
    FileEventSignal,
    LightStatus,
    ScanFiles,
    signals_of,
    watched,
)

_BATCH = 1000
"""So many samples, at most, in one entry."""
_BYTES = 1 << 20
_PAGE = 20_000
_SETTLE = 1.0
_GATHER = 0.05
_PATIENCE = 0.5
_LOOK = 1.0
LAG = 10_000
"""Lag of a consumer that raises an alarm, in samples."""
LAG_BYTES = 64 << 20
"""The same, in bytes."""


class _PublishedStream:
    """One signal whose samples go into a log."""

    def __init__(self, signal: AsyncSignal, log: Log[StreamEntry], at: Id) -> None:
        self.signal = signal
        self.log = log
        self.at = at
        self.bytes = 0
        self._next = at
        self._count = 0

    @property
    def samples(self) -> int:
        """How many are in the log."""
        return self.at.major

    def changes(self, mark: float | None, end: float | None) -> list[Change]:
        """List the changes that append new samples; see `done`.

        Args:
            mark: nothing older than that follows, s since the epoch.
            end: nothing follows: the time of that, s since the epoch.
        """
        kept = self.signal.kept(_PAGE)
        out: list[Change] = []
        self._next, self._count = self.at, len(kept)
        for mode, batch in _batches(kept):
            samples = Samples(index=self._next.major, mode=mode, samples=batch)
            self._next = Id(self._next.major + len(batch))
            out.append(Append(self.log, samples, self._next))
        if end is not None:
            sealed = StreamEnd(samples=self._next.major, time=end)
            out.append(Append(self.log, sealed, Id(self._next.major + 1)))
        elif mark is not None:
            index, time = self._next.major, mark - self.signal.latency
            self._next = Id(index, self._next.minor + 1)
            out.append(Append(self.log, Watermark(index=index, time=time), self._next))
        return out

    def done(self) -> None:
        """Take note that the changes last given are in the log."""
        self.at = self._next
        self.signal.taken(self._count)


def _batches(
    kept: Iterable[tuple[StreamMode, Sample]],
) -> Iterable[tuple[StreamMode, list[Sample]]]:
    batch: list[Sample] = []
    size, before = 0, StreamMode.ADD
    for mode, sample in kept:
        if batch and (mode is not before or len(batch) >= _BATCH or size > _BYTES):
            yield before, batch
            batch, size = [], 0
        before = mode
        batch.append(sample)
        size += sum(getattr(v, "nbytes", 8) for v in sample.values.values())
    if batch:
        yield before, batch


class ScanStreams:
    """The streams of one scan on this device server, for one life."""

    def __init__(
        self, life: Life, scan_id: str, clock: Clock, told: Callable[[], object]
    ) -> None:
        self._told = told
        self._life = life
        self._scan_id = scan_id
        self._clock = clock
        self._lock = threading.RLock()
        self._open: dict[str, list[_PublishedStream]] = {}
        self._subscribed: dict[str, list[tuple[Any, int]]] = {}
        self._ended: list[_PublishedStream] = []
        self._files: list[DeviceFile] = []
        self._file_log: Log[DeviceFile] = keys.device_files(scan_id, life.setup.name)
        self._file_at = -1
        self._context: ScanFiles | None = None
        self._streaming: set[str] = set()

    def begin(self, begin: Begin) -> None:
        """Take note of the scan; its devices get the folder of their files."""
        files = Folder(self._life.setup.data.resolve()).files
        folder = files / folder_of(begin)
        self._streaming = set(begin.streaming)
        self._context = ScanFiles(self._scan_id, begin.scan_number, folder, stem(begin))

    def lags(self) -> list[tuple[str, int, int]]:
        """Return of each open stream its name, samples, and mean bytes a sample."""
        with self._lock:
            return [
                (s.log.name, s.samples, s.bytes // max(1, s.samples))
                for some in self._open.values()
                for s in some
            ]

    def open(self, name: str, device: Any) -> None:
        """Follow a device from before it is staged; twice is once."""
        if self._context is not None and hasattr(device, "scan_begins"):
            device.scan_begins(self._context)
        if name in self._open:
            return
        streams, subscribed = [], []
        for signal in signals_of(device):
            if isinstance(signal, AsyncSignal):
                streams += self._opened(name, signal)
            elif isinstance(signal, FileEventSignal):
                subscribed.append((signal, signal.subscribe(self._file, run=False)))
        for one in watched(device) if name in self._streaming else ():
            streams += self._opened(name, one)
        with self._lock:
            self._open[name] = streams
            self._subscribed[name] = subscribed

    def _opened(self, name: str, signal: AsyncSignal) -> list[_PublishedStream]:
        log = keys.streams(self._scan_id, name, signal.name)
        last = self._life.bus.last(log)
        if last is not None and isinstance(last.message, StreamEnd):
            return []
        at = last.id if last else Id(0)
        signal.begin(self._scan_id, at.major, self._told)
        return [_PublishedStream(signal, log, at)]

    def _file(self, *_: Any, value: DeviceFile, **__: Any) -> None:
        with self._lock:
            self._files.append(value)

    def close(self, name: str) -> None:
        """A device is unstaged: its streams end with the next commit."""
        with self._lock:
            self._ended += self._open.pop(name, [])
            for signal, cid in self._subscribed.pop(name, []):
                signal.unsubscribe(cid)

    def close_all(self) -> None:
        """The scan is over, however it ended."""
        for name in list(self._open):
            self.close(name)

    @property
    def active(self) -> bool:
        """There is something to commit besides answers."""
        return bool(self._open or self._ended or self._files)

    def commit(self, changes: Sequence[Change], mark: float | None = None) -> None:
        """Append what devices have sent, and `changes` behind it, in one go.

        Args:
            changes: for instance a step's answer.
            mark: end of that step: what was due by then comes before, s since the
                epoch, device server's clock.
        """
        if not self.active:
            if changes:
                self._life.bus.commit(changes, self._life.fence)
            return
        if mark is not None:
            self._catch_up()
        with self._lock:
            self._commit(changes, mark)

    def _catch_up(self) -> None:
        """Let the clock do what is due: those samples belong before the mark."""
        done = LightStatus()
        self._clock.call_later(0.0, done.set_finished)
        self._clock.wait([done], _SETTLE)

    def _commit(self, changes: Sequence[Change], mark: float | None) -> None:
        now = self._clock.time()
        streams = [one for some in self._open.values() for one in some]
        out: list[Change] = []
        for one in streams:
            out += _weighed(one, one.changes(mark, None))
        for one in self._ended:
            one.signal.end()
            while one.signal.waiting > _PAGE:
                self._life.bus.commit(one.changes(None, None), self._life.fence)
                one.done()
            out += one.changes(None, now)
        files = self._files_changes()
        out += [*files, *changes]
        if out:
            self._life.bus.commit(out, self._life.fence)
        for one in (*streams, *self._ended):
            one.done()
        self._ended = []
        del self._files[: len(files)]
        self._file_at += len(files)

    def _files_changes(self) -> list[Change]:
        if self._files and self._file_at < 0:
            last = self._life.bus.last(self._file_log)
            self._file_at = last.id.major if last else 0
        first = self._file_at + 1
        return [
            Append(self._file_log, told, Id(first + number))
            for number, told in enumerate(self._files)
        ]


def _weighed(stream: _PublishedStream, changes: list[Change]) -> list[Change]:
    """Count the bytes that travel."""
    for change in changes:
        if isinstance(change, Append) and isinstance(change.message, Samples):
            for sample in change.message.samples:
                values = sample.values.values()
                stream.bytes += sum(getattr(v, "nbytes", 8) for v in values)
    return changes


class Streams:
    """The streams of all scans of one life: sends what came without a step."""

    def __init__(self) -> None:
        self._scans: dict[str, ScanStreams] = {}
        self._more = threading.Event()
        self._late: set[str] = set()

    def scan(self, life: Life, scan_id: str, clock: Clock) -> ScanStreams:
        """Return a scan's streams, and look after them."""
        found = ScanStreams(life, scan_id, clock, self._more.set)
        self._scans[scan_id] = found
        return found

    def forget(self, scan_id: str) -> None:
        """The scan has ended."""
        self._scans.pop(scan_id, None)

    def run(self, life: Life) -> None:
        """Send what came, until the life is over."""
        look = time.monotonic() + _LOOK
        while True:
            life.check()
            if self._more.wait(_PATIENCE):
                self._more.clear()
                life.over.wait(_GATHER)
                for scan in list(self._scans.values()):
                    scan.commit([])
            if time.monotonic() > look:
                look = time.monotonic() + _LOOK
                self._watch_readers(life)

    def _watch_readers(self, life: Life) -> None:
        """Say who is behind, and how far, before it is a matter of memory."""
        lags = [lag for scan in list(self._scans.values()) for lag in scan.lags()]
        read = None
        for name, samples, size in lags:
            if samples < LAG and samples * size < LAG_BYTES:
                continue
            read = life.bus.get_all(keys.streams_read()) if read is None else read
            known = read.get(name)
            behind = samples - (known.samples if known else 0)
            if behind < LAG and behind * size < LAG_BYTES:
                self._late.discard(name)
            elif name not in self._late:
                self._late.add(name)
                _, _, scan_id, _, device, signal = name.split("/")
                life.alarm(
                    f"the file writer is {behind} samples ({behind * size >> 20} MB) "
                    f"behind {signal} of {device}",
                    "minor",
                    scan_id=scan_id,
                )
