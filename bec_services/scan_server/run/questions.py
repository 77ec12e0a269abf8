"""What a program asks of others: an analysis' advice, the next wish of a driver."""

from typing import Any

from bec_kernel.wire import Answer, AnswerStatus, Verb
from bec_services.scan_server.program import DRIVER
from bec_services.scan_server.run.unit import RequestInFlight


class Questions:
    """What was said to a program's questions, and is not written down yet.

    An answer counts once it stands in the step log as a mark: an analysis that answers
    in the moment of a pause is asked again, whoever reads the logs later.
    """

    def __init__(self) -> None:
        self._advice: dict[int, tuple[Verb, Any]] = {}
        self._wishes: list[Any] = []
        self._wished = 0
        self._silence = ""

    def advise(self, answer: Answer) -> None:
        """Take in what an analysis answers."""
        said: tuple[Verb, Any] = (Verb.ADVISED, answer.value)
        if answer.problem is not None:
            said = Verb.FAIL, answer.problem.message
        self._advice[answer.index] = said

    def wish(self, value: Any) -> None:
        """Take in what the driver wants next; each wish once, in their order."""
        self._wishes.append(value)

    def silent(self, who: str, patience: float) -> None:
        """Who is asked has been silent for too long."""
        hint = "" if who == DRIVER else ": does this analysis run?"
        self._silence = f"{who} was silent for {patience:g} s{hint}"

    def reply(self, unit: RequestInFlight) -> tuple[Verb, Any] | None:
        """Return what to write down for a question, or None: nothing was said yet.

        Returns:
            `ADVISED` and the answer, or how the scan ends and why.
        """
        if unit.want.ask == DRIVER:
            if self._wished < len(self._wishes):
                return Verb.ADVISED, self._wishes[self._wished]
            return (Verb.ABANDONED, self._silence) if self._silence else None
        if unit.index in self._advice:
            return self._advice[unit.index]
        return (Verb.FAIL, self._silence) if self._silence else None

    def answer(self, unit: RequestInFlight, value: Any) -> None:
        """A question is answered: it is written down."""
        self._wished += unit.want.ask == DRIVER
        self._silence = ""
        answer = Answer(index=unit.index, status=AnswerStatus.OK, life=0, value=value)
        unit.answers[unit.servers[0]] = answer
