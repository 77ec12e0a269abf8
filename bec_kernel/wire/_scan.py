"""A scan on its way: what was asked for, the step log, the answers, the states."""

from collections.abc import Iterator
from typing import Any, ClassVar

import msgspec

from bec_kernel.wire._base import Message, Problem, Readings
from bec_kernel.wire._condition import Condition
from bec_kernel.wire._states import (
    AnswerStatus,
    PointStatus,
    ScanState,
    StepKind,
    Verb,
)
from bec_kernel.wire._times import Times


class Origin(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """Where a request was typed. What a front end does not tell stays empty.

    Attributes:
        notebook: path of the notebook.
        cell: id of its cell.
        source: text of the cell or command.
        source_hash: sha256 of that text, hexadecimal.
        kernel: id of the Jupyter kernel.
        git_commit: commit of the folder the notebook lies in.
        host: name of the machine.
        program: `notebook`, `ipython`, `script` or `shell`.
        environment: of the program it was typed into: versions of Python, BEC and
            packages, by name, and the `platform`.
    """

    notebook: str = ""
    cell: str = ""
    source: str = ""
    source_hash: str = ""
    kernel: str = ""
    git_commit: str = ""
    host: str = ""
    program: str = ""
    environment: dict[str, str] = {}


class ScanRequest(Message, frozen=True, kw_only=True):
    """What a person asked the scan server to run. Written by the asker.

    Attributes:
        request_id: unique for ever; the scan it leads to has it as `scan_id`.
        name: of the scan, as published in the catalogue.
        args: positional; devices by name.
        kwargs: named options; devices by name.
        queue: which queue it joins.
        metadata: what the person wants to be kept with the scan.
        deadline: s since the epoch, wall clock; refused when it arrives later.
        origin: where it was typed.
        nowait: refuse it where it could not begin at once.
    """

    request_id: str
    name: str
    args: list[Any] = []
    kwargs: dict[str, Any] = {}
    queue: str = "primary"
    metadata: dict[str, Any] = {}
    deadline: float = 0.0
    origin: Origin | None = None
    nowait: bool = False


class Begin(Message, frozen=True, kw_only=True):
    """First entry of a step log: all that the scan's program may depend on.

    Attributes:
        scan_id: unique for ever.
        scan_number: counted for people; None for an item without a file.
        user: who asked, from the key the request was written to.
        request: as asked.
        parameters: bound and checked, by name.
        motors: the scan's own motors, in the order they were named.
        monitored: devices read at every point.
        baseline: devices read once.
        triggered: devices triggered at every point.
        streaming: devices that send samples by themselves: staged, not read.
        servers: device server of each device that takes part.
        units: engineering unit of each signal that has one.
        shape: of the points; (points,) or (slow, fast); empty when unknown.
        code: version of the scan's program; another version does not resume it.
        fit: lmfit model to be fitted while it runs; empty for none.
        asks: names of the analyses that its program asks.
        file_directory: folders below the instance's files its own lie in; may be
            empty.
        file_suffix: what its folder's name ends with, behind an underscore.
        hooks: what a site adds to the scan, by name, each with its devices.
        account: whose files they are: the folder they lie in; may be empty.
        scattered: its points lie anywhere in the plane of its first two motors.
    """

    scan_id: str
    scan_number: int | None = None
    user: str
    request: ScanRequest
    parameters: dict[str, Any] = {}
    motors: list[str] = []
    monitored: list[str] = []
    baseline: list[str] = []
    triggered: list[str] = []
    streaming: list[str] = []
    servers: dict[str, str] = {}
    units: dict[str, str] = {}
    shape: list[int] = []
    code: str = ""
    fit: str = ""
    asks: list[str] = []
    file_directory: str = ""
    file_suffix: str = ""
    hooks: dict[str, list[str]] = {}
    account: str = ""
    scattered: bool = False

    @property
    def device_servers(self) -> list[str]:
        """Who answers its steps; `main` keeps the time where no device takes part."""
        return sorted(set(self.servers.values())) or ["main"]


class Step(Message, frozen=True, kw_only=True):
    """One thing the device servers in `on` must do. Written by the worker.

    Attributes:
        index: place in the step log, from 0.
        kind: what to do; a point is set, settle, trigger, read in one.
        on: device servers that must answer.
        set: setpoint of each motor, motor units.
        devices: the devices it concerns, where the kind needs them.
        point_id: counts the program's points from 0; None: not of a point.
        attempt: how often this point was begun, as far as one knows, from 1; one that
            was withdrawn untouched does not count.
        epoch: undisturbed stretch of the scan it belongs to.
        settle: wait between arrival and trigger, s.
        exposure: at least this long between trigger and read, s.
        settle_after: wait between trigger and read, s, on top.
        seen: all answers up to this index were seen to be ok (no gate needed).
        at: not before so long after the scan was opened, s; None: at once.
        until: not before this is so; or, with `set`, when the motors have arrived.
        data: what is asked, or how a flight is to be.
        patience: who is asked may be silent for so long, s, wall clock.
        answer: the program goes on only with what is answered.
    """

    index: int
    kind: StepKind
    on: list[str]
    set: dict[str, float] = {}
    devices: list[str] = []
    point_id: int | None = None
    attempt: int = 1
    epoch: int = 0
    settle: float = 0.0
    exposure: float = 0.0
    settle_after: float = 0.0
    seen: int = -1
    at: float | None = None
    until: Condition | None = None
    data: dict[str, Any] = {}
    patience: float = 0.0
    answer: bool = False


class Mark(Message, frozen=True, kw_only=True):
    """A decision that depended on timing. Written by the worker before it acts.

    Attributes:
        index: place in the step log.
        verb: what was decided.
        epoch: the epoch that begins here.
        control: id of the control entry it obeys, "" when the worker's own.
        reason: why, for people.
        drained: nothing was on its way any more from a mark before.
        value: what was answered to a question of the program; of a rewind: the
            `point_id` that is taken next, or would have been, had it not been ignored.
    """

    index: int
    verb: Verb
    epoch: int
    control: str = ""
    reason: str = ""
    drained: bool = False
    value: Any = None


class End(Message, frozen=True, kw_only=True):
    """Last entry of a step log: seals it."""

    index: int
    state: ScanState
    reason: str
    message: str = ""


StepEntry = Begin | Step | Mark | End


class Answer(Message, frozen=True, kw_only=True):
    """What became of one step on one device server. Written by that server.

    A point over several device servers is answered in phases: 1 when its motors have
    arrived, 2 when its detectors were triggered, and at last as a whole.

    Attributes:
        index: of the step.
        status: `ok` or why not.
        life: fencing token of the server's life that answers.
        begin: first trigger (or start of the step), s since the epoch.
        end: last trigger done (or end of the step), s since the epoch.
        data: readings, by device.
        problem: what went wrong, where it did.
        phase: 0 or `LAST_PHASE`: the whole step; else how far it has come.
        quality: how good a device's part is, where it is not `good`.
        value: the answer to a question; of a wait: `arrived`, if the motors have,
            and of one for no value how long the scan is open, s.
        times: where the time went, of a point that is ok.
        configuration: of devices that were staged, or read once: readings of their
            config signals, by device; one that could not be read is not there.
        configuration_units: engineering unit of each of them that has one.
    """

    LAST_PHASE: ClassVar[int] = 3

    index: int
    status: AnswerStatus
    life: int
    begin: float = 0.0
    end: float = 0.0
    data: dict[str, Readings] = {}
    problem: Problem | None = None
    phase: int = 0
    quality: dict[str, PointStatus] = {}
    value: Any = None
    times: Times | None = None
    configuration: dict[str, Readings] = {}
    configuration_units: dict[str, str] = {}

    @property
    def is_final(self) -> bool:
        """No other answer to this step follows."""
        return self.phase in (0, self.LAST_PHASE)


class Digest(Message, frozen=True, kw_only=True):
    """What stays of answers that have left the bus. Written by the device server.

    A program that is run again is told by it what its steps came to.

    Attributes:
        index: of the last step.
        indices: of the steps that were answered, in order.
        ends: of each answer, s since the epoch.
        kept: answers that are not just `ok`, or whose readings the program used; the
            rest was `ok`.
    """

    index: int
    indices: list[int]
    ends: list[float]
    kept: list[Answer] = []

    def answers(self) -> Iterator[Answer]:
        """Yield all of them, those that were not kept without their readings."""
        kept = {answer.index: answer for answer in self.kept}
        for index, end in zip(self.indices, self.ends, strict=True):
            plain = Answer(index=index, status=AnswerStatus.OK, life=0, end=end)
            yield kept.get(index, plain)


class Thinned(Message, frozen=True, kw_only=True):
    """What stays of steps that have left the bus. Written by the worker.

    A program that is run again has to repeat them, too.

    Attributes:
        index: up to this one every step has left that is not there any more.
        sum: of those that left since the entry before this one.
    """

    index: int
    sum: str


class Stop(Message, frozen=True, kw_only=True):
    """Stops an epoch. Written by the worker before the mark.

    Attributes:
        epoch: steps of this epoch or an older one are withdrawn.
        severity: 1 no new step, 2 stop motion too, 3 halt.
    """

    epoch: int
    severity: int


class Control(Message, frozen=True, kw_only=True):
    """A wish for a running item that passed the guard. Written by the guard.

    Attributes:
        point: of a rewind: the `point_id` that is taken next.
    """

    verb: Verb
    user: str
    request_id: str
    reason: str = ""
    point: int = 0
