"""Pure: states with their transitions, step kinds and verbs with their tables.

The three tables are the only place for these rules: `SCAN_TRANSITIONS` and
`ITEM_TRANSITIONS` (a change of state that is not in them raises), `STEP_TRAITS` (what
each room does with a kind of step) and `VERB_RULES` (the effect of what people ask for
and of what the scan server decides).
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Literal, NamedTuple, TypeVar

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


class StepTraits(NamedTuple):
    """Properties of a step kind: one row of `STEP_TRAITS`.

    Attributes:
        record: what the bundler makes of its answers: `point`, `baseline` or nothing.
        question: an analysis or the driver answers it; no device takes part.
        value: the program is sent the `value` of its outcome, not the readings.
        arrives: when it is done, its motors are at their setpoints.
        stops: ends as `stopped` after somebody stopped devices of the scan; other
            kinds are done all the same, so that a scan can be cleaned up.
        essential: is done even if a device of the scan has left the device list.
        once: must not be done twice: `lost` if an earlier life may have begun it.
        phased: several device servers do its phases together.
        thins: may leave the bus once its answers have left it.
        timed: takes time of its own; the rest is part of a scan's dead time.
    """

    record: Literal["", "point", "baseline"] = ""
    question: bool = False
    value: bool = False
    arrives: bool = False
    stops: bool = False
    essential: bool = False
    once: bool = False
    phased: bool = False
    thins: bool = False
    timed: bool = True


class StepKind(StrEnum):
    """Kinds of steps; `STEP_TRAITS` has a row for each of them."""

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

    @property
    def traits(self) -> StepTraits:
        """Properties of this kind."""
        return STEP_TRAITS[self]


STEP_TRAITS: Mapping[StepKind, StepTraits] = {
    StepKind.OPEN: StepTraits(essential=True),
    StepKind.STAGE: StepTraits(timed=False),
    StepKind.READ: StepTraits(record="point", thins=True, timed=False),
    StepKind.BASELINE: StepTraits(record="baseline", timed=False),
    StepKind.MOVE: StepTraits(arrives=True, stops=True, thins=True),
    StepKind.POINT: StepTraits(
        record="point", arrives=True, stops=True, once=True, phased=True, thins=True
    ),
    StepKind.WAIT: StepTraits(value=True, stops=True, thins=True),
    StepKind.ASK: StepTraits(question=True, value=True),
    StepKind.KICKOFF: StepTraits(stops=True),
    StepKind.COMPLETE: StepTraits(stops=True),
    StepKind.UNSTAGE: StepTraits(essential=True, timed=False),
    StepKind.CLOSE: StepTraits(essential=True, timed=False),
}
"""All step kinds. A new kind is one row here and one action on the device server."""


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

    @property
    def rule(self) -> "VerbRule":
        """Effect of this verb."""
        return VERB_RULES[self]


ScanPhase = Literal["new", "open", "paused", "cleanup"]
"""Where a running scan is: before it is open, open, paused, or in its clean-up."""

_UNDER_WAY: tuple[ScanPhase, ...] = ("new", "open", "paused")


class VerbRule(NamedTuple):
    """The effect of one verb: one row of `VERB_RULES`.

    Attributes:
        asked: people may ask for it (`ItemAction`); the other verbs are decisions of
            the scan server itself.
        waiting: effect on an item that waits; empty: refused.
        running: effect on an item that runs; empty: refused, or none.
        of_moves: a move or wait that runs can be asked for it, not only a scan.
        phases: phases of a scan in which a request for it is obeyed.
        severity: how hard it stops steps under way: 1 no new step, 2 motion too,
            3 nothing is cleaned up; 0: steps go on.
        outcome: final state and reason of a scan that it ends; None: it ends none.
    """

    asked: bool = False
    waiting: Literal["", "cancel", "move"] = ""
    running: Literal["", "pause", "resume", "rewind", "end"] = ""
    of_moves: bool = False
    phases: tuple[ScanPhase, ...] = ()
    severity: Literal[0, 1, 2, 3] = 0
    outcome: tuple[ScanState, str] | None = None


VERB_RULES: Mapping[Verb, VerbRule] = {
    Verb.PAUSE: VerbRule(asked=True, running="pause", phases=("open",), severity=1),
    Verb.PAUSE_NOW: VerbRule(asked=True, running="pause", phases=("open",), severity=2),
    Verb.RESUME: VerbRule(asked=True, running="resume", phases=("paused",)),
    Verb.COMPLETE: VerbRule(
        asked=True,
        running="end",
        phases=_UNDER_WAY,
        severity=1,
        outcome=(ScanState.CLOSED, "user_completed"),
    ),
    Verb.REWIND: VerbRule(
        asked=True, running="rewind", phases=("open", "paused"), severity=1
    ),
    Verb.ABORT: VerbRule(
        asked=True,
        waiting="cancel",
        running="end",
        of_moves=True,
        phases=_UNDER_WAY,
        severity=2,
        outcome=(ScanState.ABORTED, "user"),
    ),
    Verb.HALT: VerbRule(
        asked=True,
        waiting="cancel",
        running="end",
        of_moves=True,
        phases=(*_UNDER_WAY, "cleanup"),
        severity=3,
        outcome=(ScanState.HALTED, "user"),
    ),
    Verb.REMOVE: VerbRule(asked=True, waiting="cancel"),
    Verb.MOVE: VerbRule(asked=True, waiting="move"),
    Verb.RESTART: VerbRule(asked=True),
    Verb.REPEAT: VerbRule(asked=True),
    Verb.RETRY: VerbRule(),
    Verb.FAIL: VerbRule(severity=2, outcome=(ScanState.ABORTED, "alarm")),
    Verb.DIVERGED: VerbRule(
        severity=2, outcome=(ScanState.INTERRUPTED, "changed_program")
    ),
    Verb.ABANDONED: VerbRule(severity=2, outcome=(ScanState.INTERRUPTED, "lost")),
    Verb.ADVISED: VerbRule(),
    Verb.IGNORED: VerbRule(),
}
"""All verbs. `restart` and `repeat` make new items, so no item obeys them itself."""


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
