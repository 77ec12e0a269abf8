"""Read a scan's logs for its card: one thread per running card."""

import contextlib
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from bec_kernel.bus import Bus
from bec_kernel.bus.changes import START, Id
from bec_kernel.errors import BecError, BrokerError
from bec_kernel.wire import Begin, Log, Point, keys
from bec_live.views.card_state import CardState

RATE = 20.0
"""Maximum number of updates of the card per second."""

LAST_WORDS = 10.0
"""Time after the scan's end to wait for its last point and its fit, s."""

ASK = 2.0
"""Interval of looks at the scan's place in the queue, s: each reads all items."""

WAIT = 0.5
"""Longest single wait for something new, s."""

Earlier = Callable[[int, int], Iterable[Point]]
"""Reads points that have left the bus: from the first `point_id` up to the second."""


def _none(_start: int, _stop: int) -> Iterable[Point]:
    """Read no points."""
    return ()


class ScanFeed:
    """Follows one scan's logs and calls `show` with its state, at most 20 times per s.

    `show` runs in the feed's thread. The feed starts with the entries already in the
    logs; points that have left them are read by `earlier`. `waits` returns the place in
    the queue; it is called until the logs have entries.
    """

    def __init__(
        self,
        bus: Bus,
        scan_id: str,
        show: Callable[[CardState], None],
        hints: Mapping[str, Sequence[str]] | None = None,
        *,
        waits: Callable[[], str] = lambda: "",
        earlier: Earlier = _none,
    ) -> None:
        self.state = CardState(hints=hints or {})
        self._waits = waits
        self._next_look = 0.0  # monotonic, s
        self.ended = threading.Event()
        self._reader = LogReader(bus, scan_id, self.state, earlier)
        self._show = show
        self._stop = threading.Event()
        name = f"bec-card-{scan_id[:8]}"
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread; `show` is not called after that."""
        self._stop.set()
        self._thread.join(WAIT + LAST_WORDS)

    def _run(self) -> None:
        until = None
        while not self._stop.is_set() and not self.state.is_complete:
            began = time.monotonic()
            try:
                news = self._reader.read(WAIT) or self._wait()
            except BrokerError:
                self._stop.wait(WAIT)  # the scan continues while the broker is away
                continue
            if news:
                self._show(self.state)
            if self.state.is_final:
                until = until or began + LAST_WORDS
                if time.monotonic() > until:
                    break
            self._stop.wait(max(0.0, began + 1 / RATE - time.monotonic()))
        self.ended.set()

    def _wait(self) -> bool:
        """Update the place in the queue of a waiting scan; True if it has changed."""
        if self.state.begin is not None or self.state.state:
            return False
        if time.monotonic() < self._next_look:
            return False
        self._next_look = time.monotonic() + ASK
        before, self.state.waits = self.state.waits, self._waits()
        return self.state.waits != before


class LogReader:
    """Reads new entries of one scan into its state."""

    def __init__(
        self, bus: Bus, scan_id: str, state: CardState, earlier: Earlier = _none
    ) -> None:
        self._bus = bus
        self._state = state
        self._earlier = earlier
        self._steps = keys.steps(scan_id)
        followed: list[Log[Any]] = [
            keys.states(scan_id),
            keys.points(scan_id),
            keys.fits(scan_id),
            keys.files(scan_id),
        ]
        self._at: dict[Log[Any], Id] = dict.fromkeys(followed, START)

    def read(self, timeout: float) -> bool:
        """Read new entries, waiting at most `timeout` s; True if there were any."""
        news = self._state.begin is None and self._begin(timeout)
        if self._state.begin is None:
            return news
        found = self._bus.follow(self._at, 0.001 if news else timeout)
        for log, entries in found:
            for entry in entries:
                self._take(entry.message)
            self._at[log] = entries[-1].id
        return news or bool(found)

    def _take(self, message: Any) -> None:
        if isinstance(message, Point) and message.point_id > self._state.next_point:
            with contextlib.suppress(BecError):  # the card shows the points it has
                start, stop = self._state.next_point, message.point_id
                for point in self._earlier(start, stop):
                    self._state.take(point)
        if message is not None:
            self._state.take(message)

    def _begin(self, timeout: float) -> bool:
        found = self._bus.follow({self._steps: START}, timeout, limit=1)
        for _, entries in found:
            if isinstance(entries[0].message, Begin):
                self._state.take(entries[0].message)
        return bool(found)


def read_scan(
    bus: Bus,
    scan_id: str,
    hints: Mapping[str, Sequence[str]] | None = None,
    earlier: Earlier = _none,
) -> CardState:
    """Return a scan's state from the logs; `earlier` reads points that left them."""
    state = CardState(hints=hints or {})
    reader = LogReader(bus, scan_id, state, earlier)
    while reader.read(0.001):
        pass
    return state
