"""Pure: steps that a scan's program yields, and the answers it receives."""

from collections.abc import Generator
from typing import Any

from bec_kernel.wire import StepKind, StepRequest

__all__ = ["DRIVER", "Program", "StepRequest", "ask"]

DRIVER = "driver"
"""Name under which the driver of an interactive scan is asked; no analysis has it."""


Program = Generator[StepRequest, Any, None]
"""A scan as it runs: a pure function of its first entry and of the answers.

It is sent what it asked for: readings by device, or the value of an answer.
"""


def ask(who: str, data: dict[str, Any], patience: float) -> StepRequest:
    """Ask an analysis, by its name; the scan fails when it is silent for too long.

    Args:
        who: name of the analysis, `DRIVER` for a person.
        data: sent to it; plain data.
        patience: s, wall clock.
    """
    return StepRequest(
        kind=StepKind.ASK, ask=who, data=data, patience=patience, answer=True
    )
