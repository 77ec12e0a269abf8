"""Pure: Points while a motor moves once along a line."""

from collections.abc import Iterator
from typing import ClassVar

from bec_kernel.wire import Condition, Form, Parameter, StepKind
from bec_services.scan_server.program import (
    Bound,
    PointMaker,
    Position,
    Program,
    StepRequest,
    number,
)
from bec_services.scan_server.scans.line_scan import LineScan


class ContLineScan(LineScan):
    """Move a motor once along a line; take a point as it passes each position.

    A point is begun when the motor is as near as `atol` to its position, or is past it:
    where it was exactly is in its readback. An exposure longer than the way to the next
    position takes shifts the points behind it.
    """

    name = "cont_line_scan"
    aliases: ClassVar[tuple[str, ...]] = ()
    forms: ClassVar[tuple[Form, ...]] = ()
    bundles = (1, 1)
    options: ClassVar[tuple[Parameter, ...]] = (
        *LineScan.options,
        number("offset", "run-up before the first and behind the last position", 0.0),
        number("atol", "a position counts as passed so far before it", 0.0),
    )
    example = "cont_line_scan samx -5 5 --steps 21 --offset 0.5 --exp-time 0.01"

    def reach(self, bound: Bound) -> Iterator[Position]:
        """Yield the ends of the way, run-up included."""
        yield from (dict([end]) for end in self._ends(bound))

    def program(self, bound: Bound, taking: PointMaker) -> Program:
        """Go to the run-up; then wait for each position while the motor moves."""
        begin, end = (taking.there(dict([one])) for one in self._ends(bound))
        ((motor, start, stop),) = bound.bundles
        yield StepRequest(kind=StepKind.MOVE, set=begin)
        for position in self.positions(bound):
            at, atol = taking.there(position)[motor], bound["atol"]
            passed = (
                Condition(device=motor, above=at - atol - _HAIR)
                if stop >= start
                else Condition(device=motor, below=at + atol + _HAIR)
            )
            yield StepRequest(kind=StepKind.WAIT, set=end, until=passed)
            for _ in range(bound["burst_at_each_point"]):
                yield taking.point({})
        yield StepRequest(kind=StepKind.MOVE, set=end)

    def _ends(self, bound: Bound) -> tuple[tuple[str, float], tuple[str, float]]:
        ((motor, start, stop),) = bound.bundles
        run_up = bound["offset"] if stop >= start else -bound["offset"]
        return (motor, start - run_up), (motor, stop + run_up)


_HAIR = 1e-9
"""Motor units: a motor that stands at a position has passed it."""
