"""Pure: what a scan's program yields, and what it is sent back."""

from collections.abc import Generator
from typing import Any

from bec_kernel.wire import StepKind, StepRequest

__all__ = ["DRIVER", "Program", "StepRequest", "ask"]

DRIVER = "driver"
"""Name under which the person who drives an interactive scan is asked; reserved."""

Program = Generator[StepRequest, Any, None]
"""A scan as it runs: a pure function of its first entry and of the answers.

It is sent what it asked for: readings by device, or the value of an answer.
"""


def ask(who: str, data: dict[str, Any], patience: float) -> StepRequest:
    """Ask an analysis, by its name; the scan fails when it is silent for too long.

    Args:
        who: name of the analysis.
        data: what it is told; plain data.
        patience: s, wall clock.
    """
    return StepRequest(
        kind=StepKind.ASK, ask=who, data=data, patience=patience, answer=True
    )
