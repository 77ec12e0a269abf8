"""Answer the questions of adaptive scans: the frame for an analysis of your own.

    serve("data_analysis", lambda life: answer_questions(life, where_next))

run with `BEC_NAME=seeker` answers every scan that asks `seeker`.
"""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from bec_kernel.bus.changes import START, Append, Drop, Id, Put
from bec_kernel.errors import BecError
from bec_kernel.service.life import Life, unfinished
from bec_kernel.version import __version__
from bec_kernel.wire import (
    Answer,
    AnswerStatus,
    Begin,
    End,
    Heartbeat,
    Log,
    Outcome,
    Problem,
    Step,
    StepEntry,
    keys,
)


@dataclass(frozen=True)
class Question:
    """A question of a scan: where to measure next.

    Attributes:
        begin: the scan's first entry: user, parameters, motors, units.
        data: what its program tells; of an adaptive scan `range` (of each motor, motor
            units) and `points` (the values of each point so far, by signal).
    """

    begin: Begin
    data: dict[str, Any]


Advise = Callable[[Question], Any]
"""Answer a question with plain data. Pure: after a restart it is called again."""


class _Advisor:
    """Follow the scans that ask this process for advice, and answer their questions.

    One object serves one life (one start) of the process.
    """

    def __init__(self, life: Life, advise: Advise) -> None:
        self._life = life
        self._advise = advise
        self._name = life.setup.name
        self._todo = keys.todo["data_analysis"](self._name)
        self._begins: dict[Log[StepEntry], Begin] = {}
        self._answered: dict[Log[StepEntry], int] = {}
        self.positions: dict[Log[Any], Id] = {}

    def introduce(self) -> None:
        """Announce that scans may ask this process."""
        heartbeat = Heartbeat(
            service="data_analysis",
            pid=os.getpid(),
            state="running",
            version=__version__,
            time=time.time(),
            life=self._life.token,
        )
        self._life.bus.commit(
            [Put(keys.advisors(), heartbeat, self._name)], self._life.fence
        )

    def follow(self, scan_id: str) -> None:
        """Follow a scan that asks this process; its own output is the bookmark."""
        steps = keys.steps(scan_id)
        if steps in self.positions or self._life.bus.get(self._todo, scan_id) is None:
            return
        last = self._life.bus.last(keys.advice(scan_id, self._name))
        self._answered[steps] = last.id.index if last else -1
        self.positions[steps] = START

    def take(self, steps: Log[StepEntry], entry: StepEntry) -> None:
        """Take one entry of a step log; answer it, if it asks."""
        match entry:
            case Begin():
                self._begins[steps] = entry
            case Step() if entry.request.kind.traits.question:
                is_mine = entry.on == [f"analysis/{self._name}"]
                if is_mine and entry.index > self._answered[steps]:
                    self._answer(self._begins[steps], entry)
            case End():
                scan_id = self._begins[steps].scan_id
                self._life.bus.commit([Drop(self._todo, scan_id)], self._life.fence)
                del self.positions[steps], self._begins[steps], self._answered[steps]

    def _answer(self, begin: Begin, step: Step) -> None:
        value, problem = None, None
        try:
            value = self._advise(Question(begin, step.request.data))
        except BecError as error:
            problem = Problem.of(error)
        except Exception as error:  # the scan ends with it, this process goes on
            self._life.log.exception("a question cannot be answered")
            what = f"{self._name} failed: {type(error).__name__}: {error!s:.200}"
            problem = Problem(kind="BecError", message=what)
        status = AnswerStatus.OK if problem is None else AnswerStatus.ERROR
        answer = Answer(
            index=step.index,
            life=self._life.token,
            outcome=Outcome(status, problem, value=value),
        )
        log = keys.advice(begin.scan_id, self._name)
        self._life.check()
        self._life.bus.commit(
            [Append(log, answer, Id.of(step.index))], self._life.fence
        )


def answer_questions(life: Life, advise: Advise) -> None:
    """Answer every question that names this process (`BEC_NAME`), for one life."""
    advisor = _Advisor(life, advise)
    advisor.introduce()
    advisor.positions[keys.scans()], todo = unfinished(life)
    for taken in todo:
        advisor.follow(taken.scan_id)
    for log, entries in life.follow(advisor.positions):
        for entry in entries:
            if log == keys.scans():
                advisor.follow(entry.message.scan_id)
            else:
                advisor.take(log, entry.message)
