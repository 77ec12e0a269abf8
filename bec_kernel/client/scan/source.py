"""Where a scan's data come from: the bus, its file, or whichever has them now."""

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Protocol, TypeVar

from bec_kernel.client.scan.file_reader import (
    FileContent,
    Key,
    aligned_of,
    begin_of,
    columns_of,
    configuration_of,
    content_of,
    first_setpoints_of,
    fit_of,
    points_of,
    stream_of,
    streams_in,
)
from bec_kernel.client.scan.record import ScanRecord
from bec_kernel.client.scan.remote_file import RemoteFile
from bec_kernel.client.scan.signals import (
    AtPoints,
    Load,
    SignalData,
    aligned,
    column,
    samples,
    signal_data,
    unit_of,
)
from bec_kernel.errors import DeadlineError, RefusedError
from bec_kernel.scan import streams_of
from bec_kernel.wire import (
    Begin,
    Fit,
    Point,
    Readings,
    SignalDescription,
    Written,
    keys,
)

T = TypeVar("T")
PAGE = 5_000
"""Points read from a file by one request."""
PATIENCE = 60.0
"""Longest time a restarted file writer needs to write a long scan's file again, s."""
_PAUSE = 0.25


class ScanSource(Protocol):
    """The data of one scan."""

    @property
    def begin(self) -> Begin | None:
        """The scan's definition: first entry of its step log; None before it begins."""

    @property
    def baseline(self) -> dict[str, Readings]:
        """Baseline readings by device: `{"samy": {"samy": Reading(0.5, t)}}`."""

    @property
    def configuration(self) -> dict[str, Readings]:
        """Readings of config signals by device, in the same shape."""

    @property
    def units(self) -> dict[str, str]:
        """Engineering unit by signal, for those that have one."""

    @property
    def fit(self) -> Fit | None:
        """The newest fit; None without one."""

    def points(self) -> list[Point]:
        """Return all points so far, in order of their `point_id`."""

    def first_setpoints(self) -> Mapping[str, float]:
        """Return a relative scan's first setpoints, motor units; else empty."""

    def aligned(self) -> AtPoints:
        """Return the stream values aligned to points so far."""

    def streams(self) -> Iterator[tuple[str, str, Load]]:
        """Yield device, signal and loader of each stream."""


class FileSource:
    """Data of a finished scan, from its file; each part is read once.

    Args:
        file: returns the scan's file.
    """

    def __init__(self, file: Callable[[], RemoteFile]) -> None:
        self._file = file
        self._content: FileContent | None = None
        self._begin: Begin | None = None
        self._configuration: dict[str, Readings] | None = None
        self._aligned: AtPoints | None = None
        self._fit: Fit | None = None

    def _read(self) -> FileContent:
        if self._content is None:
            self._content = content_of(self._file())
        return self._content

    @property
    def begin(self) -> Begin:
        """See `ScanSource.begin`."""
        if self._begin is None:
            self._begin = begin_of(self._file())
        return self._begin

    @property
    def baseline(self) -> dict[str, Readings]:
        """See `ScanSource.baseline`."""
        return self._read().baseline

    @property
    def configuration(self) -> dict[str, Readings]:
        """See `ScanSource.configuration`."""
        if self._configuration is None:
            self._configuration = configuration_of(self._file())
        return dict(self._configuration)

    @property
    def units(self) -> dict[str, str]:
        """See `ScanSource.units`."""
        return self._read().units

    @property
    def fit(self) -> Fit | None:
        """See `ScanSource.fit`."""
        self._fit = self._fit or fit_of(self._file())
        return self._fit

    def points(self) -> list[Point]:
        """See `ScanSource.points`."""
        return list(self._read().points)

    def first_setpoints(self) -> Mapping[str, float]:
        """See `ScanSource.first_setpoints`."""
        return first_setpoints_of(self._file())

    def aligned(self) -> AtPoints:
        """See `ScanSource.aligned`."""
        if self._aligned is None:
            self._aligned = aligned_of(self._file())
        return self._aligned

    def streams(self) -> Iterator[tuple[str, str, Load]]:
        """See `ScanSource.streams`."""
        file = self._file()
        for device, signal in streams_in(file):
            yield device, signal, partial(stream_of, file, device, signal)


