"""Pure: entry ids, and the changes that a commit can make on the bus."""

from dataclasses import dataclass
from typing import Any, Generic, NamedTuple, TypeVar

from bec_kernel.wire import Latest, Log

M = TypeVar("M")


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
class Fence:
    """Token of the life that commits: a commit with an older token is refused."""

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
    """Delete `log` at a given time; a missing log is ignored.

    Attributes:
        log: which.
        at: s since the epoch, the broker's clock. Saying it twice changes nothing.
    """

    log: Log[Any]
    at: float


@dataclass(frozen=True, slots=True)
class Trim:
    """Remove entries of `log` before a place, but never its last one.

    Appends go on as before: the last entry stays, and so the next id is known.

    Attributes:
        log: which.
        before: the first place that stays.
        since: the first place that goes; what is before it stays, too.
    """

    log: Log[Any]
    before: Id
    since: Id = START


Change = Append[Any] | Put[Any] | Drop[Any] | Expire | Trim
