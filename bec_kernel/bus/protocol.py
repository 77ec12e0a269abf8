"""Pure: The interface of a bus: operations on three kinds of key (log, value, inbox).

Both the Redis bus and the in-memory bus of the tests implement it.
"""

import contextlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from bec_kernel.bus.changes import START, Append, Change, Fence, Id, Put
from bec_kernel.errors import DecodeError
from bec_kernel.wire import Inbox, Latest, Log

M = TypeVar("M")
A = TypeVar("A")


@dataclass(frozen=True, slots=True)
class Entry(Generic[M]):
    """One entry of a log."""

    id: Id
    message: M


Complaint = Callable[[str, DecodeError], None]
"""Called with the key (and id or field) of an entry that cannot be decoded."""


class Watch(Protocol):
    """Wakes when one of the watched values may have changed."""

    def wait(self, timeout: float) -> bool:
        """Wait at most `timeout` s; say whether something was put meanwhile."""
        ...


class Bus(Protocol):
    """A connection of one user to the broker."""

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
        """Read entries behind the positions; wait at most `timeout` s for the first.

        Without positions it waits for `timeout` s and returns an empty list.
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


def append(
    bus: Bus,
    log: Log[M],
    message: M,
    id: Id | None = None,  # noqa: A002 - the broker's word
    *,
    dense: bool = False,
    keep: int = 0,
    fence: Fence | None = None,
) -> Id:
    """Append one message; see `Bus.commit`."""
    return bus.commit([Append(log, message, id, dense, keep)], fence)[0]


def put(
    bus: Bus,
    latest: Latest[M],
    message: M,
    field: str = "",
    *,
    fence: Fence | None = None,
) -> None:
    """Put one value; see `Bus.commit`."""
    bus.commit([Put(latest, message, field)], fence)
