"""Handle of one scan or move: wait for it, stop it, look at its state and data."""

import contextlib
import threading
import warnings
from collections.abc import Callable, Iterator
from numbers import Integral
from pathlib import Path
from typing import TYPE_CHECKING, Any, Union

from bec_kernel.bus import Bus
from bec_kernel.client.connection import Reader, ScanCache
from bec_kernel.client.devices import Difference
from bec_kernel.client.scan.data import ScanData
from bec_kernel.client.scan.diff import described, difference
from bec_kernel.client.scan.plot import ScanPlot
from bec_kernel.client.scan.record import ScanRecord
from bec_kernel.client.scan.remote_file import RemoteFile
from bec_kernel.client.scan.signals import DevicesData
from bec_kernel.client.scan.source import CurrentSource, FileSource, LiveSource
from bec_kernel.client.scan.timing import Timing
from bec_kernel.client.scan.waiting import ScanWait, ended_well
from bec_kernel.errors import (
    BecError,
    DeviceError,
    RefusedError,
    ScanAborted,
)
from bec_kernel.language import ending_text, headline, main_signal, queue_place
from bec_kernel.wire import (
    Begin,
    Fit,
    ItemState,
    PastScan,
    Point,
    Readings,
    Remark,
    ScanRequest,
    ScanState,
    SignalDescription,
    Verb,
    keys,
)

if TYPE_CHECKING:
    import pandas
    import xarray

STOPPING = 10.0
"""Longest time for an interrupted scan to end before an error is raised, s."""
Act = Callable[..., None]
"""Sends a request about an item: verb, scan id, and a timeout (s); 0: do not wait for
the reply."""


