"""Doubles that are shipped: a bus in memory that passes the tests of the real one."""

import contextlib
import math
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeVar

from bec_kernel.bus import Complaint, Entry, Watch, decode, encode, encode_ask
from bec_kernel.bus.changes import (
    START,
    Append,
    Change,
    Drop,
    Expire,
    Fence,
    Id,
    Put,
    Trim,
)
from bec_kernel.errors import ConflictError, DecodeError, FencedError
from bec_kernel.wire import Inbox, Latest, Log

M = TypeVar("M")
A = TypeVar("A")


class MemoryBroker:
    """What several in-memory buses share, as processes share a broker.

    Attributes:
        now: clock of the leases, s; tests may set it.
        wall: clock at which logs expire, s since the epoch; the same.
    """

    def __init__(self) -> None:
        self.changed = threading.Condition()
        self.logs: dict[str, list[tuple[Id, bytes]]] = {}
        self.values: dict[str, dict[str, bytes]] = {}
        self.puts: dict[str, int] = {}
        self.leases: dict[str, tuple[str, float]] = {}
        self.tokens: dict[str, int] = {}
        self.now = time.monotonic
        self.wall = time.time
        self.ends: dict[str, float] = {}

    def log(self, name: str) -> list[tuple[Id, bytes]]:
        """Return the entries of a log, none once it has expired."""
        if self.ends.get(name, math.inf) <= self.wall():
            del self.ends[name]
            self.logs.pop(name, None)
        return self.logs.get(name, [])


