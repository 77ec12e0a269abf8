"""What is known of one scan, live or from the past: request, state, data."""

import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bec_kernel.bus import Bus
from bec_kernel.bus.changes import START
from bec_kernel.client.connection import Reader, ScanCache, lacking
from bec_kernel.client.history import Past
from bec_kernel.client.queue import place_in_queue, why_waits
from bec_kernel.errors import DeadlineError
from bec_kernel.language import summary
from bec_kernel.wire import (
    Begin,
    FileDone,
    Fit,
    Item,
    ItemState,
    PastScan,
    Readings,
    ScanRequest,
    ScanState,
    Seal,
    StateChange,
    keys,
)

WRITING = 30.0
"""After a scan has ended its file and its last fit may take so long, s."""


class ScanRecord:
    """One scan or move as the bus tells of it.

    Attributes:
        scan_id: unique for ever.
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
        self._bus = bus
        self._reader = reader
        self._request = request
        self._begin: Begin | None = None
        self._known: ScanCache | None = None
        self._number = number
        self._patient = True  # with the writer and the analysis, once
        self._past = Past(bus, reader)
        self._remembered: PastScan | None = None
        self._sought = False
        self._is_own = request is not None
        if request is not None:
            self._known = reader.await_begin(scan_id)

    # --- what it is -------------------------------------------------------------------
    @property
    def begin(self) -> Begin | None:
        """First entry of its step log; None before it has begun."""
        if self._begin is None:
            log = keys.steps(self.scan_id)
            first = self._reader.retry(lambda: self._bus.read(log, START, 1))
            if first and isinstance(first[0].message, Begin):
                self._begin = first[0].message
        return self._begin

    @property
    def request(self) -> ScanRequest:
        """What was asked for.

        Raises:
            DeadlineError: it is not on the bus any more.
        """
        if self._request is None:
            waiting = self._reader.retry(
                lambda: self._bus.get(keys.items(), self.scan_id)
            )
            known = waiting or self.begin
            self._request = known.request if known else self._asked_once()
        return self._request

    def _asked_once(self) -> ScanRequest:
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
    def past(self) -> PastScan | None:
        """What the database knows, once the scan is no longer on the bus; else None."""
        if not self._sought and self._reader.retry(self._is_off_the_bus):
            return self._look_back()
        return self._remembered

    def _look_back(self) -> PastScan | None:
        """Return what the database knows; it is asked once."""
        if not self._sought:
            self._sought = True
            with contextlib.suppress(DeadlineError):  # then nobody knows
                self._remembered = self._reader.retry(
                    lambda: self._past.scan(self.scan_id)
                )
            self._leave()
        return self._remembered

    def _leave(self) -> None:
        """Follow a scan no more that the database knows: nothing comes on its logs."""
        if self._remembered is not None:
            self._reader.forget(self.scan_id)

    def _is_off_the_bus(self) -> bool:
        """Look again: logs expire, also while somebody holds a report.

        One's own scan was followed from its start, and what was told is here.
        """
        if self._is_own or (self._known is not None and self._known.states):
            return False
        if self._bus.read(keys.steps(self.scan_id), START, 1):
            return False
        return self._bus.get(keys.items(), self.scan_id) is None

    @property
    def user(self) -> str:
        """Who asked for it."""
        if self.begin is not None:
            return self.begin.user
        item = self._reader.retry(lambda: self._bus.get(keys.items(), self.scan_id))
        if item is not None:
            return item.user
        past = self._look_back()
        return past.user if past else ""

    @property
    def metadata(self) -> dict[str, Any]:
        """What is kept with it."""
        return dict(self.request.metadata)

    @property
    def start_time(self) -> float | None:
        """When it was opened, s since the epoch, device server's clock."""
        states = self._track(points=False).states
        if not states:
            return self.past.start_time if self.past else None
        return states[0].time or None

    @property
    def end_time(self) -> float | None:
        """When it ended, the same; None before."""
        states = self._track(points=False).states
        if not states:
            return self.past.end_time if self.past else None
        return (states[-1].time or None) if states[-1].state.is_final else None

    @property
    def scan_number(self) -> int | None:
        """Counted for people; None before it has begun, and for a move."""
        if self._told_number() is None and self.begin:
            self._number = self.begin.scan_number
        elif self._told_number() is None and self.past:
            self._number = self.past.number
        return self._told_number()

    def _told_number(self) -> int | None:
        """The number, without asking the bus."""
        if self._number is None and self._known:
            self._number = self._known.number
        return self._number

    @property
    def total(self) -> int | None:
        """How many points it will have; None where nobody knows."""
        if self.begin is None or not self.begin.shape:
            return None
        total = 1
        for size in self.begin.shape:
            total *= size
        return total

    # --- how it goes ------------------------------------------------------------------
    @property
    def status(self) -> ScanState | ItemState:
        """Its state; `pending` before it is open, an item's state where it has none."""
        state = self._state()
        track = self._track(points=False)
        if state is not None and not self._is_move:
            return state.state
        if track.item is not None:
            return track.item.state
        item = self._reader.retry(lambda: self._bus.get(keys.items(), self.scan_id))
        if item is None and self.past:
            return ScanState(self.past.state)
        return item.state if item and self._is_move else ItemState.PENDING

    @property
    def reason(self) -> str:
        """Why it ended so, or what it waits for; empty when there is nothing to say."""
        state = self._state()
        if state is not None:
            return state.message or state.reason
        item = self._track(points=False).item
        if item is not None:
            return item.reason
        if self.past:
            return self.past.reason
        return self._reader.retry(lambda: why_waits(self._bus, self.scan_id))

    @property
    def waits(self) -> str:
        """Its place while it waits: `3rd in queue primary, begins 14:02`; else empty.

        Looks at the whole queue.
        """
        return self._reader.retry(lambda: place_in_queue(self._bus, self.scan_id))

    @property
    def is_final(self) -> bool:
        """It has ended."""
        track = self._track(points=False)
        return track.is_final or (not track.states and self.past is not None)

    def _state(self) -> StateChange | None:
        states = self._track(points=False).states
        return states[-1] if states else None

    # --- of a move --------------------------------------------------------------------
    @property
    def before(self) -> dict[str, float]:
        """Where the motors of a move were when it began, motor units; else empty."""
        item = self._item()
        return dict(item.before) if item else {}

    @property
    def after(self) -> dict[str, float]:
        """Where they were when it ended, motor units; empty before that."""
        item = self._item()
        return dict(item.after) if item else {}

    def _item(self) -> Item | None:
        """What is known of it in its queue: as it ended, or as it is."""
        ended = self._track(points=False).item
        if ended is not None:
            return ended
        return self._reader.retry(lambda: self._bus.get(keys.items(), self.scan_id))

    @property
    def _is_move(self) -> bool:
        return self.request.name == "mv"

    def _track(self, *, points: bool = True) -> ScanCache:
        track = self._known
        if track is None or (points and not track.has_points):
            new = self._reader.track(self.scan_id, points=points)
            self._known = track = new
            self._reader.retry(lambda: self._reader.catch_up(new))
            if new.is_final and self.begin and not self.begin.fit:
                self._reader.expect_no_fit(new)
            self._leave()
        return track

    # --- data -------------------------------------------------------------------------
    @property
    def baseline(self) -> dict[str, Readings]:
        """Readings of the baseline devices, by device; empty before they were taken."""
        return dict(self._track().baseline)

    @property
    def configuration(self) -> dict[str, Readings]:
        """How its devices were set up: readings of their config signals, by device.

        Known with the first point. A device that could not tell is not there: an alarm
        has said why.
        """
        return dict(self._track().configuration)

    @property
    def fit(self) -> Fit | None:
        """The newest fit; of a scan that has ended the final one, if any."""
        track = self._track(points=False)
        if self.begin and self.begin.fit:
            self._linger(track, "data_analysis", lambda: track.has_final_fit)
        return track.fit

    @property
    def file(self) -> Path | None:
        """Path of the scan's file once it is complete; None before, and for a move."""
        track = self._track(points=False)
        if self.scan_number is not None:
            self._linger(track, "file_writer", lambda: track.file is not None)
        done: FileDone | None = track.file
        if done is None and self.past and self.past.file:
            return Path(self.past.file)
        return Path(done.path) if done else None

    def _linger(self, track: ScanCache, role: str, there: Callable[[], bool]) -> None:
        """Wait briefly for what a service does after a scan's end, if one does it."""
        if there() or not track.is_final:
            return
        alive = self._patient and not self._lacking(role)
        with self._reader.changed:
            if alive:
                self._patient = self._reader.changed.wait_for(there, WRITING)
        if not there():
            self._reader.catch_up(track)

    def _lacking(self, role: str) -> str:
        return self._reader.retry(lambda: lacking(self._bus, role))

    @property
    def troubles(self) -> list[str]:
        """What is not there because nobody does it: `no file: file_writer is dead: …`.

        Empty where all is there, or is still being done.
        """
        track = self._track(points=False)
        if self.scan_number is None or not track.is_final:
            return []
        lacks = {} if track.file else {"file": "file_writer"}
        if self.begin and self.begin.fit and not track.has_final_fit:
            lacks["fit"] = "data_analysis"
        whys = {what: self._lacking(role) for what, role in lacks.items()}
        return [f"no {what}: {why}" for what, why in whys.items() if why]

    @property
    def _title(self) -> str:
        if self._is_move:
            return summary(self.request)
        number = self._told_number()
        return f"Scan {number}" if number is not None else f"Scan {self.request.name}"

    @property
    def count(self) -> int:
        """How many points there are so far."""
        track = self._known
        if track is not None and track.has_points and track.states:
            return track.count
        past = self.past
        if past is None:
            last = self._reader.retry(lambda: self._bus.last(keys.points(self.scan_id)))
            if last is not None:
                seal = last.message
                return seal.points if isinstance(seal, Seal) else last.id.major
            self._track()  # it has none yet, or they expired meanwhile
            past = self.past
        return past.points or 0 if past else 0
