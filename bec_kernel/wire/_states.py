"""Enums with a transition table. What is not in it raises, and changes nothing."""

from collections.abc import Mapping
from enum import StrEnum
from typing import TypeVar

from bec_kernel.errors import TransitionError


class ScanState(StrEnum):
    """Of a scan. The last four are final."""

    OPEN = "open"
    PAUSED = "paused"
    CLOSED = "closed"
    ABORTED = "aborted"
    HALTED = "halted"
    INTERRUPTED = "interrupted"

    @property
    def is_final(self) -> bool:
        """Nothing follows."""
        return self not in (ScanState.OPEN, ScanState.PAUSED)


class ItemState(StrEnum):
    """Of an item in a queue."""

    PENDING = "pending"
    RUNNING = "running"
    PAUSED = "paused"
    COMPLETED = "completed"
    ABORTED = "aborted"
    HALTED = "halted"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def is_final(self) -> bool:
        """Nothing follows."""
        return self not in (ItemState.PENDING, ItemState.RUNNING, ItemState.PAUSED)


class QueueState(StrEnum):
    """Of a queue."""

    RUNNING = "running"
    PAUSED = "paused"
    LOCKED = "locked"


class StepKind(StrEnum):
    """What a device server is asked to do."""

    OPEN = "open"
    STAGE = "stage"
    READ = "read"
    BASELINE = "baseline"
    MOVE = "move"
    POINT = "point"
    WAIT = "wait"
    ASK = "ask"
    KICKOFF = "kickoff"
    COMPLETE = "complete"
    UNSTAGE = "unstage"
    CLOSE = "close"


class Verb(StrEnum):
    """What decides how a running scan goes on, and what people ask of items."""

    PAUSE = "pause"
    PAUSE_NOW = "pause_now"
    RESUME = "resume"
    ABORT = "abort"
    HALT = "halt"
    COMPLETE = "complete"
    REWIND = "rewind"
    RETRY = "retry"
    FAIL = "fail"
    DIVERGED = "diverged"
    IGNORED = "ignored"
    ADVISED = "advised"
    ABANDONED = "abandoned"
    REMOVE = "remove"
    MOVE = "move"
    RESTART = "restart"
    REPEAT = "repeat"


class AnswerStatus(StrEnum):
    """What became of a step."""

    OK = "ok"
    LOST = "lost"
    STOPPED = "stopped"
    WITHDRAWN = "withdrawn"
    ERROR = "error"


class PointStatus(StrEnum):
    """How good one device's part of a point is."""

    GOOD = "good"
    MISSING = "missing"
    BUFFERED = "buffered"
    RETAKEN = "retaken"
    DROPPED = "dropped"


S = TypeVar("S", ScanState, ItemState, QueueState)

_FINAL = {
    ScanState.CLOSED,
    ScanState.ABORTED,
    ScanState.HALTED,
    ScanState.INTERRUPTED,
}
SCAN_TRANSITIONS: Mapping[ScanState, set[ScanState]] = {
    ScanState.OPEN: {ScanState.PAUSED, *_FINAL},
    ScanState.PAUSED: {ScanState.OPEN, *_FINAL},
}
ITEM_TRANSITIONS: Mapping[ItemState, set[ItemState]] = {
    ItemState.PENDING: {ItemState.RUNNING, ItemState.CANCELLED, ItemState.FAILED},
    ItemState.RUNNING: {
        ItemState.PAUSED,
        ItemState.COMPLETED,
        ItemState.ABORTED,
        ItemState.HALTED,
        ItemState.FAILED,
    },
    ItemState.PAUSED: {
        ItemState.RUNNING,
        ItemState.ABORTED,
        ItemState.HALTED,
        ItemState.FAILED,
    },
}


def step_to(table: Mapping[S, set[S]], old: S, new: S) -> S:
    """Return `new`.

    Raises:
        TransitionError: `table` does not lead from `old` to `new`.
    """
    if new not in table.get(old, set()):
        allowed = ", ".join(sorted(table.get(old, set()))) or "nothing: it is final"
        raise TransitionError(
            f"{type(old).__name__} cannot go from {old} to {new} (allowed: {allowed})"
        )
    return new
