"""What a person may ask of items and queues, and what holds a queue up."""

from enum import StrEnum
from typing import ClassVar

import msgspec

from bec_kernel.wire._base import Message
from bec_kernel.wire._condition import Condition
from bec_kernel.wire._states import Verb


class Place(StrEnum):
    """Where an item is moved to among those that wait in its queue."""

    UP = "up"
    DOWN = "down"
    TOP = "top"
    BOTTOM = "bottom"
    TO = "to"


class QueueVerb(StrEnum):
    """What can be done to a queue as such."""

    PAUSE = "pause"
    PAUSE_NOW = "pause_now"
    RESUME = "resume"
    LOCK = "lock"
    UNLOCK = "unlock"
    CLEAR = "clear"


class ItemAction(Message, frozen=True, kw_only=True):
    """Act on an item of a queue. Written by the asker.

    Attributes:
        request_id: unique for ever; a restart is the scan with this id, repetition k
            of n has the id `<request_id>-<k>`, from 1.
        verb: `pause pause_now resume abort halt complete rewind restart repeat` of what
            runs, `remove` and `move` of what waits.
        scan_id: of the item; empty: the one that runs in `queue`.
        queue: used where `scan_id` is empty.
        deadline: s since the epoch, wall clock.
        place: where a `move` leads.
        position: for the place `to`: 1 is the next one to begin.
        times: how often to `repeat`.
        point: a `rewind` goes back to this `point_id`.
        reason: why, for people.
    """

    request_id: str
    verb: Verb
    scan_id: str = ""
    queue: str = "primary"
    deadline: float = 0.0
    place: Place | None = None
    position: int = 0
    times: int = 1
    point: int = 0
    reason: str = ""


class QueueAction(Message, frozen=True, kw_only=True):
    """Act on a queue. Written by the asker.

    Attributes:
        request_id: unique for ever.
        verb: what to do.
        queue: its name.
        reason: why, for people; a lock needs one.
        moves: what is locked are scans only: moves go on.
        deadline: s since the epoch, wall clock.
    """

    request_id: str
    verb: QueueVerb
    queue: str = "primary"
    reason: str = ""
    moves: bool = False
    deadline: float = 0.0


class SuspenderAction(Message, frozen=True, kw_only=True):
    """Set the rule a queue runs under, or take it away. Written by the asker.

    Attributes:
        request_id: unique for ever.
        queue: its name.
        name: of the rule; empty: its device's name.
        rule: as people write it, `ring above 80 for 60`; empty: take it away.
        after_point: the point under way is finished first; else it is taken again.
        deadline: s since the epoch, wall clock.
    """

    request_id: str
    queue: str = "primary"
    name: str = ""
    rule: str = ""
    after_point: bool = False
    deadline: float = 0.0


class Suspender(Message, frozen=True, kw_only=True):
    """A rule a queue runs under: paused while it is not so. Written by the scan server.

    Attributes:
        queue: its name.
        name: of the rule; one name a queue.
        rule: what must be so, and for how long again before the queue goes on.
        after_point: the point under way is finished first; else it is taken again.
        user: who set it.
        time: when, s since the epoch, wall clock.
    """

    queue: str
    name: str
    rule: Condition
    after_point: bool = False
    user: str = ""
    time: float = 0.0


class Hold(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Somebody holds a queue or an item up.

    Attributes:
        user: who; `suspender` for a rule.
        reason: why.
        time: since when, s since the epoch, wall clock.
        moves: of a lock: it holds up scans only.
    """

    SUSPENDER: ClassVar[str] = "suspender"

    user: str
    reason: str = ""
    time: float = 0.0
    moves: bool = False

    def __str__(self) -> str:
        """Return who, and why."""
        if self.user == self.SUSPENDER:
            return f"suspended: {self.reason}"
        return f"by {self.user}: {self.reason}" if self.reason else f"by {self.user}"
