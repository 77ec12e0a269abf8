"""State of one scan or move: what was requested, how it runs, how it ended."""

import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bec_kernel.bus import Bus
from bec_kernel.bus.changes import START
from bec_kernel.client.connection import Reader, ScanCache, lacking
from bec_kernel.client.history import Past
from bec_kernel.client.queue import place_in_queue, why_waits
from bec_kernel.client.scan.remote_file import RemoteFile
from bec_kernel.errors import DeadlineError
from bec_kernel.language import summary
from bec_kernel.scan import total_points
from bec_kernel.wire import (
    Begin,
    FileDone,
    Item,
    ItemState,
    PastScan,
    ScanRequest,
    ScanState,
    Seal,
    StateChange,
    keys,
)

WRITING = 30.0
"""Longest time to wait for the file and the final fit after a scan's end, s."""


class ScanRecord:
    """State of one scan or move, from the bus and, once that has expired, the database.

    The reader's `ScanCache` is the first source, then the bus itself, then the row of
    the database. Docstrings of the public values are those of `ScanReport`.

    Attributes:
        scan_id: unique for ever.
        bus: of the client.
        reader: of the client.
        history: requests to the database.
    """

    def __init__(
        self,
        bus: Bus,
        reader: Reader,
        scan_id: str,
        *,
        request: ScanRequest | None = None,
        number: int | None = None,
    ) -> None:
        self.scan_id = scan_id
        self.bus = bus
        self.reader = reader
        self.history = Past(bus, reader)
        self._request = request
        self._begin: Begin | None = None
        self._cache: ScanCache | None = None
        self._number = number
        self._may_linger = True  # until the file writer or the analysis let us wait
        self._row: PastScan | None = None
        self._looked_back = False
        self._is_own = request is not None
        if request is not None:
            self._cache = reader.await_begin(scan_id)

    # --- request ----------------------------------------------------------------------
    @property
    def begin(self) -> Begin | None:
        """See `ScanReport.begin`."""
        if self._begin is None:
            log = keys.steps(self.scan_id)
            first = self.reader.retry(lambda: self.bus.read(log, START, 1))
            if first and isinstance(first[0].message, Begin):
                self._begin = first[0].message
        return self._begin

    @property
    def cached_begin(self) -> Begin | None:
        """First entry of its step log, if it was read before; never asks the bus."""
        return self._begin

    @property
    def request(self) -> ScanRequest:
        """See `ScanReport.request`."""
        if self._request is None:
            waiting = self._queue_item()
            known = waiting or self.begin
            self._request = known.request if known else self._past_request()
        return self._request

    def _past_request(self) -> ScanRequest:
        past = self._look_back()
        if past is None:
            raise DeadlineError(
                "the scan's request is neither on the bus nor in the database",
                subject=self.scan_id,
            )
        return ScanRequest(
            request_id=past.scan_id,
            name=past.name,
            args=past.args,
            kwargs=past.kwargs,
            metadata=past.metadata,
        )

    @property
    def user(self) -> str:
        """See `ScanReport.user`."""
        if self.begin is not None:
            return self.begin.user
        item = self._queue_item()
        if item is not None:
            return item.user
        past = self._look_back()
        return past.user if past else ""

    @property
    def metadata(self) -> dict[str, Any]:
        """See `ScanReport.metadata`."""
        return dict(self.request.metadata)

    @property
    def motors(self) -> list[str]:
        """Names of the scan's motors; before it has begun the arguments as texts."""
        return self.begin.motors if self.begin else list(map(str, self.request.args))

    @property
    def is_move(self) -> bool:
        """The request is a move: it has no points, no number and no file."""
        return self.request.name == "mv"

    # --- database ---------------------------------------------------------------------
    @property
    def past(self) -> PastScan | None:
        """See `ScanReport.past`."""
        if not self._looked_back and self.reader.retry(self._is_off_the_bus):
            return self._look_back()
        return self._row

    def _look_back(self) -> PastScan | None:
        """Ask the database for the scan's row, once."""
        if not self._looked_back:
            self._looked_back = True
            with contextlib.suppress(DeadlineError):  # no database answers
                self._row = self.reader.retry(lambda: self.history.scan(self.scan_id))
            self._stop_following()
        return self._row

    def _stop_following(self) -> None:
        """Stop reading the logs of a scan from the database: they have expired."""
        if self._row is not None:
            self.reader.forget(self.scan_id)

    def _is_off_the_bus(self) -> bool:
        """Look whether the scan's logs and its item have expired.

        The logs of one's own scan were followed from the start, so everything that was
        on them is in the cache. Others are looked at each time: logs may expire while
        a report exists.
        """
        if self._is_own or (self._cache is not None and self._cache.states):
            return False
        if self.bus.read(keys.steps(self.scan_id), START, 1):
            return False
        return self.bus.get(keys.items(), self.scan_id) is None

    @property
    def is_gone(self) -> bool:
        """Its logs have expired, and the database knows its file."""
        self.track()  # loads the cache: everything may have expired since the last look
        return self.past is not None and bool(self.past.file)

    @property
    def is_emptied(self) -> bool:
        """Its logs have expired, even if the cache still has points; a file exists."""
        if self.is_gone:
            return True
        if self.track(points=False).file is None:
            return False
        log = keys.steps(self.scan_id)
        return not self.reader.retry(lambda: self.bus.read(log, START, 1))

    # --- progress ---------------------------------------------------------------------
    def track(self, *, points: bool = True) -> ScanCache:
        """Return the cache of the scan's logs, up to date, and follow it from now on.

        Args:
            points: follow the point log, too; leave it out where only the state counts.
        """
        cache = self._cache
        if cache is None or (points and not cache.has_points):
            new = self.reader.track(self.scan_id, points=points)
            self._cache = cache = new
            self.reader.retry(lambda: self.reader.catch_up(new))
            if new.is_final and self.begin and not self.begin.fit:
                self.reader.expect_no_fit(new)
            self._stop_following()
        return cache

    @property
    def start_time(self) -> float | None:
        """See `ScanReport.start_time`."""
        states = self.track(points=False).states
        if not states:
            return self.past.start_time if self.past else None
        return states[0].time or None

    @property
    def end_time(self) -> float | None:
        """See `ScanReport.end_time`."""
        states = self.track(points=False).states
        if not states:
            return self.past.end_time if self.past else None
        return (states[-1].time or None) if states[-1].state.is_final else None

    @property
    def scan_number(self) -> int | None:
        """See `ScanReport.scan_number`."""
        if self._cached_number() is None and self.begin:
            self._number = self.begin.scan_number
        elif self._cached_number() is None and self.past:
            self._number = self.past.number
        return self._cached_number()

    def _cached_number(self) -> int | None:
        """Return the scan number if it is known without asking the bus."""
        if self._number is None and self._cache:
            self._number = self._cache.number
        return self._number

    @property
    def total(self) -> int | None:
        """See `ScanReport.total`."""
        return total_points(self.begin)

    @property
    def status(self) -> ScanState | ItemState:
        """See `ScanReport.status`."""
        state = self._state()
        cache = self.track(points=False)
        if state is not None and not self.is_move:
            return state.state
        if cache.item is not None:
            return cache.item.state
        item = self._queue_item()
        if item is None and self.past:
            return ScanState(self.past.state)
        return item.state if item and self.is_move else ItemState.PENDING

    @property
    def reason(self) -> str:
        """See `ScanReport.reason`."""
        state = self._state()
        if state is not None:
            return state.message or state.reason
        item = self.track(points=False).item
        if item is not None:
            return item.reason
        if self.past:
            return self.past.reason
        return self.reader.retry(lambda: why_waits(self.bus, self.scan_id))

    @property
    def waits(self) -> str:
        """See `ScanReport.waits`."""
        return self.reader.retry(lambda: place_in_queue(self.bus, self.scan_id))

    @property
    def is_final(self) -> bool:
        """See `ScanReport.is_final`."""
        cache = self.track(points=False)
        return cache.is_final or (not cache.states and self.past is not None)

    def _state(self) -> StateChange | None:
        states = self.track(points=False).states
        return states[-1] if states else None

    @property
    def item(self) -> Item | None:
        """Its item in the queue: as it ended, or as it is now; None once expired."""
        ended = self.track(points=False).item
        return ended if ended is not None else self._queue_item()

    def _queue_item(self) -> Item | None:
        return self.reader.retry(lambda: self.bus.get(keys.items(), self.scan_id))

    @property
    def count(self) -> int:
        """See `ScanReport.count`."""
        cache = self._cache
        if cache is not None and cache.has_points and cache.states:
            return cache.count
        past = self.past
        if past is None:
            last = self.reader.retry(lambda: self.bus.last(keys.points(self.scan_id)))
            if last is not None:
                seal = last.message
                return seal.points if isinstance(seal, Seal) else last.id.major
            self.track()  # without points yet, or they have expired meanwhile
            past = self.past
        return past.points or 0 if past else 0

    # --- file -------------------------------------------------------------------------
    @property
    def file(self) -> Path | None:
        """See `ScanReport.file`."""
        cache = self.track(points=False)
        if self.scan_number is not None:
            self.linger(cache, "file_writer", lambda: cache.file is not None)
        done: FileDone | None = cache.file
        if done is None and self.past and self.past.file:
            return Path(self.past.file)
        return Path(done.path) if done else None

    @property
    def hdf5(self) -> RemoteFile:
        """See `ScanReport.hdf5`."""
        path = str(self.file or "")  # the path on the bus expires
        return RemoteFile(self.bus, self.reader, self.scan_id, path)

    def linger(self, cache: ScanCache, role: str, done: Callable[[], bool]) -> None:
        """Wait up to `WRITING` s for a service's result after a scan's end.

        Returns at once while the scan runs, if the service is not alive, or if a wait
        was in vain before.

        Args:
            cache: of the scan.
            role: of the service, as in `file_writer`.
            done: the result is in the cache; called with the reader's lock held.
        """
        if done() or not cache.is_final:
            return
        alive = self._may_linger and not self.lacking(role)
        with self.reader.changed:
            if alive:
                self._may_linger = self.reader.changed.wait_for(done, WRITING)
        if not done():
            self.reader.catch_up(cache)

    def lacking(self, role: str) -> str:
        """Say why no service of a role works; empty if one does."""
        return self.reader.retry(lambda: lacking(self.bus, role))

    @property
    def troubles(self) -> list[str]:
        """See `ScanReport.troubles`."""
        cache = self.track(points=False)
        if self.scan_number is None or not cache.is_final:
            return []
        lacks = {} if cache.file else {"file": "file_writer"}
        if self.begin and self.begin.fit and not cache.has_final_fit:
            lacks["fit"] = "data_analysis"
        whys = {what: self.lacking(role) for what, role in lacks.items()}
        return [f"no {what}: {why}" for what, why in whys.items() if why]

    @property
    def title(self) -> str:
        """Short name for messages: `Scan 12`, `Scan line_scan` or `mv samx 1`."""
        if self.is_move:
            return summary(self.request)
        number = self._cached_number()
        return f"Scan {number}" if number is not None else f"Scan {self.request.name}"
