"""Time as a device server sees it: the wall's, or a simulated beamline's own.

Everything that takes time in a scan (a move, an exposure, settling) is waited for on
one clock. On the wall clock a wait blocks; on the virtual one it runs the next event,
so hours of a simulated experiment pass in seconds, with the same timestamps each time.
"""

import heapq
import itertools
import threading
import time
from collections.abc import Callable, Sequence
from typing import Protocol

import structlog

_log = structlog.get_logger(__name__)

VIRTUAL_START = 1767225600.0
"""When a virtual clock starts: 2026-01-01T00:00:00Z, in seconds since the epoch."""

_JOIN_S = 2.0
"""How long a clock that is closed waits for a callback under way."""


class Stopped(Exception):  # noqa: N818 - an outcome, not a fault
    """Someone stopped what was being waited for."""


class NothingScheduled(RuntimeError):  # noqa: N818 - says it by itself
    """A virtual clock was asked to wait for something no event will bring about."""


class Status(Protocol):
    """What ophyd calls a status: an action that will be done."""

    @property
    def done(self) -> bool:
        """Whether the action is over, well or badly."""

    def add_callback(self, callback: Callable[[object], None]) -> None:
        """Call `callback` with this status when it is done, at once if it is."""

    def exception(self, timeout: float | None = None) -> BaseException | None:
        """Why the action failed, or None."""


class Timer(Protocol):
    """A call that is due later."""

    def cancel(self) -> None:
        """Do not make the call. Safe at any time, from any thread."""


class Clock(Protocol):
    """What the device server and its simulated devices know of time."""

    def time(self) -> float:
        """Now, in seconds since the epoch: what timestamps are made of."""

    def monotonic(self) -> float:
        """Seconds since some fixed moment; never jumps. For durations."""

    def call_later(self, delay_s: float, fn: Callable[[], object]) -> Timer:
        """Call `fn` in `delay_s` seconds; errors of `fn` are logged."""

    def wait(
        self,
        statuses: Sequence[Status],
        timeout_s: float,
        stop: threading.Event | None = None,
    ) -> None:
        """Return when all statuses are done; a failed status is done too.

        Raises:
            TimeoutError: after `timeout_s` seconds of this clock.
            Stopped: `stop` is set (see `wake`).
            NothingScheduled: a virtual clock has no event left that could help.
        """

    def sleep(self, seconds: float, stop: threading.Event | None = None) -> None:
        """Let `seconds` pass; what is due meanwhile is done first.

        Raises:
            Stopped: `stop` is set (see `wake`).
        """

    def wake(self) -> None:
        """Make waits look at their `stop` again: call this after setting one."""

    def close(self) -> None:
        """Make no more calls; what was due later never is."""


class _Timer:
    """An entry of a clock's heap."""

    __slots__ = ("fn",)

    def __init__(self, fn: Callable[[], object]) -> None:
        self.fn: Callable[[], object] | None = fn

    def cancel(self) -> None:
        self.fn = None

    def run(self) -> None:
        fn, self.fn = self.fn, None
        if fn is None:
            return
        try:
            fn()
        except Exception:  # noqa: BLE001 - one bad callback must not stop the clock
            _log.exception("a timer's callback failed", callback=repr(fn))


def _all_done(statuses: Sequence[Status]) -> bool:
    return all(status.done for status in statuses)


def _raise_if_set(stop: threading.Event | None) -> None:
    if stop is not None and stop.is_set():
        raise Stopped


