"""Pure: Two motors over a hexagonal grid."""

import math
from collections.abc import Iterator

from bec_kernel.wire import Parameter
from bec_services.scan_server.program import (
    MOTOR,
    RELATIVE,
    START,
    STOP,
    Bound,
    PlanePoint,
    Position,
    Scan,
    at,
    few,
)


class HexagonalScan(Scan):
    """Cover a rectangle by a hexagonal grid: every other line shifted by half a step.

    The first motor is the fast axis. With the second step sqrt(3)/2 of the first, all
    neighbours are equally far away.
    """

    name = "hexagonal_scan"
    scattered = True
    bundle = (
        MOTOR,
        START,
        STOP,
        Parameter(
            name="step",
            kind="float",
            unit="motor",
            low=1e-9,
            required=True,
            doc="distance of neighbours on this axis",
        ),
    )
    bundles = (2, 2)
    options = (
        RELATIVE,
        Parameter(name="snaked", kind="bool", default=True, doc="back and forth"),
    )
    example = "hexagonal_scan samx -1 1 0.2 samy -1 1 0.1732 --exp-time 0.1"

    def positions(self, bound: Bound) -> Iterator[Position]:
        """Yield the grid line by line, the first axis running fastest."""
        return at(bound, _lines(bound))


def _lines(bound: Bound) -> Iterator[PlanePoint]:
    (_, x0, x1, dx), (_, y0, y1, dy) = bound.bundles
    few(HexagonalScan.name, (abs(x1 - x0) / dx + 1) * (abs(y1 - y0) / dy + 1))
    for line in range(_steps(y0, y1, dy) + 1):
        y = y0 + line * math.copysign(dy, y1 - y0)
        shift = math.copysign(dx / 2, x1 - x0) if line % 2 else 0.0
        count = _steps(x0 + shift, x1, dx) + 1 if _fits(x0 + shift, x0, x1) else 0
        xs = [x0 + shift + i * math.copysign(dx, x1 - x0) for i in range(count)]
        for x in reversed(xs) if bound["snaked"] and line % 2 else xs:
            yield x, y


def _steps(start: float, stop: float, step: float) -> int:
    # A hair more than the quotient: 2 / 0.2 must be ten steps, not nine.
    return math.floor(abs(stop - start) / step + 1e-9) if step > 0 else 0


def _fits(x: float, x0: float, x1: float) -> bool:
    return min(x0, x1) <= x <= max(x0, x1)
