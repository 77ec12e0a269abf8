"""Execute one scan's steps on this device server, in a thread of its own.

Two threads meet here: the *scan thread* (`run`) does one step after the other, and the
server's *main thread* calls `stop` and `stop_devices` at any time. They share two flags
and the gate. The main thread only sets them and the scan thread only clears them, so
that no lock is needed:

- `_stop` ends the waits of the step under way. The scan thread clears it before it
  decides about the next step. A stop that came before the clearing is not lost: it is
  in the gate (a stop of the scan server) or in `_asked` (a stop of a person), and the
  decision comes after the clearing. A stop that comes later leaves the flag set, and
  the first wait of the action ends.
- `_asked` says that a person stopped devices of this scan. It outlives the step: the
  next step that can be stopped is answered `stopped` as well, until a `resume` mark in
  the step log clears it. Clean-up steps are done in spite of it.
- the gate knows the stopped epochs. A step of such an epoch is withdrawn, whenever it
  is read from the log.

The order in `stop_devices` matters: first the reason, then `_asked`, then `_stop`. A
scan thread that wakes up from `_stop` finds the reason.

What an earlier life may have done is decided from the logs alone: see `gate`.
"""

import threading
import time
from collections.abc import Collection, Mapping
from typing import Any

import msgspec

from bec_kernel.bus import entries
from bec_kernel.bus.changes import START, Append, Drop, Id
from bec_kernel.errors import BecError, DeviceError
from bec_kernel.service import Life
from bec_kernel.wire import (
    Answer,
    AnswerStatus,
    Begin,
    End,
    Log,
    Mark,
    Outcome,
    Problem,
    Readings,
    Step,
    StepEntry,
    StepKind,
    Stop,
    Verb,
    keys,
)
from bec_services.device_server.clock import Clock, Stopped
from bec_services.device_server.devices import DeviceAdapter, join_channel_access
from bec_services.device_server.steps.actions import (
    MOVE_DEADLINE,
    TRIGGER_DEADLINE,
    Actions,
)
from bec_services.device_server.steps.barrier import Barrier, Withdrawn
from bec_services.device_server.steps.gate import Gate, Verdict
from bec_services.device_server.steps.trimming import Digesting
from bec_services.device_server.values import Values

_PATIENCE = 0.5
_BEHIND = 99
"""Above any phase: with it an id lies behind all answers to a step."""


