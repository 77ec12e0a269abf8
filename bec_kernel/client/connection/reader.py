"""The client's one reader thread: follows logs, caches messages, wakes waiters."""

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from bec_kernel.bus import Bus, Entry, Gathering, backoff, decode, encode_ask, pages
from bec_kernel.bus.changes import START, Id
from bec_kernel.client.connection.scan_cache import ScanCache
from bec_kernel.errors import (
    BecError,
    BrokerError,
    DeadlineError,
    DecodeError,
    RefusedError,
)
from bec_kernel.wire import Inbox, Item, Log, Reply, Taken, keys

T = TypeVar("T")

SLICE = 0.25
"""Longest block on the bus, s: a log added meanwhile is read after that."""
AWAY = 10.0
"""Longest time to retry while the broker is away, s."""
_TOGETHER = 4
"""Points of a fast scan that are collected before waiters are woken."""
_BACKOFF = (0.02, 1.0)
_BEHIND = Id(2**63)
"""An id after all entries of a log."""


class Reader:
    """Follows replies, ended items and the scans that reports look at.

    Attributes:
        changed: condition whose lock guards all caches; notified after each change.
        connections: number of times the broker came back.
    """

    def __init__(self, bus: Bus) -> None:
        self.changed = threading.Condition()
        self.connections = 0
        self._bus = bus
        self._positions: dict[Log[Any], Id] = {}
        self._tracks: dict[str, ScanCache] = {}
        self._expected: dict[str, Reply | None] = {}
        self._lost: BrokerError | None = None
        self._failure: Exception | None = None
        self._closed = threading.Event()
        self._gathering = Gathering(bus)
        self.follow(keys.scan_asks(bus.user).replies)
        self.follow(keys.items_done())
        self.follow(keys.scans())
        self._thread = threading.Thread(
            target=self._run, name="bec reader", daemon=True
        )
        self._thread.start()

    def follow(self, log: Log[Any]) -> None:
        """Follow new entries of `log` from now on, if it is not followed yet."""
        with self.changed:
            if log in self._positions:
                return
        last = self._bus.last(log)
        with self.changed:
            self._positions.setdefault(log, last.id if last else START)

    def track(self, scan_id: str, *, points: bool = True) -> ScanCache:
        """Return the cache of a scan, kept up to date until the scan has ended."""
        with self.changed:
            track = self._tracks.setdefault(scan_id, ScanCache(scan_id))
            track.follow(points=points)
        return track

    def await_begin(self, scan_id: str) -> ScanCache:
        """Return the cache of a scan that is about to be requested."""
        with self.changed:
            track = self._tracks.setdefault(scan_id, ScanCache(scan_id))
            track.await_begin()
        return track

    def expect_no_fit(self, track: ScanCache) -> None:
        """Stop waiting for the fit of a scan that is not fitted."""
        with self.changed:
            track.expect_no_fit()

    def forget(self, scan_id: str) -> None:
        """Stop following a scan."""
        with self.changed:
            self._tracks.pop(scan_id, None)

    def catch_up(self, track: ScanCache) -> None:
        """Read what is on the bus already into the cache."""
        for log in list(track.positions):
            at = track.positions.get(log, _BEHIND)
            for page in pages(self._bus, log, at):
                with self.changed:
                    track.store(log, page)
                    self.changed.notify_all()

    @contextlib.contextmanager
    def expect(self, request_id: str) -> Iterator[Callable[[], Reply | None]]:
        """Store the reply to a request; the yielded function returns it or None."""
        with self.changed:
            self._expected[request_id] = None
        try:
            yield lambda: self._expected[request_id]
        finally:
            with self.changed:
                del self._expected[request_id]

    def wait_for(self, ready: Callable[[], T], what: str, timeout: float) -> T:
        """Wait until `ready` returns a true value, and return that.

        Args:
            ready: looks at a cache; called with `changed` held.
            what: name of what is awaited, for the error.
            timeout: s.

        Raises:
            DeadlineError: `ready` was not true within `timeout`.
            BrokerError: the connection was closed, or the broker does not allow it.
        """
        deadline = time.monotonic() + timeout
        with self.changed:
            while not (found := ready()):
                self._check(what)
                left = deadline - time.monotonic()
                if left <= 0:
                    why = f"; {self._lost}" if self._lost else ""
                    raise DeadlineError(
                        f"{what} did not come within {timeout:.3g} s{why}"
                    )
                self.changed.wait(left)
        return found

    def retry(self, look: Callable[[], T], timeout: float = AWAY) -> T:
        """Call `look` and return its result; repeat while the broker is away.

        Raises:
            BrokerError: it stays away for `timeout` s, or does not allow the access.
        """
        deadline = time.monotonic() + timeout
        while True:
            connections = self.connections
            try:
                return look()
            except BrokerError as error:
                left = deadline - time.monotonic()
                if left <= 0 or error.subject == "acl":
                    raise
            with contextlib.suppress(DeadlineError):
                self.wait_for(
                    lambda: self.connections != connections,  # noqa: B023
                    "the broker",
                    min(left, 0.1),
                )

    def _check(self, what: str) -> None:
        if self._failure is not None:
            raise self._failure
        if self._closed.is_set():
            raise BrokerError(f"the connection was closed while waiting for {what}")

    @property
    def closed(self) -> bool:
        """Whether this program has closed the connection."""
        return self._closed.is_set()

    def close(self) -> None:
        """End the thread; callers of `wait_for` get an error."""
        self._closed.set()
        with self.changed:
            self.changed.notify_all()
        self._bus.close()
        if self._thread is not threading.current_thread():
            self._thread.join(timeout=5.0)

    # --- the thread -----------------------------------------------------------------
    def _run(self) -> None:
        failures = 0
        while not self._closed.is_set():
            try:
                self._read()
                failures = 0
            except BrokerError as error:
                if error.subject == "acl":
                    self._fail(error)
                    return
                self._lose(error)
                failures += 1
                self._closed.wait(backoff(failures, *_BACKOFF))
            except Exception as error:  # noqa: BLE001 - raised by wait_for
                self._fail(error)
                return

    def _step_back(self) -> None:
        """Go back to what a restarted broker still has: it may have lost entries."""
        for log in list(self._positions):
            last = self._bus.last(log)
            with self.changed:
                at = last.id if last else START
                self._positions[log] = min(self._positions[log], at)

    def _read(self) -> None:
        points: dict[Log[Any], int] = {}
        if self._lost:
            self._step_back()
        with self.changed:
            positions = dict(self._positions)
            for track in list(self._tracks.values()):
                if track.is_complete:
                    del self._tracks[track.scan_id]
                positions |= track.positions
                if track.positions:
                    points[keys.points(track.scan_id)] = _TOGETHER
        found = self._gathering.follow(positions, SLICE, gather=points)
        with self.changed:
            if self._lost:
                self._lost = None
                self.connections += 1
            for log, entries in found:
                self._store(log, entries)
            self.changed.notify_all()

    def _store(self, log: Log[Any], entries: list[Entry[Any]]) -> None:
        if log not in self._positions:
            for track in self._tracks.values():
                track.store(log, entries)
            return
        self._positions[log] = entries[-1].id
        for entry in entries:
            match entry.message:
                case Reply() as reply if reply.request_id in self._expected:
                    self._expected[reply.request_id] = reply
                case (Item() | Taken()) as item if item.scan_id in self._tracks:
                    self._tracks[item.scan_id].take(item)

    def _lose(self, error: BrokerError) -> None:
        with self.changed:
            self._lost = error
            self.changed.notify_all()

    def _fail(self, error: Exception) -> None:
        with self.changed:
            if isinstance(error, BecError):
                self._failure = error
            else:
                self._failure = BecError(f"the client's reader ended: {error!r}")
            self.changed.notify_all()


