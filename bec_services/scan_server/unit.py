"""One want of a program on its way, and the program it comes from."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from bec_kernel.wire import Answer, AnswerStatus, Readings, Step, StepEntry
from bec_services.scan_server.want import Program, Want


class Frame(Protocol):
    """A scan's program in two parts: what it is for, and what is always done after."""

    def body(self) -> Program:
        """From open to the last point."""
        ...

    def cleanup(self, *, moves: bool) -> Program:
        """From there to close, possible at any time; `moves`: motors may go back."""
        ...


@dataclass(eq=False)
class Unit:
    """A want on its way, through all its attempts.

    Attributes:
        want: what the program wants.
        servers: that must answer.
        attempt: how often it was issued.
        lost: how often it got lost.
        index: of the step it is now.
        cleanup: belongs to the clean-up.
        answers: to that step, by server.
    """

    want: Want
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
            a.status is AnswerStatus.OK for a in self.answers.values()
        )

    @property
    def trouble(self) -> Answer | None:
        """The first answer that is not ok."""
        bad = (a for a in self.answers.values() if a.status is not AnswerStatus.OK)
        return next(bad, None)

    def data(self) -> Mapping[str, Readings]:
        """Return the readings of all servers."""
        return {d: r for a in self.answers.values() for d, r in a.data.items()}


def equal(entry: StepEntry, step: Step) -> bool:
    """Say whether a recorded entry is this step; how far one had seen is no matter."""
    if not isinstance(entry, Step):
        return False
    return all(
        getattr(entry, name) == getattr(step, name)
        for name in Step.__struct_fields__
        if name != "seen"
    )