class Executor:
    """One scan (or move) as this device server sees it.

    Args:
        life: of the device server.
        scan_id: of the scan.
        held: the devices.
        clock: the server's.
        values: publishes current values.
        inherited: it was there before this life.
        meeting: held while it says which devices it uses, and while those change.

    Attributes:
        devices: that it needs for itself; empty before its first entry was read.
        baseline: that it still has to read, once.
        met: its first entry was read, so `devices` is known.
        scan_number: None for a move.
        done: its last entry was seen.
    """

    def __init__(
        self,
        life: Life,
        scan_id: str,
        held: Mapping[str, DeviceAdapter],
        clock: Clock,
        values: Values,
        *,
        inherited: bool = False,
        meeting: "threading.Lock | None" = None,
    ) -> None:
        self._life = life
        self._meeting = meeting or threading.Lock()
        self._inherited = inherited
        self._server = life.setup.name
        self._scan_id = scan_id
        self._clock = clock
        self._steps: Log[StepEntry] = keys.steps(scan_id)
        self._mine: Log[Answer] = keys.answers(scan_id, self._server)
        self._streams = values.streams.scan(life, scan_id, clock)
        self._actions = Actions(held, clock, values, self._streams, newest=self._newest)
        self._stop = threading.Event()
        self._asked = threading.Event()
        self._said = ""
        self._epoch = 0
        self._values = values
        self.devices: set[str] = set()
        self.baseline: set[str] = set()
        self.met = False
        self.scan_number: int | None = None
        self.done = False
        # Of a scan that began in this life no other one can have done a step.
        newest = life.bus.last(self._steps) if inherited else None
        self._gate = Gate(self._server, newest.id.index if newest else -1)
        self._heard: dict[Log[Any], Id] = {}
        self._answered = self._bookmark() if inherited else -1
        self._digesting = Digesting(life, scan_id)

    def _bookmark(self) -> int:
        """Return the index up to which this server has answered, in any life."""
        last = self._life.bus.last(self._mine)
        if last is None:
            return -1
        index = last.id.index
        if not last.message.is_final:  # an earlier life ended in the middle of it
            self._gate.reached(self._server, index, last.message.phase)
            return index - 1
        self._gate.answered(self._server, index, last.message.outcome.status)
        return index

    def _newest(self, name: str) -> Readings | None:
        """Look up the newest published readings of a device."""
        value = self._life.bus.get(keys.values(self._server), name)
        return value.readings if value else None

    def stop_devices(self, names: Collection[str]) -> None:
        """Somebody stops these devices, or all: a scan that uses one ends here.

        Whether it is moving, settling or between two points makes no difference: its
        next point or move is answered `stopped`, and only a resume undoes that.
        """
        if names and self.devices.isdisjoint(names):
            return
        found = ", ".join(sorted(self.devices.intersection(names)))
        self._said = f"{found} was stopped" if names else "all devices were stopped"
        self._asked.set()
        self._stop.set()

    def stop(self, stop: Stop) -> None:
        """A stop of the worker's: called by the server's main thread, acts at once."""
        self._gate.stop(stop.epoch, stop.severity)
        waits = self._actions.waiting  # for hours, perhaps: end it at once
        if (stop.severity > 1 or waits) and stop.epoch >= self._epoch:
            self._stop.set()
            self._actions.stop_now()
            self._clock.wake()

    def run(self) -> None:
        """Do steps until the scan has ended or the life is over."""
        join_channel_access()
        recorded = entries(self._life.bus, self._steps) if self._inherited else []
        self._resume([entry.message for entry in recorded])
        positions: dict[Log[Any], Id] = {self._steps: START}
        for entry in recorded:
            positions[self._steps] = entry.id
            if self._take(entry.message):
                return
        for _, page in self._life.follow(positions):
            for entry in page:
                if self._take(entry.message):
                    return

    def _resume(self, recorded: list[StepEntry]) -> None:
        """After another life: stop what still moves, stage again what was staged."""
        if not recorded:
            return
        for entry in recorded:
            if isinstance(entry, Begin):
                self._meet(entry)
        done = [
            entry
            for entry in recorded
            if isinstance(entry, Step)
            and entry.index <= self._answered
            and entry.request.kind in (StepKind.STAGE, StepKind.UNSTAGE)
        ]
        opened = self._digesting.first()
        if opened is not None:
            self._actions.opened = opened
        self._actions.halt_motion(self.devices)
        if done and done[-1].request.kind is StepKind.STAGE:
            self._outcome(done[-1])

    def _meet(self, begin: Begin) -> None:
        mine = {n for n, server in begin.servers.items() if server == self._server}
        with self._meeting:
            self.devices, self.baseline = parts(begin, self._server)
            self.scan_number = begin.scan_number
            self.met = True
            self._actions.begin(begin, mine)
        self._streams.begin(begin)

    def _take(self, entry: StepEntry) -> bool:
        """Do one entry of the step log; True: it was the last."""
        match entry:
            case Begin():
                self._meet(entry)
            case End():
                self.done = True
                todo = keys.todo["device_server"](self._server)
                self._actions.close()
                self._streams.close_all()
                self._streams.commit([Drop(todo, self._scan_id)])
                self._values.streams.forget(self._scan_id)
            case Step() if entry.request.kind.traits.question:
                pass  # asked of others, when all before it was answered
            case Step():
                if self._server in entry.on and entry.index > self._answered:
                    self._answer(entry, self._decide(entry))
                self._gate.passed(entry)
                self._digesting.passed(entry)
                if entry.request.kind.traits.record == "baseline":
                    self.baseline = set()
            case Mark(verb=Verb.RESUME):
                self._asked.clear()
        return self.done

    def _decide(self, step: Step) -> Outcome:
        self._stop.clear()
        self._epoch = step.epoch
        while (verdict := self._gate.verdict(step)) is Verdict.WAIT:
            before = self._gate.before or step
            self._hear(before, self._gate.silent(before))
        if verdict is Verdict.LOST:
            what = f"the device server ended while it may have done step {step.index}"
            return _not_done(AnswerStatus.LOST, what)
        if verdict is Verdict.WITHDRAWN:
            return Outcome(AnswerStatus.WITHDRAWN)
        self._life.check()
        if self._asked.is_set() and step.request.kind.traits.stops:
            return _not_done(AnswerStatus.STOPPED, self._said)
        outcome = self._outcome(step)
        if outcome.status is AnswerStatus.STOPPED and self._asked.is_set():
            return _not_done(AnswerStatus.STOPPED, self._said)
        return outcome

    def _outcome(self, step: Step) -> Outcome:
        try:
            if _is_phased(step):
                barrier = self._barrier_of(step)
                return self._actions.do(step.request, self._stop, barrier)
            return self._actions.do(step.request, self._stop)
        except DeviceError as error:
            if error.__cause__ is not None:  # where it happened is for the log only
                self._life.log.info("a step failed", step=step.index, exc_info=error)
            return _not_done(AnswerStatus.ERROR, str(error), error.subject)
        except BecError:
            raise
        except Exception as error:
            self._life.log.exception("a step failed", step=step.index)
            what = f"{step.request.kind} failed: {type(error).__name__}: {error}"
            return _not_done(AnswerStatus.ERROR, what)

    def _barrier_of(self, step: Step) -> Barrier:
        """Return the function that ends a phase of a step shared by several servers.

        Called with the phase number, it publishes that this server has ended the
        phase, and blocks until the other servers have ended it too; for its errors
        see `_wait_for_others`.
        """

        def barrier(phase: int) -> None:
            answer = Answer(
                index=step.index,
                life=self._life.token,
                outcome=Outcome(AnswerStatus.OK),
                phase=phase,
            )
            append = Append(self._mine, answer, Id(step.index + 1, phase))
            self._life.bus.commit([append], self._life.fence)
            self._wait_for_others(step, phase)

        return barrier

    def _wait_for_others(self, step: Step, phase: int) -> None:
        """Wait until all servers have ended this phase of the step.

        Raises:
            Withdrawn: one does not do its part, or the worker has stopped the step.
            Stopped: somebody has stopped the devices.
            DeviceError: one has not come so far in time.
        """
        patience = MOVE_DEADLINE if phase == 1 else TRIGGER_DEADLINE
        patience += step.request.settle + step.request.exposure
        deadline = time.monotonic() + patience
        while (verdict := self._gate.phase_verdict(step, phase)) is Verdict.WAIT:
            if self._stop.is_set():
                raise Stopped
            late = self._gate.behind(step, phase)
            if time.monotonic() > deadline:
                raise DeviceError(
                    f"device server {', '.join(late)} has not ended phase {phase} of "
                    f"step {step.index} within {patience:g} s",
                    subject=late[0],
                )
            self._hear(step, late)
        if verdict is Verdict.WITHDRAWN:
            raise Withdrawn
        self._life.check()

    def _hear(self, step: Step, servers: Collection[str]) -> None:
        """Wait for an answer of one of these servers to a step, or a stop."""
        answers = {keys.answers(self._scan_id, name): name for name in servers}
        stops: Log[Any] = keys.stops(self._scan_id)
        positions: dict[Log[Any], Id] = {
            log: max(self._heard.get(log, START), Id(step.index, _BEHIND))
            for log in answers
        }
        positions[stops] = self._heard.get(stops, START)
        self._life.check()
        for log, page in self._life.bus.follow(positions, _PATIENCE):
            self._heard[log] = page[-1].id
            for entry in page:
                if log == stops:
                    self.stop(entry.message)
                else:
                    self._note(answers[log], entry.message)

    def _note(self, server: str, answer: Answer) -> None:
        if answer.is_final:
            self._gate.answered(server, answer.index, answer.outcome.status)
        else:
            self._gate.reached(server, answer.index, answer.phase)

    def _answer(self, step: Step, outcome: Outcome) -> None:
        if not outcome.end:  # the action has no duration
            now = self._clock.time()
            outcome = msgspec.structs.replace(outcome, begin=now, end=now)
        phase = Answer.LAST_PHASE if _is_phased(step) else 0
        answer = Answer(
            index=step.index, life=self._life.token, outcome=outcome, phase=phase
        )
        append = Append(self._mine, answer, Id(step.index + 1, phase))
        if step.request.kind in (StepKind.MOVE, StepKind.CLOSE):
            self._values.settle(self._life, self.devices)
        if step.request.until is not None:
            self._values.settle(self._life, [step.request.until.device])
        try:
            mark = outcome.end if step.request.kind is StepKind.POINT else None
            self._streams.commit([append], mark)
        except (TypeError, ValueError, OverflowError) as error:  # none was sent
            what = f"a reading cannot travel: {error}"
            return self._answer(step, _not_done(AnswerStatus.ERROR, what))
        for lacks in outcome.configuration_gaps:
            self._life.alarm(lacks, "minor", scan_id=self._scan_id)
        self._gate.answered(self._server, step.index, outcome.status)
        self._digesting.answered(step.index)


def parts(begin: Begin, server: str) -> tuple[set[str], set[str]]:
    """Return the devices of a server that a scan uses all its life, and the others."""
    mine = {name for name, holder in begin.servers.items() if holder == server}
    used = {*begin.motors, *begin.monitored, *begin.triggered, *begin.streaming}
    used = used.union(*begin.hooks.values())
    return mine & used, mine & set(begin.baseline)


def _is_phased(step: Step) -> bool:
    """Say whether several device servers do the phases of this step together."""
    return len(step.on) > 1 and step.request.kind.traits.phased


def _not_done(status: AnswerStatus, what: str, subject: str = "") -> Outcome:
    problem = Problem(kind="DeviceError", message=what, subject=subject)
    return Outcome(status, problem)
