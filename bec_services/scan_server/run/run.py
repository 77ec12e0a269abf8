"""Pure: a durable program that decides what comes next in a step log.

A `Run` is fed what is in the logs (recorded entries, answers, controls) and returns the
messages to append. Fed with the log of a run that died, it arrives at the same place
and goes on from there: each decision that depended on timing stands in the log as a
mark, and is obeyed where it stands instead of being made again.

States of the scan, with the verbs that lead from one to the next. `VERB_RULES` in
`wire` is the table; a request that has no effect in the present state is recorded as
`ignored`:

                  pause, pause_now, an answer lost three times
               +------------------------------------------------+
               |                                                v
    (new) --> open <------------------ resume ----------------- paused
      |        |                                                |
      |        +--> complete, or the last point --+             |
      |        +--> abort, fail, abandoned -------+<-- the same, without
      +------> +--> diverged ---------------------+    the last point
                                                  v
                                              clean-up --> closed, aborted, interrupted
      any, clean-up too --> halt --------------------------------------------> halted

`rewind` (open or paused) keeps the state; the points from there on are taken again.

The sequence is the same for each decision except `ignored` and `advised`, which disturb
nothing, and `halt`, which skips the last two steps:

1. a `Stop` with the verb's severity, if it has one, ends the old epoch for the device
   servers;
2. the `Mark` begins the next epoch. Both are appended in one commit, stop first;
3. *draining*: no step is issued until each issued one has its answers;
4. what was not done is issued again, or the clean-up is.
"""

from collections import deque

from bec_kernel.wire import (
    SCAN_TRANSITIONS,
    Answer,
    AnswerStatus,
    Begin,
    Control,
    End,
    Mark,
    Message,
    ScanPhase,
    ScanState,
    StateChange,
    Step,
    StepKind,
    Stop,
    Verb,
    step_to,
)
from bec_services.scan_server.program import StepRequest
from bec_services.scan_server.run.course import Course
from bec_services.scan_server.run.in_flight import MAX_LOST, StepsInFlight
from bec_services.scan_server.run.questions import Questions
from bec_services.scan_server.run.record import Record
from bec_services.scan_server.run.unit import ProgramFrame, RequestInFlight