def ask(
    reader: Reader, bus: Bus, inbox: Inbox[Any, Reply], request: Any, timeout: float
) -> Reply:
    """Send a request, wait for the reply, and return it.

    It is sent again, with the same id, each time the broker comes back: services
    handle each id once.

    Raises:
        RefusedError: a value in it has a type that cannot be sent.
        DeadlineError: no answer within `timeout` s.
        BrokerError: the broker is away and does not come back in that time.
    """
    _check(request)
    what = f"the answer of {inbox.name.split('/')[1].replace('_', ' ')}"
    deadline = time.monotonic() + timeout
    reader.follow(inbox.replies)
    with reader.expect(request.request_id) as reply:
        while True:
            connections = reader.connections
            left = max(0.0, deadline - time.monotonic())
            reader.retry(lambda: bus.ask(inbox, request), left)
            reader.wait_for(
                lambda: reply() or reader.connections != connections,  # noqa: B023
                what,
                max(0.0, deadline - time.monotonic()),
            )
            if answer := reply():
                return answer


def _check(request: Any) -> None:
    """Refuse a request that the service could not decode and so would never answer."""
    try:
        decode(encode_ask(request), type(request))
    except DecodeError as error:
        what, _, where = str(error.__cause__).replace("`", "").partition(" - at $.")
        raise RefusedError(
            f"{where or type(request).__name__}: {what[:1].lower()}{what[1:]}",
            subject=where,
        ) from None


def complain_to(complaints: list[str]) -> Callable[[str, DecodeError], None]:
    """Return a callback that adds decoding errors to `complaints`, the last 100."""

    def complain(key: str, error: DecodeError) -> None:
        complaints.append(f"{key}: {error}")
        del complaints[:-100]

    return complain
