"""Pure: Whole points out of asynchronous answers: the steps are the guide."""

from collections import deque
from collections.abc import Iterable, Mapping

from bec_kernel.bus import Entry
from bec_kernel.bus.changes import Id
from bec_kernel.wire import (
    Answer,
    AnswerStatus,
    Baseline,
    Begin,
    End,
    Point,
    PointEntry,
    PointStatus,
    Readings,
    Seal,
    Step,
    StepEntry,
    StepKind,
    Times,
)

Output = tuple[Id, PointEntry]
"""A place in the log of points, and what belongs there."""

_NOWHERE = -1


class ScanBundle:
    """What one scan yields so far: a function of its steps and answers alone.

    Steps are taken in their order and only when everybody has answered, so the order
    in which answers come changes nothing.

    Attributes:
        servers: device servers of the scan; known once it has begun.
        sealed: nothing follows.
    """

    def __init__(self, last: Entry[PointEntry] | None = None) -> None:
        """Go on behind `last`, the last entry of the scan's log of points."""
        at = last.id if last else Id(0, 0)
        self._points, self._extra = at
        self._done = last.message.index if last else _NOWHERE
        self.sealed = last is not None and isinstance(last.message, Seal)
        self.servers: list[str] = []
        self._queue: deque[Step | End] = deque()
        self._answers: dict[int, dict[str, Answer]] = {}
        self._passed = _NOWHERE
        self._ended = False
        self._time = 0.0
        self._waited = 0.0
        self._left: float | None = None  # the point before was read
        self._set_up: Baseline | None = None  # leaves with what comes next

    @property
    def after(self) -> Id:
        """Where to read steps and answers from: the last output's step comes again.

        It is not put out again, but its end is the latest time known.
        """
        return Id(max(self._done, 0), 0)

    @property
    def points(self) -> int:
        """How many there are so far."""
        return self._points

    @property
    def waits_at_end(self) -> bool:
        """The scan has ended, but answers to some of its steps are not known."""
        return self._ended and not self.sealed

    def step(self, entry: StepEntry) -> list[Output]:
        """Take the next entry of the step log; return what became whole."""
        if isinstance(entry, Begin):
            self.servers = entry.device_servers
        elif isinstance(entry, Step) and entry.request.kind.traits.question:
            pass  # no device takes part
        elif isinstance(entry, Step | End):
            self._queue.append(entry)
            self._ended = self._ended or isinstance(entry, End)
        return self._advance(give_up=False)

    def answer(self, server: str, answer: Answer) -> list[Output]:
        """Take an answer of a device server; return what became whole.

        How far a server has come with a step is nothing to it.
        """
        if not answer.is_final or answer.index <= self._passed or self.sealed:
            return []
        self._answers.setdefault(answer.index, {})[server] = answer
        return self._advance(give_up=False)

    def give_up(self) -> list[Output]:
        """Drop steps that were never answered: the scan was halted. Return the rest."""
        return self._advance(give_up=True)

    def _advance(self, *, give_up: bool) -> list[Output]:
        out: list[Output] = []
        while self._queue and not self.sealed:
            head = self._queue[0]
            if isinstance(head, End):
                out += [*self._kept(), self._seal(head)]
                break
            answers = self._answers.get(head.index, {})
            whole = all(server in answers for server in head.on)
            if not whole and not give_up:
                break
            self._queue.popleft()
            self._answers.pop(head.index, None)
            self._passed = head.index
            if whole:
                out += self._take(head, answers)
        return out

    def _take(self, step: Step, answers: Mapping[str, Answer]) -> list[Output]:
        used = [answers[server] for server in step.on]
        end = max((answer.outcome.end for answer in used), default=self._time)
        good = all(answer.outcome.status is AnswerStatus.OK for answer in used)
        if not (good and _yields(step)):
            self._time = max(self._time, end)
            if step.request.kind is StepKind.WAIT and good:
                self._waited += end - min(answer.outcome.begin for answer in used)
            elif step.request.kind is StepKind.STAGE and good:
                self._keep(step, used)
            return []
        kept = self._kept()
        made = self._output(step, answers, end)
        # From here on a restart knows no earlier time: nor must this life.
        self._time, self._waited = end, 0.0
        times = made[1].times if isinstance(made[1], Point) else None
        self._left = times.end if times else None
        if step.index <= self._done:
            return []
        (self._points, self._extra), self._done = made[0], step.index
        return [*kept, made]

    def _keep(self, step: Step, answers: Iterable[Answer]) -> None:
        """Keep how devices are set up: it leaves in one commit with the next output."""
        found = _set_up(step, answers)
        if not found.configuration or step.index <= self._done:
            return
        if (before := self._set_up) is not None:
            units = before.configuration_units | found.configuration_units
            found = Baseline(
                index=step.index,
                data={},
                configuration=before.configuration | found.configuration,
                configuration_units=units,
            )
        self._set_up = found
        # A restart behind it knows no earlier time: nor must this life.
        self._left, self._waited = None, 0.0

    def _kept(self) -> list[Output]:
        found, self._set_up = self._set_up, None
        if found is None:
            return []
        self._extra, self._done = self._extra + 1, found.index
        return [(Id(self._points, self._extra), found)]

    def _output(self, step: Step, answers: Mapping[str, Answer], end: float) -> Output:
        data: dict[str, Readings] = {}
        for server in step.on:
            data.update(answers[server].outcome.data)
        if step.request.kind.traits.record == "baseline":
            found = _set_up(step, [answers[server] for server in step.on], data)
            return Id(self._points, self._extra + 1), found
        point_id = step.request.point_id
        assert point_id is not None
        retaken = step.attempt > 1
        status = dict.fromkeys(data, PointStatus.RETAKEN) if retaken else {}
        for server in step.on:
            status.update(answers[server].outcome.quality)
        point = Point(
            index=step.index,
            point_id=point_id,
            attempt=step.attempt,
            begin=min((answers[s].outcome.begin for s in step.on), default=end),
            end=end,
            data=data,
            life={server: answers[server].life for server in step.on},
            status=status,
            times=self._times([answers[server].outcome.times for server in step.on]),
        )
        if point_id < self._points:  # the scan was rewound: it counts from now on
            return Id(self._points, self._extra + 1), point
        return Id(point_id + 1), point

    def _times(self, parts: list[Times | None]) -> Times | None:
        """Return the times of a point, with what was between it and the one before."""
        told = [part for part in parts if part is not None]
        if not told:
            return None
        one = told[0] if len(told) == 1 else _slowest(told)
        since = 0.0 if self._left is None else max(0.0, one.start - self._left)
        wait = min(self._waited, since)
        return Times(
            one.start, one.move, one.settle, one.trigger, one.read, wait, since - wait
        )

    def _seal(self, end: End) -> Output:
        self.sealed = True
        self._queue.clear()
        self._answers.clear()
        seal = Seal(
            index=end.index,
            points=self._points,
            state=end.state,
            reason=end.reason,
            time=self._time,
        )
        return Id(self._points + 1), seal


def _yields(step: Step) -> bool:
    """Its answers go into the log of points."""
    record = step.request.kind.traits.record
    if record == "baseline":
        return True
    return record == "point" and step.request.point_id is not None


def _set_up(
    step: Step, answers: Iterable[Answer], data: dict[str, Readings] | None = None
) -> Baseline:
    configuration: dict[str, Readings] = {}
    units: dict[str, str] = {}
    for answer in answers:
        configuration |= answer.outcome.configuration
        units |= answer.outcome.configuration_units
    return Baseline(
        index=step.index,
        data=data or {},
        configuration=configuration,
        configuration_units=units,
    )


def _slowest(told: list[Times]) -> Times:
    """Return the times of a point over several servers: they wait for each other."""
    return Times(
        min(part.start for part in told),
        max(part.move for part in told),
        max(part.settle for part in told),
        max(part.trigger for part in told),
        max(part.read for part in told),
    )
