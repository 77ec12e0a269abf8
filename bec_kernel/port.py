"""What a bus is: places in a log, changes, and the operations on three kinds of key.

Held apart from the broker so that the in-memory bus is the same thing.
"""

import contextlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, NamedTuple, Protocol, TypeVar

from bec_kernel.errors import DecodeError
from bec_kernel.wire import Inbox, Latest, Log

M = TypeVar("M")
A = TypeVar("A")


class Id(NamedTuple):
    """Place of an entry in a log."""

    major: int
    minor: int = 0

    def __str__(self) -> str:
        """Return it as the broker writes it."""
        return f"{self.major}-{self.minor}"

    @classmethod
    def parse(cls, raw: bytes | str) -> "Id":
        """Return the id in `raw`, as the broker writes it."""
        text = raw.decode() if isinstance(raw, bytes) else raw
        major, _, minor = text.partition("-")
        return cls(int(major), int(minor or 0))

    @classmethod
    def of(cls, index: int) -> "Id":
        """Return the id of the entry with this index in a dense log."""
        return cls(index + 1, 0)

    @property
    def index(self) -> int:  # type: ignore[override]
        """Index of the entry, in a dense log."""
        return self.major - 1


START = Id(0, 0)


@dataclass(frozen=True, slots=True)
class Entry(Generic[M]):
    """One entry of a log."""

    id: Id
    message: M


@dataclass(frozen=True, slots=True)
class Fence:
    """Proof of who one is in this life: a commit with an old token is refused."""

    key: Latest[str]
    token: int


@dataclass(frozen=True, slots=True)
class Append(Generic[M]):
    """Append `message` to `log`.

    Attributes:
        log: where.
        message: what.
        id: its place; None: the broker gives one (a log with many writers).
        dense: refuse a hole before it.
        keep: trim the log to about this many entries; 0: never.
    """

    log: Log[M]
    message: M
    id: Id | None = None
    dense: bool = False
    keep: int = 0


@dataclass(frozen=True, slots=True)
class Put(Generic[M]):
    """Set `latest` (or its `field`) to `message` and wake who watches it."""

    latest: Latest[M]
    message: M
    field: str = ""


@dataclass(frozen=True, slots=True)
class Drop(Generic[M]):
    """Remove a field of `latest` and wake who watches it."""

    latest: Latest[M]
    field: str


@dataclass(frozen=True, slots=True)
class Expire:
    """Let `log` be gone from a time on; one that is not there is let be.

    Attributes:
        log: which.
        at: s since the epoch, the broker's clock. Saying it twice changes nothing.
    """

    log: Log[Any]
    at: float


Change = Append[Any] | Put[Any] | Drop[Any] | Expire
Complaint = Callable[[str, DecodeError], None]
"""Told the key and what is wrong with an entry that was skipped."""


class Watch(Protocol):
    """Wakes when one of the watched values may have changed."""

    def wait(self, timeout: float) -> bool:
        """Wait at most `timeout` s; say whether something was put meanwhile."""
        ...


class Bus(Protocol):
    """What a service or a client does with the broker; the double does the same."""

    user: str

    def commit(self, changes: Sequence[Change], fence: Fence | None = None) -> list[Id]:
        """Make all changes or none; return the id of each append, in order.

        An entry that stands there already, equal to the byte, is not added again.

        Raises:
            FencedError: the token is not the newest one.
            ConflictError: another entry stands there, or one is missing before it.
            BrokerError: the broker is gone; whether it was done is unknown.
        """
        ...

    def read(self, log: Log[M], after: Id = START, limit: int = 1000) -> list[Entry[M]]:
        """Return up to `limit` entries behind `after`."""
        ...

    def last(self, log: Log[M]) -> Entry[M] | None:
        """Return the last entry."""
        ...

    def tail(self, log: Log[M], limit: int) -> list[Entry[M]]:
        """Return the last `limit` entries, in order."""
        ...

    def follow(
        self, positions: Mapping[Log[Any], Id], timeout: float, limit: int = 1000
    ) -> list[tuple[Log[Any], list[Entry[Any]]]]:
        """Return what is behind the positions; wait at most `timeout` s for any.

        Where nothing is followed nothing comes.
        """
        ...

    def get(self, latest: Latest[M], field: str = "") -> M | None:
        """Return the value, or None."""
        ...

    def get_all(self, latest: Latest[M]) -> dict[str, M]:
        """Return all fields of a value that has fields."""
        ...

    def watch(self, *latest: Latest[Any]) -> contextlib.AbstractContextManager[Watch]:
        """Watch values: look first, then wait, then look again."""
        ...

    def ask(self, inbox: Inbox[M, A], request: M) -> Id:
        """Append a request to an inbox of one's own.

        Raises:
            RefusedError: something in it cannot travel, or it is too large.
        """
        ...

    def acquire(
        self, lease: Latest[str], fence: Latest[str], holder: str, ttl: float
    ) -> int | None:
        """Take a free lease for `ttl` s; return a token above all before it."""
        ...

    def renew(self, lease: Latest[str], holder: str, ttl: float) -> bool:
        """Keep a lease for another `ttl` s; False when it is not ours any more."""
        ...

    def release(self, lease: Latest[str], holder: str) -> None:
        """Give a lease back, if `holder` has it."""
        ...

    def close(self) -> None:
        """Close all connections."""
        ...