class LiveSource:
    """Data of a scan from the client's cache and the bus.

    Points of a very long scan leave the bus while it runs, and all logs expire some
    time after its end: what is missing here is read from the file.

    Args:
        record: state of the scan.
        file: the same scan's file.
    """

    def __init__(self, record: ScanRecord, file: FileSource) -> None:
        self._record = record
        self._reader = record.reader
        self._bus = record.bus
        self._file = file
        self._first = FirstPoints(record)

    @property
    def begin(self) -> Begin | None:
        """See `ScanSource.begin`."""
        if self._record.is_emptied:
            return self._file.begin
        return self._record.begin

    @property
    def baseline(self) -> dict[str, Readings]:
        """See `ScanSource.baseline`."""
        cache = self._record.track()
        if cache.first and not cache.baseline:  # it has left the bus
            written = self._first.written
            return dict(written.baseline) if written else self._file.baseline
        return dict(cache.baseline)

    @property
    def configuration(self) -> dict[str, Readings]:
        """See `ScanSource.configuration`."""
        cache = self._record.track()
        if cache.first and not cache.configuration:  # it has left the bus
            written = self._first.written
            return dict(written.configuration) if written else self._file.configuration
        return dict(cache.configuration)

    @property
    def units(self) -> dict[str, str]:
        """See `ScanSource.units`."""
        begin = self._record.begin
        if begin is not None:
            return begin.units
        return self._file.units if self._record.is_emptied else {}

    @property
    def fit(self) -> Fit | None:
        """The newest fit; after the scan's end waits for the final one, if any."""
        cache = self._record.track(points=False)
        if self._record.begin and self._record.begin.fit:
            self._record.linger(cache, "data_analysis", lambda: cache.has_final_fit)
        return cache.fit

    def points(self) -> list[Point]:
        """See `ScanSource.points`."""
        cache = self._record.track()
        with self._reader.changed:
            first, skipped, points = cache.first, cache.skipped, list(cache.points)
        if not first:
            return points
        return [*self._retaken(self._first.upto(first, skipped)), *points]

    def first_points(self, start: int, stop: int) -> Iterator[Point]:
        """Yield points `start` to `stop` (excluded) from the file, also while it grows.

        Raises:
            DeadlineError: the file writer does not answer.
            RefusedError: the file does not have them.
        """
        for at in range(start, stop, PAGE):
            yield from self._first.read(at, min(at + PAGE, stop))

    def first_page(self, start: int, stop: int) -> list[Point]:
        """Read at most `PAGE` points from `start` on, each as it was taken last."""
        return self._retaken(self._first.read(start, min(start + PAGE, stop)))

    def _retaken(self, points: list[Point]) -> list[Point]:
        """Replace points from the file that were taken again, as the bus has them."""
        cache = self._record.track()
        with self._reader.changed:
            again = dict(cache.again)
        return [again.get(point.point_id, point) for point in points]

    def first_setpoints(self) -> Mapping[str, float]:
        """See `ScanSource.first_setpoints`."""
        from bec_kernel.scan import first_setpoints  # loads numpy

        if self._record.is_emptied:
            return self._file.first_setpoints()
        begin = self._record.begin
        if begin is None:
            return {}
        return self._reader.retry(lambda: first_setpoints(self._bus, begin))

    def aligned(self) -> AtPoints:
        """See `ScanSource.aligned`."""
        if self._record.is_emptied:
            return self._file.aligned()
        begin = self._record.begin
        if begin is None:
            return AtPoints({}, {})
        return self._reader.retry(lambda: aligned(self._bus, begin))

    def streams(self) -> Iterator[tuple[str, str, Load]]:
        """See `ScanSource.streams`."""
        if self._record.is_emptied:
            yield from self._file.streams()
            return
        begin = self._record.begin
        if begin is None:
            return
        for device, signal in streams_of(self._bus, begin):
            for name in signal.stream:
                load = partial(self._stream, begin, device.name, signal, name)
                yield device.name, column(signal.name, name), load

    def _stream(
        self, begin: Begin, device: str, signal: SignalDescription, name: str
    ) -> SignalData:
        found = self._reader.retry(
            lambda: samples(self._bus, begin.scan_id, device, signal.name, name)
        )
        shown = column(signal.name, name)
        return signal_data(shown, list(found), unit_of(begin, signal))