class ScanReport:
    """One scan or move, live or from the past.

    A report is composed: `ScanRecord` has the state, a `ScanSource` the data (on the
    bus or in the file), `ScanData` makes tables of them. The report waits, acts and
    describes.

    Attributes:
        scan_id: unique for ever.
    """

    def __init__(
        self,
        bus: Bus,
        reader: Reader,
        act: Act,
        scan_id: str,
        *,
        request: ScanRequest | None = None,
        number: int | None = None,
    ) -> None:
        self.scan_id = scan_id
        self._bus = bus
        self._reader = reader
        self._act = act
        record = ScanRecord(bus, reader, scan_id, request=request, number=number)
        file = FileSource(lambda: record.hdf5)
        self._record = record
        self._live = LiveSource(record, file)
        self._source = CurrentSource(record, self._live, file)
        self._data = ScanData(record, self._source)
        self._wait = ScanWait(record)
        self._errors: list[BaseException] = []

    # --- state ------------------------------------------------------------------------
    @property
    def begin(self) -> Begin | None:
        """The scan's definition: first entry of its step log; None before it begins."""
        return self._record.begin

    @property
    def request(self) -> ScanRequest:
        """The request: scan name, arguments, parameters and metadata.

        Raises:
            DeadlineError: it is neither on the bus nor in the database.
        """
        return self._record.request

    @property
    def past(self) -> PastScan | None:
        """The database's row, once the scan is no longer on the bus; else None."""
        return self._record.past

    @property
    def user(self) -> str:
        """Name of the user who requested it; empty if unknown."""
        return self._record.user

    @property
    def metadata(self) -> dict[str, Any]:
        """Metadata of the request, by field."""
        return self._record.metadata

    @property
    def start_time(self) -> float | None:
        """Time it was opened, s since the epoch, device server's clock; None before."""
        return self._record.start_time

    @property
    def end_time(self) -> float | None:
        """Time it ended, s since the epoch, device server's clock; None before."""
        return self._record.end_time

    @property
    def scan_number(self) -> int | None:
        """Number of the scan; None before it has begun, and for a move."""
        return self._record.scan_number

    @property
    def total(self) -> int | None:
        """Number of points it will have; None if unknown."""
        return self._record.total

    @property
    def status(self) -> ScanState | ItemState:
        """State of the scan, or of a move's item; `pending` before it is open."""
        return self._record.status

    @property
    def reason(self) -> str:
        """Why it ended as it did, or what it waits for; else empty."""
        return self._record.reason

    @property
    def waits(self) -> str:
        """Its place in the queue: `3rd in queue primary, begins 14:02`; else empty.

        Reads the whole queue at each access.
        """
        return self._record.waits

    @property
    def is_final(self) -> bool:
        """It has ended."""
        return self._record.is_final

    @property
    def before(self) -> dict[str, float]:
        """Positions when a move began, `{"samx": 1.0}`, motor units; else empty."""
        item = self._record.item
        return dict(item.before) if item else {}

    @property
    def after(self) -> dict[str, float]:
        """Positions when a move ended, `{"samx": 2.0}`, motor units; empty before."""
        item = self._record.item
        return dict(item.after) if item else {}

    @property
    def count(self) -> int:
        """Number of points so far."""
        return self._record.count

    @property
    def file(self) -> Path | None:
        """Path of the scan's file once it is complete; None before, and for a move.

        Waits up to 30 s for the file of a scan that has just ended.
        """
        return self._record.file

    @property
    def troubles(self) -> list[str]:
        """Results that are missing because a service does not run.

        `["no file: file_writer is dead: …"]`; empty where all is complete or in work.
        """
        return self._record.troubles

    # --- data -------------------------------------------------------------------------
    @property
    def baseline(self) -> dict[str, Readings]:
        """Readings of the baseline devices; empty before they were taken.

        `{"samy": {"samy": Reading(0.5, t)}}`: by device and signal, t in s since the
        epoch.
        """
        return self._source.baseline

    @property
    def configuration(self) -> dict[str, Readings]:
        """Readings of the devices' config signals, by device and signal.

        Available with the first point. A device that could not be read is missing; an
        alarm says why.
        """
        return self._source.configuration

    @property
    def fit(self) -> Fit | None:
        """The newest fit; once the scan has ended the final one; None without a fit."""
        return self._source.fit

    @property
    def hdf5(self) -> RemoteFile:
        """Its finished file, read over the bus: no shared disk is needed.

        `report.hdf5["entry/data/samx"][10:20]` is an array of shape (10,); a group has
        `names`, a dataset `shape`, `dtype` and `attrs`.
        """
        return self._record.hdf5

    def filed_points(self, start: int, stop: int) -> Iterator[Point]:
        """Yield points from the scan's file: while it runs only those not on the bus.

        Args:
            start: first `point_id`.
            stop: last `point_id` + 1.

        Raises:
            DeadlineError: the file writer does not answer.
            RefusedError: the file does not have them.
        """
        return self._live.first_points(start, stop)

    def to_pandas(
        self, *, aligned: bool = False, timestamps: bool = False, timing: bool = False
    ) -> "pandas.DataFrame":
        """Return the points so far: one row per point, one column per signal.

        Args:
            aligned: add the streams, one value per point, as each signal defines it: at
                the point's middle or over its length. Rows not aligned yet are empty.
            timestamps: add a column `<signal>_timestamp` (s since the epoch) to each.
            timing: add columns `time_move` … `time_overhead`: durations of the parts
                of each point, s.
        """
        return self._data.to_pandas(
            aligned=aligned, timestamps=timestamps, timing=timing
        )

    def to_xarray(
        self, *, aligned: bool = False, timing: bool = False
    ) -> "xarray.Dataset":
        """Return the points so far over `point_id`, with units as attributes.

        Points of a grid scan that has begun have one dimension per motor, the slowest
        first: each point at its crossing, also when snaked; NaN where none was taken.
        The coordinates are the motors' setpoints; the readings of a motor `samx` are in
        `samx_readback`. `point_id` is a coordinate over the grid.

        Args:
            aligned: add the streams, one value per point; see `to_pandas`.
            timing: add variables `time_move` … `time_overhead`: durations of the parts
                of each point, s.
        """
        return self._data.to_xarray(aligned=aligned, timing=timing)

    def plot(self, y: str = "", x: str = "", *, aligned: bool = False) -> ScanPlot:
        """Plot the points so far; a notebook shows the picture.

        Args:
            y: signal to draw; "": the one that is fitted, or the first that varies.
            x: signal on the axis, or `point_id`; "": the scan's first motor.
            aligned: allow signals of streams, too.

        Raises:
            RefusedError: there is no such signal.
        """
        return self._data.plot(y, x, aligned=aligned)

    @property
    def timing(self) -> Timing:
        """Durations of the parts of its points, summed, s."""
        return self._data.timing

    @property
    def devices(self) -> DevicesData:
        """Data by device and signal; one value per point.

        `report.devices.samx.readback.value` is an array of shape (points,), or (points,
        *shape) for a signal of arrays. Baseline devices have one value. For streams see
        `async_`. `report.devices.samx.configuration` has the config signals.
        """
        return self._data.devices

    @property
    def async_(self) -> DevicesData:
        """Streams by device and signal: `report.async_.counter.stream.value`.

        One value per sample so far. Of a stream in mode `replace` only the newest; of
        `add_slice` the assembled rows. `to_pandas(aligned=True)` has one value per
        point.
        """
        return self._data.async_

    # --- comparing and annotating -----------------------------------------------------
    def diff(self, other: Union["ScanReport", int, str]) -> Difference:
        """List the differences between this scan and another one, as lines of text.

        Compared: scan name, user, parameters, metadata, baseline, devices, and the
        config signals of devices in both. `~ parameter steps: 11 -> 21`: this scan
        has 11, the other 21; `+ device samy`: only the other has it; `- device bpm4i`:
        only this one has it.

        Args:
            other: report, number or id of the other scan; -1 is the last scan.

        Raises:
            NoScanError: there is no such scan.
            NotAScanError: `other` is of another type.
        """
        if not isinstance(other, ScanReport):
            scan_id, number = self._record.history.which(other)
            bus, reader = self._bus, self._reader
            other = ScanReport(bus, reader, self._act, scan_id, number=number)
        return Difference(difference(described(self), described(other)))

    @property
    def comments(self) -> list[Remark]:
        """Comments of users, oldest first."""
        known = self._record.history.scan(self.scan_id)
        return list(known.comments) if known else []

    @property
    def tags(self) -> list[str]:
        """Tags of users; `history.find(tag=…)` finds the scan by them."""
        known = self._record.history.scan(self.scan_id)
        return list(known.tags) if known else []

    def comment(self, text: str) -> None:
        """Add a comment, visible to everyone; it cannot be removed.

        Raises:
            RefusedError: it is empty, or too long; or the database does not know the
                scan yet.
        """
        if not str(text).strip():
            raise RefusedError("a comment must not be empty", subject="comment")
        self._record.history.annotate(self.scan_id, comment=text)

    def tag(self, *words: str) -> None:
        """Add tags; each is kept once."""
        self._record.history.annotate(self.scan_id, tags=words)

    def untag(self, *words: str) -> None:
        """Remove tags, whoever added them."""
        self._record.history.annotate(self.scan_id, untag=words)

    # --- waiting ----------------------------------------------------------------------
    def wait(self, timeout: float | None = None) -> "ScanReport":
        """Wait until it has ended and all its points have arrived; return the report.

        An interrupt (Ctrl-C) aborts the scan; a second one halts it.

        Args:
            timeout: s; None: as long as it takes.

        Raises:
            ScanAborted: it ended before its last point, whoever stopped it.
            DeviceError: a move failed.
            DeadlineError: it has not ended within `timeout`, and continues; or a server
                is silent.
        """
        cache = self._record.track()
        if self.past is not None:  # it ended long ago
            return self
        try:
            self._wait.end(cache, timeout)
        except KeyboardInterrupt:
            self._interrupted(cache)
        for error in self._errors[:1]:
            warnings.warn(
                f"a callback of {self._record.title} failed: {error!r}", stacklevel=2
            )
        self._raise_if_ended_early(cache)
        return self

    def _interrupted(self, cache: ScanCache) -> None:
        """Abort, wait for the end, and raise; halt when interrupted again."""
        left = ""
        try:
            with contextlib.suppress(RefusedError):  # it has ended by itself
                self._act(Verb.ABORT, self.scan_id, STOPPING)
            self._wait.end(cache, STOPPING)
        except KeyboardInterrupt:
            self._act(Verb.HALT, self.scan_id, 0.0)
        except BecError as error:
            left = "" if cache.is_final else f"; it may still run: {error}"
        if cache.is_final and ended_well(cache):
            raise KeyboardInterrupt
        at = f" at point {cache.count}" if not self._record.is_move else ""
        raise ScanAborted(
            f"{self._record.title} stopped: interrupted{at}{left}", subject=self.scan_id
        ) from None

    def _raise_if_ended_early(self, cache: ScanCache) -> None:
        if ended_well(cache):
            return
        reason = f": {self.reason}" if self.reason else ""
        said = f"{self._record.title} {self.status}{reason}"
        if self._record.is_move and self.status is ItemState.FAILED:
            raise DeviceError(said, subject=self.scan_id)
        at = f" (after {cache.count} points)" if cache.points else ""
        raise ScanAborted(said + at, subject=self.scan_id)

    def watch(self, seen: int, timeout: float) -> int:
        """Wait at most `timeout` s for anything newer than version `seen`.

        Args:
            seen: version returned by the call before; 0 for the first call.
            timeout: s.

        Returns:
            The current version.
        """
        cache = self._record.track()
        with self._reader.changed:
            self._reader.changed.wait_for(lambda: cache.version > seen, timeout)
            return cache.version

    def points(self, timeout: float | None = None) -> Iterator[Point]:
        """Yield each complete point once, in order, as they come, until the scan ends.

        `point.data` is `{"samx": {"samx": Reading(1.0, t)}}`, t in s since the epoch.
        An interrupt (Ctrl-C) while it waits aborts the scan.

        Args:
            timeout: s, for each point; None: as long as it takes.

        Raises:
            ScanAborted: it was interrupted here.
            DeadlineError: no point within `timeout`; or the first points are only in
                the file, and the file writer does not answer.
        """
        cache = self._record.track()
        if self.past is not None:
            yield from self._source.points()
            return
        at = 0
        while True:
            try:
                self._wait.point(cache, at, timeout)
            except KeyboardInterrupt:
                self._interrupted(cache)
            with self._reader.changed:
                first = cache.first
                points = cache.points[max(0, at - first) : at - first + 1]
            if at < first:  # they left the bus before they were read
                points = self._live.first_page(at, first)
            if not points:
                return
            yield from points
            at += len(points)

    def on_point(self, call: Callable[[Point], object]) -> "ScanReport":
        """Call `call` with each point, in a thread of its own; return the report.

        An exception in `call` ends the calls; `wait` shows it as a warning.
        """

        def run() -> None:
            try:
                for point in self.points():
                    call(point)
            except Exception as error:  # noqa: BLE001 - shown by wait()
                self._errors.append(error)

        name = f"bec callback {self.scan_id[:8]}"
        threading.Thread(target=run, name=name, daemon=True).start()
        return self

    # --- acting -----------------------------------------------------------------------
    def abort(self) -> None:
        """Stop it, clean up, and close its file as aborted."""
        self._request(Verb.ABORT)

    def pause(self, *, now: bool = False) -> None:
        """Pause after the current point; `now`: stop motion, repeat the point later."""
        verb = Verb.PAUSE_NOW if now else Verb.PAUSE
        self._request(verb)

    def resume(self) -> None:
        """Continue after a pause."""
        self._request(Verb.RESUME)

    def complete(self) -> None:
        """End it early but well: the file is closed as complete."""
        self._request(Verb.COMPLETE)

    def rewind(self, point: int, *, reason: str = "") -> None:
        """Go back to `point`: it and all later points are taken again as a new attempt.

        Earlier attempts stay on the bus; table, fit and file show the last attempt and
        mark it. A paused scan stays paused.

        Args:
            point: `point_id` of a point already taken.
            reason: shown to other users.

        Raises:
            RefusedError: the point was not taken yet, or the scan has ended.
        """
        taken = self.count
        if not isinstance(point, Integral) or not 0 <= point < taken:
            raise RefusedError(
                f"{self._record.title} has taken {taken} points: "
                f"it cannot go back to {point}",
                subject="point",
                value=str(point),
                allowed=f"0 to {taken - 1}" if taken else "none",
            )
        self._request(Verb.REWIND, point=int(point), reason=reason)

    def halt(self) -> None:
        """Stop it at once, without cleanup."""
        self._request(Verb.HALT)

    def _request(self, verb: Verb, **more: Any) -> None:
        """Send a request; the error for a scan that has ended names its end."""
        try:
            self._act(verb, self.scan_id, STOPPING, **more)
        except RefusedError as error:
            if error.subject != self.scan_id or not self.is_final:
                raise
            raise RefusedError(
                f"nothing to {verb}: {self._record.title} has ended: "
                f"{ending_text(str(self.status), self.reason, self.count)}",
                subject=self.scan_id,
            ) from None

    # --- text -------------------------------------------------------------------------
    def __repr__(self) -> str:
        shown = headline(self.request, self.scan_number)
        if self._record.is_move:
            return self._moved(shown)
        return f"{shown}: {ending_text(str(self.status), self.reason, self.count)}"

    def _moved(self, shown: str) -> str:
        """Format the positions after a move: `samx at 1 mm`."""
        after = self.after
        signals = self._reader.retry(lambda: {n: self._main_signal(n) for n in after})
        arrived = ", ".join(
            f"{name} at {queue_place(at, signals[name])}" for name, at in after.items()
        )
        if self.status is ItemState.COMPLETED and arrived:
            return arrived
        return f"{shown}: {self.status}{f', {arrived}' if arrived else ''}"

    def _main_signal(self, name: str) -> SignalDescription | None:
        """Look up the published description of a motor's main signal; else None."""
        users = self._bus.get(keys.users())
        for server in (users.device_servers if users else []) or ["main"]:
            device = self._bus.get(keys.devices(server), name)
            if device is not None:
                return main_signal(device)
        return None

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        printer.text(repr(self))