class WallClock:
    """The real time. Timers run in one thread, started with the first of them."""

    def __init__(self) -> None:
        self._due = threading.Condition()
        self._heap: list[tuple[float, int, _Timer]] = []
        self._count = itertools.count()
        self._thread: threading.Thread | None = None
        self._closed = False
        self._changed = threading.Condition()

    def time(self) -> float:
        """Now, in seconds since the epoch."""
        return time.time()

    def monotonic(self) -> float:
        """Seconds since some fixed moment."""
        return time.monotonic()

    def call_later(self, delay_s: float, fn: Callable[[], object]) -> Timer:
        """Call `fn` in `delay_s` seconds, in the clock's thread."""
        timer = _Timer(fn)
        when = time.monotonic() + delay_s
        with self._due:
            heapq.heappush(self._heap, (when, next(self._count), timer))
            if self._closed:
                return timer
            if self._thread is None:
                self._thread = threading.Thread(
                    target=self._run, name="wall-clock", daemon=True
                )
                self._thread.start()
            elif self._heap[0][2] is timer:
                self._due.notify()
        return timer

    def wait(
        self,
        statuses: Sequence[Status],
        timeout_s: float,
        stop: threading.Event | None = None,
    ) -> None:
        """Block until all statuses are done; see `Clock.wait`."""
        if _all_done(statuses):
            return
        for status in statuses:
            if not status.done:
                status.add_callback(self._notify)
        if not self._block(timeout_s, stop, lambda: _all_done(statuses)):
            raise TimeoutError

    def sleep(self, seconds: float, stop: threading.Event | None = None) -> None:
        """Block for `seconds`; see `Clock.sleep`."""
        self._block(seconds, stop, lambda: False)

    def wake(self) -> None:
        """Make waits look at their `stop` again."""
        with self._changed:
            self._changed.notify_all()

    def close(self) -> None:
        """End the thread of the timers, if there is one."""
        with self._due:
            self._closed = True
            thread = self._thread
            self._due.notify()
        if thread is not None and thread is not threading.current_thread():
            thread.join(_JOIN_S)

    def _notify(self, _: object) -> None:
        self.wake()

    def _block(
        self, seconds: float, stop: threading.Event | None, is_over: Callable[[], bool]
    ) -> bool:
        deadline = time.monotonic() + seconds
        with self._changed:
            while True:
                _raise_if_set(stop)
                if is_over():
                    return True
                remaining = deadline - time.monotonic()
                if remaining <= 0:
                    return False
                self._changed.wait(min(remaining, threading.TIMEOUT_MAX))

    def _run(self) -> None:
        while (timer := self._next_due()) is not None:
            timer.run()

    def _next_due(self) -> _Timer | None:
        with self._due:
            while not self._closed:
                if not self._heap:
                    self._due.wait()
                    continue
                when, _, timer = self._heap[0]
                remaining = when - time.monotonic()
                if remaining <= 0 or timer.fn is None:
                    heapq.heappop(self._heap)
                    return timer
                self._due.wait(min(remaining, threading.TIMEOUT_MAX))
        return None


class VirtualClock:
    """A time that passes only while someone waits, from one event to the next.

    Nothing runs by itself: whoever waits runs the events, in order of their time and,
    at the same time, in the order they were asked for. Several threads may wait; one
    event runs at a time.

    Attributes:
        start: What `time` says before anything happened, seconds since the epoch.
        moved: Told the time whenever it has moved on, so that it may be kept.
    """

    def __init__(
        self,
        start: float = VIRTUAL_START,
        moved: Callable[[float], None] = lambda _: None,
    ) -> None:
        self.start = start
        self._moved = moved
        # Counted from zero: next to the epoch a double resolves only 0.2 µs.
        self._elapsed = 0.0
        self._heap: list[tuple[float, int, _Timer]] = []
        self._count = itertools.count()
        self._lock = threading.Lock()
        self._driving = threading.RLock()

    def time(self) -> float:
        """Now, in seconds since the epoch."""
        return self.start + self._elapsed

    def monotonic(self) -> float:
        """Seconds since the clock's start."""
        return self._elapsed

    def call_later(self, delay_s: float, fn: Callable[[], object]) -> Timer:
        """Call `fn` when `delay_s` seconds have passed on this clock."""
        timer = _Timer(fn)
        with self._lock:
            when = self._elapsed + max(delay_s, 0.0)
            heapq.heappush(self._heap, (when, next(self._count), timer))
        return timer

    def wait(
        self,
        statuses: Sequence[Status],
        timeout_s: float,
        stop: threading.Event | None = None,
    ) -> None:
        """Run events until all statuses are done; see `Clock.wait`."""
        if _all_done(statuses):
            return
        deadline = self._elapsed + timeout_s
        while True:
            _raise_if_set(stop)
            with self._driving:
                if _all_done(statuses):
                    return
                when = self._peek()
                if when is None:
                    raise NothingScheduled(
                        "waiting on a virtual clock for something that no scheduled "
                        "event will finish; only simulated devices can be waited for"
                    )
                if when > deadline:
                    self._move_to(deadline)
                    raise TimeoutError
                self._run_next()

    def sleep(self, seconds: float, stop: threading.Event | None = None) -> None:
        """Run what is due within `seconds`, then be that much later."""
        end = self._elapsed + max(seconds, 0.0)
        while True:
            _raise_if_set(stop)
            with self._driving:
                when = self._peek()
                if when is None or when > end:
                    self._move_to(end)
                    return
                self._run_next()

    def wake(self) -> None:
        """Nothing to do: a wait looks at its `stop` before each event."""

    def close(self) -> None:
        """Forget what was due."""
        with self._lock:
            self._heap.clear()

    def _peek(self) -> float | None:
        with self._lock:
            while self._heap and self._heap[0][2].fn is None:
                heapq.heappop(self._heap)
            return self._heap[0][0] if self._heap else None

    def _run_next(self) -> None:
        with self._lock:
            when, _, timer = heapq.heappop(self._heap)
        self._move_to(when)
        timer.run()

    def _move_to(self, elapsed: float) -> None:
        # An event may itself have waited and brought the clock further.
        self._elapsed = max(self._elapsed, elapsed)
        self._moved(self.time())