class MemoryBus:
    """The bus without a broker: everything lies in a `MemoryBroker`."""

    def __init__(
        self,
        broker: MemoryBroker | None = None,
        user: str = "tester",
        complain: Complaint | None = None,
    ) -> None:
        self.broker = broker or MemoryBroker()
        self.user = user
        self._complain = complain or _raise

    def commit(self, changes: Sequence[Change], fence: Fence | None = None) -> list[Id]:
        """See `Bus.commit`."""
        raws = [
            encode(c.message) if isinstance(c, Append | Put) else b"" for c in changes
        ]
        with self.broker.changed:
            if fence and self.broker.tokens.get(fence.key.name, 0) != fence.token:
                raise FencedError(f"token {fence.token} is not the newest of {fence}")
            pairs = list(zip(changes, raws, strict=True))
            lasts: dict[str, Id] = {}
            same = [
                isinstance(c, Append) and self._stands(c, raw, lasts)
                for c, raw in pairs
            ]
            ids = []
            for (change, raw), done in zip(pairs, same, strict=True):
                if isinstance(change, Append):
                    ids.append(change.id if done else self._append(change, raw))
                else:
                    self._change(change, raw)
            self.broker.changed.notify_all()
        return [i for i in ids if i is not None]

    def _stands(self, change: Append[Any], raw: bytes, lasts: dict[str, Id]) -> bool:
        name = change.log.name
        entries = self.broker.log(name)
        last = lasts.get(name, entries[-1][0] if entries else START)
        if change.id is None:
            return False
        if change.id <= last:
            if dict(entries).get(change.id) == raw:
                return True
            raise ConflictError(f"{name} at {change.id}: conflict")
        if change.dense and last.major != change.id.index:
            raise ConflictError(f"{name} at {change.id}: gap")
        lasts[name] = change.id
        return False

    def _append(self, change: Append[Any], raw: bytes) -> Id:
        self.broker.log(change.log.name)
        entries = self.broker.logs.setdefault(change.log.name, [])
        last = entries[-1][0] if entries else START
        at = change.id or max(Id(time.time_ns() // 1_000_000), Id(last.major + 1))
        entries.append((at, raw))
        if change.keep:
            del entries[: -change.keep]
        return at

    def _change(self, change: Change, raw: bytes) -> None:
        if isinstance(change, Expire):
            if self.broker.log(change.log.name):
                self.broker.ends[change.log.name] = change.at
        elif isinstance(change, Trim):
            entries = self.broker.log(change.log.name)
            since, before = change.since, change.before
            entries[:-1] = [e for e in entries[:-1] if not since <= e[0] < before]
        elif isinstance(change, Put | Drop):
            self._put(change, raw)

    def _put(self, change: Put[Any] | Drop[Any], raw: bytes) -> None:
        name = change.latest.name
        values = self.broker.values.setdefault(name, {})
        if isinstance(change, Drop):
            values.pop(change.field, None)
        else:
            values[change.field] = raw
        self.broker.puts[name] = self.broker.puts.get(name, 0) + 1

    def _entries(
        self, log: Log[Any], found: list[tuple[Id, bytes]]
    ) -> list[Entry[Any]]:
        return [Entry(at, self._decode(raw, log, str(at))) for at, raw in found]

    def _decode(self, raw: bytes, key: Log[Any] | Latest[Any], where: str) -> Any:
        try:
            return decode(raw, key.type)
        except DecodeError as error:
            self._complain(f"{key.name} at {where}", error)
            return None

    def read(self, log: Log[M], after: Id = START, limit: int = 1000) -> list[Entry[M]]:
        """See `Bus.read`."""
        with self.broker.changed:
            found = [e for e in self.broker.log(log.name) if e[0] > after]
        return self._entries(log, found[:limit])

    def last(self, log: Log[M]) -> Entry[M] | None:
        """See `Bus.last`."""
        return next(iter(self.tail(log, 1)), None)

    def tail(self, log: Log[M], limit: int) -> list[Entry[M]]:
        """See `Bus.tail`."""
        with self.broker.changed:
            found = self.broker.log(log.name)[-limit:]
        return self._entries(log, found)

    def follow(
        self, positions: Mapping[Log[Any], Id], timeout: float, limit: int = 1000
    ) -> list[tuple[Log[Any], list[Entry[Any]]]]:
        """See `Bus.follow`."""

        def look() -> list[tuple[Log[Any], list[Entry[Any]]]]:
            found = ((log, self.read(log, at, limit)) for log, at in positions.items())
            return [(log, entries) for log, entries in found if entries]

        deadline = time.monotonic() + timeout
        with self.broker.changed:
            while not (found := look()):
                left = deadline - time.monotonic()
                if left <= 0 or not self.broker.changed.wait(left):
                    return look()
        return found

    def get(self, latest: Latest[M], field: str = "") -> M | None:
        """See `Bus.get`."""
        if latest.type is str:
            held: Any = self._holder(latest.name)
            return held  # type: ignore[no-any-return]
        raw = self.broker.values.get(latest.name, {}).get(field)
        if raw is None:
            return None
        value: M | None = self._decode(raw, latest, field)
        return value

    def _holder(self, name: str) -> str | None:
        with self.broker.changed:
            if name in self.broker.tokens:
                return str(self.broker.tokens[name])
            held, until = self.broker.leases.get(name, ("", 0.0))
            return held if until > self.broker.now() else None

    def get_all(self, latest: Latest[M]) -> dict[str, M]:
        """See `Bus.get_all`."""
        values = dict(self.broker.values.get(latest.name, {}))
        found = {f: self._decode(raw, latest, f) for f, raw in values.items()}
        return {field: value for field, value in found.items() if value is not None}

    @contextlib.contextmanager
    def watch(self, *latest: Latest[Any]) -> Iterator[Watch]:
        """See `Bus.watch`."""
        yield _MemoryWatch(self.broker, [one.name for one in latest])

    def ask(self, inbox: Inbox[M, A], request: M) -> Id:
        """See `Bus.ask`."""
        encode_ask(request)
        return self.commit([Append(inbox.requests, request)])[0]

    def acquire(
        self, lease: Latest[str], fence: Latest[str], holder: str, ttl: float
    ) -> int | None:
        """See `Bus.acquire`."""
        with self.broker.changed:
            now = self.broker.now()
            held, until = self.broker.leases.get(lease.name, ("", 0.0))
            if until <= now or held != holder:
                if until > now:
                    return None
                self.broker.leases[lease.name] = (holder, now + ttl)
                old = self.broker.tokens.get(fence.name, 0)
                self.broker.tokens[fence.name] = max(old + 1, time.time_ns() // 1000)
            return self.broker.tokens[fence.name]

    def renew(self, lease: Latest[str], holder: str, ttl: float) -> bool:
        """See `Bus.renew`."""
        with self.broker.changed:
            now = self.broker.now()
            held, until = self.broker.leases.get(lease.name, ("", 0.0))
            if held != holder or until <= now:
                return False
            self.broker.leases[lease.name] = (holder, now + ttl)
            return True

    def release(self, lease: Latest[str], holder: str) -> None:
        """See `Bus.release`."""
        with self.broker.changed:
            if self.broker.leases.get(lease.name, ("", 0.0))[0] == holder:
                del self.broker.leases[lease.name]
                self.broker.puts[lease.name] = self.broker.puts.get(lease.name, 0) + 1
                self.broker.changed.notify_all()

    def close(self) -> None:
        """See `Bus.close`."""


class _MemoryWatch:
    def __init__(self, broker: MemoryBroker, names: list[str]) -> None:
        self._broker = broker
        self._names = names
        self._seen = self._count()

    def _count(self) -> int:
        return sum(self._broker.puts.get(name, 0) for name in self._names)

    def wait(self, timeout: float) -> bool:
        """See `Watch.wait`."""
        with self._broker.changed:
            woken = self._broker.changed.wait_for(
                lambda: self._count() != self._seen, timeout
            )
            self._seen = self._count()
        return woken


def _raise(key: str, error: DecodeError) -> None:
    raise DecodeError(f"{key}: {error}") from error