class CurrentSource:
    """Data from the live source while it has them, then from the file.

    The choice is made at each access: logs may expire while a report exists.

    Args:
        record: state of the scan.
        live: source of a scan on the bus.
        file: source of a scan that has expired there.
    """

    def __init__(self, record: ScanRecord, live: LiveSource, file: FileSource) -> None:
        self._record = record
        self._live = live
        self._file = file

    def _source(self) -> ScanSource:
        if not self._record.track().points and self._record.is_gone:
            return self._file
        return self._live

    @property
    def begin(self) -> Begin | None:
        """See `ScanSource.begin`."""
        return self._source().begin

    @property
    def baseline(self) -> dict[str, Readings]:
        """See `ScanSource.baseline`."""
        return self._source().baseline

    @property
    def configuration(self) -> dict[str, Readings]:
        """See `ScanSource.configuration`."""
        return self._source().configuration

    @property
    def units(self) -> dict[str, str]:
        """See `ScanSource.units`."""
        return self._source().units

    @property
    def fit(self) -> Fit | None:
        """See `ScanSource.fit`; does not follow the points of a running scan."""
        found = self._live.fit
        if found is None and not self._record.track(points=False).states:
            return self._file.fit if self._record.is_gone else None
        return found

    def points(self) -> list[Point]:
        """See `ScanSource.points`."""
        return self._source().points()

    def first_setpoints(self) -> Mapping[str, float]:
        """See `ScanSource.first_setpoints`."""
        return self._source().first_setpoints()

    def aligned(self) -> AtPoints:
        """See `ScanSource.aligned`."""
        return self._source().aligned()

    def streams(self) -> Iterator[tuple[str, str, Load]]:
        """See `ScanSource.streams`."""
        return self._source().streams()


class FirstPoints:
    """The first points of a very long scan, which leave the bus while it runs.

    The file writer reads them for everybody, also from the file it is writing.
    """

    def __init__(self, record: ScanRecord) -> None:
        self._record = record
        self._columns: list[Key] | None = None
        self._points: list[Point] = []
        self._skipped = 0

    @property
    def written(self) -> Written | None:
        """How far the file is written; None: it is finished."""
        record = self._record
        return record.reader.retry(
            lambda: record.bus.get(keys.written(), record.scan_id)
        )

    def read(self, start: int, stop: int) -> list[Point]:
        """Read the points `start` to `stop` (excluded).

        Raises:
            DeadlineError: the file writer does not answer for longer than `PATIENCE`.
            RefusedError: the file cannot be read.
        """
        return self._with_patience(lambda: self._read(start, stop))

    def _read(self, start: int, stop: int) -> list[Point]:
        if (written := self.written) is not None:
            columns = [(device, signal) for device, signal, *_ in written.columns]
            return points_of(self._record.hdf5, columns, start, stop)
        file = self._record.hdf5
        if self._columns is None:
            self._columns, _ = columns_of(file)
        return points_of(file, self._columns, start, stop)

    def _with_patience(self, look: Callable[[], T]) -> T:
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                return look()
            except (DeadlineError, RefusedError):
                if time.monotonic() > deadline or self._record.reader.closed:
                    raise
            threading.Event().wait(_PAUSE)

    def upto(self, stop: int, skipped: int) -> list[Point]:
        """Return all points before `stop`; each is read once.

        Args:
            stop: last `point_id` + 1.
            skipped: see `ScanCache.skipped`: when it changes, points that were read
                before may have been taken again, and all are read anew.
        """
        if skipped != self._skipped:
            self._points, self._skipped = [], skipped
        while len(self._points) < stop:
            start = len(self._points)
            self._points += self.read(start, min(start + PAGE, stop))
        return self._points[:stop]
