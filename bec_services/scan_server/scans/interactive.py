"""Pure: Whatever somebody wants next, step by step, as one scan with one file."""

from collections.abc import Iterator
from typing import Any

from bec_kernel.wire import StepKind
from bec_services.scan_server.program import (
    DRIVER,
    MOTOR,
    Bound,
    PointMaker,
    Position,
    Program,
    Scan,
    StepRequest,
    ask,
)

PATIENCE = 15.0
"""Longest silence of a driver, s; then it counts as gone."""


class Interactive(Scan):
    """Move and take points as a notebook says, one by one, into one file.

    The motors it may move are named at its start. It ends when its driver says so, and
    as `interrupted` when its driver vanishes.
    """

    name = "interactive"
    bundle = (MOTOR,)
    bundles = (0, 0)
    example = "interactive samx samy --exp-time 0.1"
    driven = True

    def reach(self, bound: Bound) -> Iterator[Position]:
        """Yield nothing: each command is checked when it comes."""
        yield from ()

    def shape(self, bound: Bound) -> list[int]:
        """Return nothing: how many points there will be is not known."""
        return []

    def program(self, bound: Bound, taking: PointMaker) -> Program:
        """Ask the driver again and again, and do what it says."""
        while not (wish := (yield ask(DRIVER, {}, PATIENCE)))["end"]:
            yield from _do(wish, taking)


def _do(wish: dict[str, Any], taking: PointMaker) -> Program:
    if wish["point"]:
        yield taking.point(wish["set"])
    elif wish["set"]:
        yield StepRequest(kind=StepKind.MOVE, set=wish["set"])
