"""Pure: queues and items, what people ask of them, and replies of the scan server."""

from enum import StrEnum
from typing import Any, ClassVar

import msgspec

from bec_kernel.wire._base import Message, Problem
from bec_kernel.wire._scan import Condition, ScanRequest
from bec_kernel.wire._states import ItemState, QueueState, ScanState, Verb


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
    """Request of a client to pause, resume, lock, unlock or clear a queue.

    Attributes:
        request_id: id that no other request ever has.
        verb: what to do.
        queue: name of the queue.
        reason: explanation for users; required for a lock.
        moves: for a lock: True if moves may still start, and only scans are held.
        deadline: latest time to act on it, s since the epoch; 0: none.
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
        user: the user that set it.
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
        user: the holder; `suspender` for a rule.
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


class Reply(Message, frozen=True, kw_only=True):
    """The answer to one request. Written by the service that was asked.

    Attributes:
        request_id: of the request.
        asked: id of the request's entry in its inbox.
        value: what was asked for.
        problem: why it was refused; None when it was not.
        warnings: what a person should know of what was accepted.
    """

    request_id: str
    asked: str
    value: Any = None
    problem: Problem | None = None
    warnings: list[str] = []


class Item(Message, frozen=True, kw_only=True):
    """One request that the guard accepted, in its queue. Written by the scan server.

    Attributes:
        scan_id: the request's id, and the scan's.
        user: the user that asked.
        request: as asked.
        rank: the lower, the sooner.
        state: where it is.
        scan_number: once it has one.
        reason: why it ended, or what it waits for.
        devices: that it needs for itself.
        is_scan: has number and file; a move has not.
        estimate: how long it will take, s, device server's clock; None: not known.
        points: how many it will have; 0: not known, or none.
        by: the user that caused its state, or asked for its end; empty: it took its
            course.
        time: since when it has its state, s since the epoch, wall clock, as below.
        asked: when it was accepted.
        begun: when it began; 0: it has not.
        paused: the user or rule that wants it paused; None: neither.
        again: scan id of the item it repeats.
        before: of a move: where its motors were when it began, motor units.
        after: of a move: where they were when it ended.
    """

    scan_id: str
    user: str
    request: ScanRequest
    rank: float
    state: ItemState = ItemState.PENDING
    scan_number: int | None = None
    reason: str = ""
    devices: list[str] = []
    is_scan: bool = True
    estimate: float | None = None
    points: int = 0
    by: str = ""
    time: float = 0.0
    asked: float = 0.0
    begun: float = 0.0
    paused: Hold | None = None
    again: str = ""
    before: dict[str, float] = {}
    after: dict[str, float] = {}


class QueueStatus(Message, frozen=True, kw_only=True):
    """A queue as such. Written by the scan server; gone when nothing needs it.

    Attributes:
        name: of the queue.
        state: begins items only while `running`.
        reason: the holder, and why.
        paused: by a person.
        locked: by a person.
        suspended: by a rule that is not so.
    """

    name: str
    state: QueueState = QueueState.RUNNING
    reason: str = ""
    paused: Hold | None = None
    locked: Hold | None = None
    suspended: Hold | None = None


class Taken(Message, frozen=True, kw_only=True):
    """An item has begun. Its id in the log is `<scan number>-<k>`; k = 0: a scan.

    Written by the scan server, once an item.

    Attributes:
        fit: lmfit model that is fitted while it runs; empty for none.
    """

    scan_id: str
    scan_number: int | None
    name: str
    user: str
    fit: str = ""


class StateChange(Message, frozen=True, kw_only=True):
    """A scan's state, and since when. Written by the worker.

    Attributes:
        state: the new one.
        time: s since the epoch, device server's clock; 0 when none was asked.
        reason: why it ended so: `done user alarm lost changed_program`.
        message: more, for people.
    """

    state: ScanState
    time: float = 0.0
    reason: str = ""
    message: str = ""