class Run:
    """One scan (or move) on its way.

    Attributes:
        done: nothing follows; the last messages have been given out.
        state: of the scan; None before it is open.
        problem: what people should know about the end.
        questions: what is said to the program's questions is fed here.
    """

    def __init__(
        self,
        begin: Begin,
        frame: ProgramFrame,
        record: Record,
        *,
        version: str,
        lookahead: int = 8,
    ) -> None:
        self.begin = begin
        self.done = False
        self.state: ScanState | None = None
        self.problem = ""
        self.questions = Questions()
        self._course = Course(begin, frame)
        self._record = record
        self._lookahead = lookahead
        self._flight = StepsInFlight()
        self._controls: deque[tuple[str, Control]] = deque()
        self._handled = {mark.control for mark in record.marks}
        self._index = 1
        self._epoch = 0
        self._seen = 0
        self._draining = False
        self._pausing = False
        self._back: int | None = None
        self._outcome: tuple[ScanState, str] = (ScanState.CLOSED, "done")
        self._time = 0.0
        self._out: list[Message] = []
        if begin.version != version:
            self._diverge(
                f"the program has version {version!r}, the scan was begun with "
                f"{begin.version!r}"
            )

    # --- what is fed ------------------------------------------------------------------

    def answer(self, server: str, answer: Answer) -> None:
        """Take in an answer of a device server."""
        unit = self._flight.find(answer.index)
        if unit is None or self.done:
            if answer.index >= self._index:  # of a step that is being replayed
                self._flight.keep(server, answer)
            return
        unit.answers[server] = answer
        self._time = max(self._time, answer.outcome.end)
        if unit.want.kind is StepKind.OPEN and unit.ok:
            self._state_change(ScanState.OPEN)
        self._settle()

    def control(self, at: str, control: Control) -> None:
        """Take in a control with the id `at` in its log."""
        if at not in self._handled:
            self._controls.append((at, control))

    @property
    def question(self) -> StepRequest | None:
        """The question that is asked now and not answered yet."""
        unit = self._flight.question
        return unit.want if unit and not self.done else None

    @property
    def slack(self) -> int:
        """So many steps may be answered before something has to be decided."""
        busy = self._draining or self._pausing or self._controls or self.question
        full = len(self._flight) >= self._lookahead
        return max(1, self._lookahead // 2) if full and not busy else 1

    # --- what comes of it -------------------------------------------------------------

    def advance(self) -> list[Message]:
        """Return the messages to append now, in this order, in one commit.

        Steps and marks that are recorded already are not given out again; stops, marks
        and steps come in the order in which they must be seen.
        """
        while not self.done and self._move():
            pass
        out, self._out = self._out, []
        return out

    def _move(self) -> bool:
        """Do the next thing; False when there is nothing to do but wait."""
        recorded, is_live = self._record[self._index], self._is_live
        if isinstance(recorded, Mark) and not (recorded.drained and self._draining):
            self._obey(recorded)
            return True
        if self._draining and self._flight.answered():
            self._drained()
            return True
        if is_live and self._decide():
            return True
        if self._draining:
            return False
        full = is_live and len(self._flight) >= self._lookahead
        if self.state is ScanState.PAUSED or full:
            return False
        return self._issue() or (is_live and self._broken_program())

    @property
    def _is_live(self) -> bool:
        return self._index >= self._record.length

    def _decide(self) -> bool:
        """Live only: write down a decision that depends on timing."""
        if self._controls:
            at, control = self._controls[0]
            if not (self._draining and control.verb is Verb.RESUME):
                self._controls.popleft()
                verb = control.verb if self._applies(control) else Verb.IGNORED
                why = control.reason or f"by {control.user}"
                point = control.point if control.verb is Verb.REWIND else None
                self._decree(verb, at, why, point)
                return True
        if self._draining:
            return False
        for unit, trouble in self._flight.troubled():
            self._decree(*self._remedy(unit, trouble))
            return True
        return self._hear()

    def _hear(self) -> bool:
        """Live only: record the answer to a question, or the lack of one."""
        unit = self._flight.question
        reply = self.questions.reply(unit) if unit else None
        if reply is None:
            return False
        verb, value = reply
        if verb is not Verb.ADVISED:
            self._decree(verb, "", value)
            return True
        mark = Mark(
            index=self._index, verb=verb, epoch=self._epoch, drained=True, value=value
        )
        self._out.append(mark)
        self._obey(mark)
        return True

    def _broken_program(self) -> bool:
        """Live only: what the program raised ends the scan, not the worker."""
        what, self._course.broken = self._course.broken, ""
        if what and self._course.cleaning:
            self.problem = self.problem or what
            self._end()
        elif what:
            self._decree(Verb.FAIL, "", what)
        return bool(what)

    def _applies(self, control: Control) -> bool:
        rule = control.verb.rule
        if self._phase not in rule.phases:
            return False
        if rule.running == "rewind" and not self._course.goes_back_to(control.point):
            return False
        return not (self._pausing and rule.running in ("pause", "rewind"))

    @property
    def _phase(self) -> ScanPhase:
        if self._course.cleaning:
            return "cleanup"
        if self.state is ScanState.PAUSED:
            return "paused"
        return "open" if self.state is ScanState.OPEN else "new"

    def _remedy(self, unit: RequestInFlight, trouble: Answer) -> tuple[Verb, str, str]:
        status, problem = trouble.outcome.status, trouble.outcome.problem
        what = problem.message if problem else status.value
        if status is AnswerStatus.LOST:
            if unit.lost + 1 < MAX_LOST:
                return Verb.RETRY, "", what
            if not self._course.cleaning:
                return Verb.PAUSE, "", f"{MAX_LOST} attempts were lost: {what}"
        if status is AnswerStatus.STOPPED and not self._course.cleaning:
            return Verb.ABORT, "", what
        return Verb.FAIL, "", what

    # --- marks ------------------------------------------------------------------------

    def _decree(
        self, verb: Verb, control: str, reason: str, value: int | None = None
    ) -> None:
        """Live: write a decision down, then act upon it."""
        severity = verb.rule.severity
        if severity and (not self._course.cleaning or verb is Verb.HALT):
            self._out.append(Stop(epoch=self._epoch, severity=severity))
        mark = Mark(
            index=self._index,
            verb=verb,
            epoch=self._epoch + (verb is not Verb.IGNORED),
            control=control,
            reason=reason,
            drained=not self._draining,
            value=value,
        )
        self._out.append(mark)
        self._obey(mark)

    def _obey(self, mark: Mark) -> None:
        self._handled.add(mark.control)
        self._epoch = mark.epoch
        self._index += 1
        if mark.verb is Verb.ADVISED and (unit := self._flight.question):
            self.questions.answer(unit, mark.value)
            self._settle()
        elif mark.verb is not Verb.IGNORED:
            self._draining = True
            self._act(mark)

    def _act(self, mark: Mark) -> None:
        verb, reason = mark.verb, mark.reason
        effect, outcome = verb.rule.running, verb.rule.outcome
        if effect == "pause":
            self._pausing = True
        elif effect == "resume":
            self._state_change(ScanState.OPEN)
        elif effect == "rewind":
            self._back = mark.value
        elif verb is Verb.FAIL and self._course.cleaning:
            self.problem = self.problem or reason
            self._flight.give_up()  # it is not tried again: the others still are
        elif outcome is not None:
            self._outcome = outcome
            self.problem = "" if verb is Verb.COMPLETE else reason
            self._pausing = False
            if verb is Verb.HALT:
                self._end()
                return
            if self.state is ScanState.PAUSED:
                self._state_change(ScanState.OPEN)
            # Nothing moves after a failure, or after devices were stopped.
            self._course.clean(moves=bool(mark.control))

    def _drained(self) -> None:
        """Every issued step has its answers: what is not done is to be done again."""
        for unit in self._flight.touched():
            self._course.touched(unit)
        again = self._flight.drain()
        self._course.again(again)
        self._draining = False
        if self._back is not None and not self._course.cleaning:
            self._course.rewind(self._back)
        self._back = None
        if self._pausing:
            self._pausing = False
            for unit in again:
                unit.lost = 0
            self._state_change(ScanState.PAUSED)

    # --- steps ------------------------------------------------------------------------

    def _issue(self) -> bool:
        cleaning = self._course.cleaning
        unit = self._course.take(alone=not self._flight)
        if unit is None:
            if self._course.is_over and not self._flight:
                self._program_ended()
            return self.done or self._course.cleaning is not cleaning
        step = self._step(unit)
        if self._is_live:
            self._out.append(step)
        elif difference := self._record.difference(step):
            self._diverge(difference)
            return True
        unit.index, unit.answers = step.index, {}
        self._index += 1
        self._launch(unit)
        return True

    def _launch(self, unit: RequestInFlight) -> None:
        """It is on its way; in a replay its answers may be there already."""
        for server, answer in self._flight.launch(unit):
            self.answer(server, answer)

    def _step(self, unit: RequestInFlight) -> Step:
        unit.attempt += 1
        return Step(
            index=self._index,
            request=unit.want,
            on=unit.servers,
            attempt=unit.attempt,
            epoch=self._epoch,
            seen=self._seen,
        )

    def _program_ended(self) -> None:
        if self._course.cleaning:
            self._end()
        else:
            self._course.clean(moves=True)

    def _settle(self) -> None:
        """Let go of what is done, in order."""
        if not self._draining:
            for unit in self._flight.land():
                self._seen = max(self._seen, unit.index)
                self._course.touched(unit)

    # --- the end ----------------------------------------------------------------------

    def _diverge(self, message: str) -> None:
        """The program does not repeat what it did: drain, clean up, say so."""
        marked = self._record.diverged(self._index)
        end = marked.index if marked else self._record.length
        for entry in self._record.between(self._index, end):
            if isinstance(entry, Step):
                orphan = RequestInFlight(
                    StepRequest(kind=entry.request.kind), entry.on, index=entry.index
                )
                self._launch(orphan)
            elif isinstance(entry, Mark):
                self._epoch = entry.epoch
        self._index = end
        if marked is None:
            self._decree(Verb.DIVERGED, "", message)

    def _end(self) -> None:
        state, reason = self._outcome
        self._out.append(
            End(index=self._index, state=state, reason=reason, message=self.problem)
        )
        self._state_change(state, reason)
        self.done = True

    def _state_change(self, state: ScanState, reason: str = "") -> None:
        if self.state is not None:
            step_to(SCAN_TRANSITIONS, self.state, state)
        self.state = state
        message = self.problem if state.is_final else ""
        self._out.append(
            StateChange(state=state, time=self._time, reason=reason, message=message)
        )
