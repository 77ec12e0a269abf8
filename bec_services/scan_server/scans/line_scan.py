"""Pure: Motors together along a line."""

from collections.abc import Iterator
from typing import ClassVar

from bec_kernel.wire import Form, Parameter
from bec_services.scan_server.program import (
    MOTOR,
    RELATIVE,
    START,
    STOP,
    Bound,
    Position,
    Scan,
    ascan,
)


class LineScan(Scan):
    """Move one or more motors together along a straight line; read at each stop.

    The stops are evenly spaced; first and last position are included.
    """

    name = "line_scan"
    forms: ClassVar[tuple[Form, ...]] = (
        ascan("ascan", 1),
        ascan("a2scan", 2),
        ascan("dscan", 1, relative=True),
        ascan("d2scan", 2, relative=True),
    )
    bundle = (MOTOR, START, STOP)
    bundles = (1, 0)
    options: ClassVar[tuple[Parameter, ...]] = (
        Parameter(
            name="steps", kind="int", low=1, required=True, doc="number of points"
        ),
        RELATIVE,
    )
    example = "line_scan samx -5 5 --steps 21 --exp-time 0.1"

    def count(self, bound: Bound) -> float:
        """Return the number of stops."""
        return float(bound["steps"])

    def positions(self, bound: Bound) -> Iterator[Position]:
        """Yield evenly spaced positions, both ends included."""
        steps = int(bound["steps"])
        for i in range(steps):
            part = i / (steps - 1) if steps > 1 else 0.0
            yield {m: a + (b - a) * part for m, a, b in bound.bundles}
