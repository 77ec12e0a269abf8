"""Pure: decides what may be done with a step, the same after any restart.

The rules are functions of the logs, and of `born`: how long the step log was when this
life of the device server began. So failures spread through the look-ahead by
themselves: one step is lost, the rest of its epoch is withdrawn, without a message to
anyone.

A point over several device servers has a gate between its phases, too: no server
triggers before all have arrived, none reads before all were triggered.
"""

from enum import Enum

from bec_kernel.wire import AnswerStatus, Step


class Verdict(Enum):
    """What to do with a step, or with its next phase."""

    DO = "do"
    WAIT = "wait"
    LOST = "lost"
    WITHDRAWN = "withdrawn"


class Gate:
    """The rules for one scan on one device server.

    Args:
        server: name of this device server.
        born: index of the newest step when this life began.

    Attributes:
        before: the step before the one to be decided.
    """

    def __init__(self, server: str, born: int) -> None:
        self._server = server
        self._born = born
        self._stopped = -1
        self._cut = -1
        self._decided = False
        self.before: Step | None = None
        self._answers: dict[tuple[int, str], AnswerStatus] = {}
        self._phases: dict[tuple[int, str], int] = {}

    def stop(self, epoch: int, severity: int = 1) -> None:
        """Withdraw steps of this epoch and older ones.

        A step that was begun on every server still ends well, unless `severity` is
        above 1: then it is not waited for at the gate between two phases, either.
        """
        self._stopped = max(self._stopped, epoch)
        if severity > 1:
            self._cut = max(self._cut, epoch)

    def answered(self, server: str, index: int, status: AnswerStatus) -> None:
        """Take note of an answer, of this server or another."""
        self._answers[index, server] = status

    def reached(self, server: str, index: int, phase: int) -> None:
        """Take note how far a server has come; of this one: in an earlier life."""
        self._phases[index, server] = phase

    def passed(self, step: Step) -> None:
        """Take note that `step` is behind us: it is the gate of the next one."""
        if self.before is not None:
            for server in self.before.on:
                self._answers.pop((self.before.index, server), None)
                self._phases.pop((self.before.index, server), None)
        self.before = step

    def verdict(self, step: Step) -> Verdict:
        """Decide about `step`, the next one of this scan."""
        verdict = self._verdict(step)
        self._decided = self._decided or verdict is not Verdict.WAIT
        return verdict

    def _verdict(self, step: Step) -> Verdict:
        if (step.index, self._server) in self._phases:
            return Verdict.LOST  # an earlier life was in the middle of it
        old = step.index <= self._born and step.request.kind.traits.once
        if step.epoch <= self._stopped:
            # An earlier life did one after the other: it may have begun with the first.
            return Verdict.LOST if old and not self._decided else Verdict.WITHDRAWN
        before = self.before
        if before is not None and before.epoch == step.epoch:
            states = [self._answers.get((before.index, name)) for name in before.on]
            if any(state not in (None, AnswerStatus.OK) for state in states):
                return Verdict.WITHDRAWN
            if None in states and step.seen < before.index:
                return Verdict.WAIT
        return Verdict.LOST if old else Verdict.DO

    def silent(self, step: Step) -> list[str]:
        """Return the servers whose answer to `step` is not known."""
        return [name for name in step.on if (step.index, name) not in self._answers]

    def phase_verdict(self, step: Step, phase: int) -> Verdict:
        """Return whether to go on with `step`, after this server has ended `phase`."""
        bad = (self._answers.get((step.index, name)) for name in step.on)
        if any(status not in (None, AnswerStatus.OK) for status in bad):
            return Verdict.WITHDRAWN
        if not self.behind(step, phase):
            return Verdict.DO
        return Verdict.WITHDRAWN if step.epoch <= self._cut else Verdict.WAIT

    def behind(self, step: Step, phase: int) -> list[str]:
        """Return the other servers that have not ended `phase` of `step`."""
        return [
            name
            for name in step.on
            if name != self._server
            and (step.index, name) not in self._answers
            and self._phases.get((step.index, name), 0) < phase
        ]
