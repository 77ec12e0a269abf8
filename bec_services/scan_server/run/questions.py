"""Pure: questions of a program: advice of an analysis, requests of a driver."""

from typing import Any

from bec_kernel.wire import Answer, AnswerStatus, Outcome, Verb
from bec_services.scan_server.program import DRIVER
from bec_services.scan_server.run.unit import RequestInFlight


class Questions:
    """Answers to a program's questions that are not recorded yet.

    An answer counts once it stands in the step log as a mark: an analysis that answers
    in the moment of a pause is asked again, whoever reads the logs later.
    """

    def __init__(self) -> None:
        self._advice: dict[int, tuple[Verb, Any]] = {}
        self._requests: list[Any] = []
        self._answered = 0
        self._silence = ""

    def advise(self, answer: Answer) -> None:
        """Take in what an analysis answers."""
        said: tuple[Verb, Any] = (Verb.ADVISED, answer.outcome.value)
        if answer.outcome.problem is not None:
            said = Verb.FAIL, answer.outcome.problem.message
        self._advice[answer.index] = said

    def drive(self, value: Any) -> None:
        """Take in the next request of the driver; each one once, in order."""
        self._requests.append(value)

    def silent(self, who: str, patience: float) -> None:
        """Take note that the analysis or driver asked gave no sign for `patience` s."""
        hint = "" if who == DRIVER else ": does this analysis run?"
        self._silence = f"{who} was silent for {patience:g} s{hint}"

    def reply(self, unit: RequestInFlight) -> tuple[Verb, Any] | None:
        """Return the decision to record for a question; None: there is no answer yet.

        Returns:
            `ADVISED` and the answer, or how the scan ends and why.
        """
        if unit.want.ask == DRIVER:
            if self._answered < len(self._requests):
                return Verb.ADVISED, self._requests[self._answered]
            return (Verb.ABANDONED, self._silence) if self._silence else None
        if unit.index in self._advice:
            return self._advice[unit.index]
        return (Verb.FAIL, self._silence) if self._silence else None

    def answer(self, unit: RequestInFlight, value: Any) -> None:
        """A question is answered: it is written down."""
        self._answered += unit.want.ask == DRIVER
        self._silence = ""
        said = Outcome(AnswerStatus.OK, value=value)
        answer = Answer(index=unit.index, life=0, outcome=said)
        unit.answers[unit.servers[0]] = answer
