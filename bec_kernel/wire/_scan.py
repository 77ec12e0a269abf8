"""Pure: a scan under way: request, step log, answers, controls."""

from collections.abc import Iterator
from typing import Any, ClassVar

import msgspec

from bec_kernel.wire._base import Message, Problem, Readings, Times
from bec_kernel.wire._states import (
    AnswerStatus,
    PointStatus,
    ScanState,
    StepKind,
    Verb,
)


class Condition(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A condition for a value: above, below, or between two numbers.

    Attributes:
        device: whose value.
        signal: key of its reading; empty: the first one.
        above: the value must be greater; None: no matter.
        below: the value must be smaller; None: no matter.
        held: duration without a break, s, device server's clock.
        deadline: maximum wait, s, device server's clock.
    """

    device: str
    signal: str = ""
    above: float | None = None
    below: float | None = None
    held: float = 0.0
    deadline: float = 86400.0

    def is_met(self, value: float) -> bool:
        """Say whether `value` is as it must be."""
        low = self.above is None or value > self.above
        return low and (self.below is None or value < self.below)

    def __str__(self) -> str:
        """Return it as people say it."""
        words = [self.signal or self.device]
        words += [] if self.above is None else [f"above {self.above:g}"]
        words += [] if self.below is None else [f"below {self.below:g}"]
        words += [f"for {self.held:g} s"] if self.held else []
        return " ".join(words)


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
        user: the user that asked, from the key the request was written to.
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
        version: versions of the parts of the scan's program; a program with another
            version does not continue the scan.
        code: hash of the program's source text; a difference raises a minor alarm.
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
    version: str = ""
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
        """Servers that answer its steps; without devices `main`, which keeps time."""
        return sorted(set(self.servers.values())) or ["main"]


class StepRequest(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One step as a scan's program requests it; a `Step` is a request with a number.

    Attributes:
        kind: what to do; a point is set, settle, trigger, read in one.
        set: setpoint of each motor, motor units: `{"samx": 1.5}`.
        devices: the devices it concerns, where the kind needs them.
        point_id: counts the program's points from 0; None: not part of a point.
        settle: wait between arrival and trigger, s; of a wait: before it begins.
        exposure: minimum time between trigger and read, s.
        settle_after: further wait between trigger and read, s.
        at: earliest start, s after the scan was opened; None: at once.
        until: condition to wait for; with `set` the arrival of the motors ends the
            wait, too.
        ask: of a question: the analysis that answers it, or the driver.
        data: of a question: its content; of a kickoff: how to fly. Plain data.
        patience: of a question: maximum time without a sign of the one asked, s.
        answer: the program needs the readings, or the value, before it goes on.
    """

    kind: StepKind
    set: dict[str, float] = {}
    devices: list[str] = []
    point_id: int | None = None
    settle: float = 0.0
    exposure: float = 0.0
    settle_after: float = 0.0
    at: float | None = None
    until: Condition | None = None
    ask: str = ""
    data: dict[str, Any] = {}
    patience: float = 0.0
    answer: bool = False


class Step(Message, frozen=True, kw_only=True):
    """A numbered step for the device servers in `on`. Written by the scan server.

    Attributes:
        index: place in the step log, from 0.
        request: what to do, as the scan's program requests it.
        on: device servers that must answer; of a question: `analysis/<name>`.
        attempt: number of times this request was issued so far, from 1; attempts that
            were withdrawn before any device was touched do not count.
        epoch: undisturbed stretch of the scan it belongs to.
        seen: all answers up to this index were seen to be ok (no gate needed).
    """

    index: int
    request: StepRequest
    on: list[str]
    attempt: int = 1
    epoch: int = 0
    seen: int = -1


class Mark(Message, frozen=True, kw_only=True):
    """Step-log entry: a decision of the worker that a replay must repeat, not remake.

    The worker writes it before it acts on the decision.

    Attributes:
        index: place in the step log.
        verb: the decision, for example pause, rewind or retry.
        epoch: number of the epoch from here on; an ignored request and an answered
            question start no new one.
        control: id of the user request that caused it; empty if the worker decided.
        reason: explanation for users.
        drained: True if all steps issued before an earlier mark were answered when
            the worker decided; a replay waits for these answers first.
        value: for `advised`, the answer to the scan program's question; for a rewind,
            also an ignored one, the `point_id` to continue from.
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


class Outcome(msgspec.Struct, frozen=True, omit_defaults=True):
    """The result of one step on one device server, or of one question.

    Attributes:
        status: `ok`, or why the step was not done.
        problem: what went wrong, where the status is not `ok`.
        begin: first trigger (or start of the step), s since the epoch.
        end: last trigger done (or end of the step), s since the epoch.
        data: readings by device: `{"samx": {"samx": Reading(1.0, t)}}`.
        quality: quality of a device's readings, where it is not `good`.
        times: durations of the parts of a point that is ok.
        value: answer to a question; of a wait: `arrived` if its motors have arrived;
            of a wait without a condition: time since the scan was opened, s.
        configuration: readings of the config signals, by device, of devices that were
            staged or read once; what could not be read is missing.
        configuration_units: engineering unit by signal, where it has one.
        configuration_gaps: what is missing in `configuration`, and why, for people.
    """

    status: AnswerStatus
    problem: Problem | None = None
    begin: float = 0.0
    end: float = 0.0
    data: dict[str, Readings] = {}
    quality: dict[str, PointStatus] = {}
    times: Times | None = None
    value: Any = None
    configuration: dict[str, Readings] = {}
    configuration_units: dict[str, str] = {}
    configuration_gaps: list[str] = []


class Answer(Message, frozen=True, kw_only=True):
    """The outcome of one step on one device server. Written by that server.

    A point over several device servers is answered in phases: 1 when its motors have
    arrived, 2 when its detectors were triggered, and `LAST_PHASE` as a whole.

    Attributes:
        index: of the step.
        life: fencing token of the server's life that answers.
        outcome: the result.
        phase: 0 or `LAST_PHASE`: the whole step; else the phase that has ended.
    """

    LAST_PHASE: ClassVar[int] = 3

    index: int
    life: int
    outcome: Outcome
    phase: int = 0

    @property
    def is_final(self) -> bool:
        """No other answer to this step follows."""
        return self.phase in (0, self.LAST_PHASE)


class Digest(Message, frozen=True, kw_only=True):
    """What stays of answers that have left the bus. Written by the device server.

    A scan server that runs the program again takes the results of steps from it.

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
            ok = Outcome(AnswerStatus.OK, end=end)
            plain = Answer(index=index, life=0, outcome=ok)
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
    """A request to act on a running item, checked. Written by the scan server.

    Attributes:
        point: of a rewind: the `point_id` that is taken next.
    """

    verb: Verb
    user: str
    request_id: str
    reason: str = ""
    point: int = 0


class DriverRequest(Message, frozen=True, kw_only=True):
    """Next action of an interactive scan: move, then take a point; or end.

    Attributes:
        set: setpoint of each motor, motor units.
        point: take a point there.
        end: it is over.
    """

    set: dict[str, float] = {}
    point: bool = False
    end: bool = False


class DriveScan(Message, frozen=True, kw_only=True):
    """The next request for an interactive scan. Written by its driver.

    Attributes:
        request_id: unique for ever.
        scan_id: of the scan.
        number: counts the requests from 0; -1: no request, a sign of life.
        request: what to do.
        deadline: s since the epoch, wall clock.
    """

    request_id: str
    scan_id: str
    number: int = -1
    request: DriverRequest = DriverRequest()
    deadline: float = 0.0
