"""Queues, the catalogue of scans, and what the scan server answers."""

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


class Parameter(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One parameter of a scan.

    Attributes:
        name: of the option.
        kind: `float int bool str device`, or several: `number_list device_list
            number_lists` (lists in a list, each of the same `shape`); or `scan`: a
            scan that is a part of this one, see `Part`.
        doc: one line.
        unit: `s`, or `motor` for motor units.
        default: where it may be left out.
        required: it may not.
        low: smallest value, included.
        high: largest value, included.
        choices: the only values allowed.
        shape: of each list in `number_lists`: [3] for triples, [2, 3] for pairs of
            them.
        whole: of a scan that is made of others it is given once, and not for a part.
    """

    name: str
    kind: str
    doc: str = ""
    unit: str = ""
    default: Any = None
    required: bool = False
    low: float | None = None
    high: float | None = None
    choices: list[str] = []
    shape: list[int] = []
    whole: bool = False


class Part(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A scan or move that is a part of another, as asked; travels as plain data.

    Attributes:
        name: of the scan, as published in the catalogue.
        args: positional; devices by name.
        kwargs: named options; devices by name.
    """

    name: str
    args: list[Any] = []
    kwargs: dict[str, Any] = {}


class FormWord(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One word of a form.

    Attributes:
        parameter: what stands there; those at the end that are not required may be
            left out.
        option: the scan's option it is; empty: the next word of the scan's bundle.
        add: to the number that was typed: intervals are one fewer than points.
    """

    parameter: Parameter
    option: str = ""
    add: int = 0


class Form(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Words of its own for a scan, under an alias: `ascan` for a line scan.

    Attributes:
        name: the alias.
        doc: one line.
        words: in the order in which they are typed, each once.
        preset: options that are so, unless said otherwise.
        example: one line, as typed after `%scan`.
    """

    name: str
    doc: str = ""
    words: list[FormWord] = []
    preset: dict[str, Any] = {}
    example: str = ""


class Signature(Message, frozen=True, kw_only=True):
    """A scan as published: enough to complete, check and explain it.

    Attributes:
        name: of the scan.
        doc: what it does.
        bundle: positional parameters, given once or more in this order.
        bundles: smallest and largest number of bundles; 0: no limit.
        options: by name.
        aliases: other names of it, those with a form included.
        example: one line, as typed after `%scan`.
        is_scan: has number and file; a move has not.
        driven: asks who began it what to do next.
        forms: aliases with words of their own.
        form_of: where this is one of a scan's forms, drawn up as a signature: the
            scan; empty in what is published.
    """

    name: str
    doc: str = ""
    bundle: list[Parameter] = []
    bundles: tuple[int, int] = (0, 0)
    options: list[Parameter] = []
    aliases: list[str] = []
    example: str = ""
    is_scan: bool = True
    driven: bool = False
    forms: list[Form] = []
    form_of: str = ""

    @property
    def has_parts(self) -> bool:
        """It is made of other scans."""
        return any(parameter.kind == "scan" for parameter in self.bundle)


class MetadataField(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One name in the metadata of a scan, and what may stand there.

    Attributes:
        name: of the field.
        kind: `str float int bool number_list`, or `any`: no check of its form.
        doc: for people.
        unit: of a number.
        required: a scan without it is refused.
        default: what it means to leave it out, for people; it is not filled in.
        nullable: None may be given.
        choices: all that may be given; empty: no such list.
        low: smallest number.
        high: largest number.
        above: a number must be greater.
        below: a number must be smaller.
        pattern: regular expression, found somewhere in a text.
        shortest: minimum number of characters or numbers.
        longest: maximum number of them; None: no limit.
    """

    name: str
    kind: str
    doc: str = ""
    unit: str = ""
    required: bool = False
    default: Any = None
    nullable: bool = False
    choices: list[Any] = []
    low: float | None = None
    high: float | None = None
    above: float | None = None
    below: float | None = None
    pattern: str = ""
    shortest: int = 0
    longest: int | None = None


class MetadataSchema(Message, frozen=True, kw_only=True):
    """What one installed package wants of the metadata. Written by the scan server.

    Attributes:
        doc: one line.
        fields: names it knows.
        closed: no other name may be given.
    """

    doc: str = ""
    fields: list[MetadataField] = []
    closed: bool = False
