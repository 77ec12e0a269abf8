"""Pure: One want of a program on its way, and the program it comes from."""

from dataclasses import dataclass, field
from typing import Any, Protocol

from bec_kernel.wire import Answer, AnswerStatus
from bec_services.scan_server.program import Program, StepRequest


class ProgramFrame(Protocol):
    """A scan's program in two parts: what it is for, and what is always done after."""

    def body(self) -> Program:
        """From open to the last point."""
        ...

    def cleanup(self, *, moves: bool) -> Program:
        """From there to close, possible at any time; `moves`: motors may go back."""
        ...


@dataclass(eq=False)
class RequestInFlight:
    """A want on its way, through all its attempts.

    Attributes:
        want: what the program wants.
        servers: that must answer.
        attempt: how often it was begun, as far as one knows.
        lost: how often it got lost.
        index: of the step it is now.
        cleanup: belongs to the clean-up.
        answers: to that step, by server.
    """

    want: StepRequest
    servers: list[str]
    attempt: int = 0
    lost: int = 0
    index: int = -1
    cleanup: bool = False
    answers: dict[str, Answer] = field(default_factory=dict)

    @property
    def answered(self) -> bool:
        """All servers have answered."""
        return len(self.answers) == len(self.servers)

    @property
    def ok(self) -> bool:
        """All servers have answered, and it is done."""
        return self.answered and all(
            a.outcome.status is AnswerStatus.OK for a in self.answers.values()
        )

    @property
    def trouble(self) -> Answer | None:
        """The first answer that is not ok."""
        answers, ok = self.answers.values(), AnswerStatus.OK
        return next((a for a in answers if a.outcome.status is not ok), None)

    @property
    def untouched(self) -> bool:
        """It was withdrawn before any device was touched: this does not count."""
        trouble = self.trouble
        if trouble is None or len(self.servers) > 1:
            return False
        return trouble.outcome.status is AnswerStatus.WITHDRAWN

    @property
    def is_question(self) -> bool:
        """Nothing is done for it: it may stay without an answer."""
        return self.want.kind.traits.question

    def told(self) -> Any:
        """Return the answer for the program: readings of all servers, or a value."""
        if self.want.kind.traits.value:
            return next(iter(self.answers.values())).outcome.value
        return {d: r for a in self.answers.values() for d, r in a.outcome.data.items()}
