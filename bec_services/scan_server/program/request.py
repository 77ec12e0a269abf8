"""Steps that a scan's program yields, and the answers it receives."""

from collections.abc import Generator
from typing import Any

import msgspec

from bec_kernel.wire import Condition, StepKind

DRIVER = "driver"
"""Name under which the driver of an interactive scan is asked; no analysis has it."""


class StepRequest(msgspec.Struct, frozen=True, kw_only=True):
    """One thing the program wants done; the worker makes a numbered step of it.

    Attributes:
        kind: what.
        set: setpoints, motor units.
        devices: the devices concerned, where the kind needs them.
        point_id: of a point; counts from 0.
        settle: between arrival and trigger, s; of a wait: before it begins.
        exposure: at least this long between trigger and read, s.
        settle_after: between trigger and read, on top, s.
        at: earliest time, s after the scan was opened.
        until: not before this is so; or, with `set`, when the motors have arrived.
        ask: the one asked: an analysis by its name, or `DRIVER`.
        data: what is asked.
        patience: longest silence of the one asked, s, wall clock.
        answer: the program goes on only with the readings in its hand, or with what
            was answered.
    """

    kind: StepKind
    set: dict[str, float] = {}
    devices: list[str] = []
    point_id: int | None = None
    settle: float = 0.0
    exposure: float = 0.0
    settle_after: float = 0.0
    at: float | None = None
    until: Condition | None = None
    ask: str = ""
    data: dict[str, Any] = {}
    patience: float = 0.0
    answer: bool = False


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
