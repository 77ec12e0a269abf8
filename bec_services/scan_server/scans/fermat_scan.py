"""Pure: Two motors over a rectangle, along a spiral of even density."""

import math
from collections.abc import Iterator

from bec_kernel.wire import Parameter
from bec_services.scan_server.program import (
    MOTOR,
    OPTIM_TRAJECTORY,
    RELATIVE,
    START,
    STOP,
    Bound,
    PlanePoint,
    Position,
    Scan,
    at,
    few,
    number,
    ordered,
    positive,
)

GOLDEN = (1 + math.sqrt(5)) / 2


class FermatScan(Scan):
    """Cover a rectangle by a Fermat spiral: even density, no preferred direction.

    Point i lies at the angle i * pi * (2 * golden ratio + spiral_type), at the distance
    step * sqrt(i / pi) from the middle (H. Vogel, Math. Biosci. 44, 179, 1979, whose
    is the spiral of type 0).
    """

    name = "fermat_scan"
    scattered = True
    bundle = (MOTOR, START, STOP)
    bundles = (2, 2)
    options = (
        number("step", "mean distance of neighbours"),
        RELATIVE,
        Parameter(
            name="spiral_type",
            kind="float",
            default=0.0,
            low=0.0,
            high=2.0,
            doc="number of half turns added to the step from point to point",
        ),
        OPTIM_TRAJECTORY,
    )
    example = "fermat_scan samx -1 1 samy -1 1 --step 0.2 --exp-time 0.1"

    def positions(self, bound: Bound) -> Iterator[Position]:
        """Yield the spiral's points inside the rectangle, from its middle outwards."""
        positive(bound, "step")
        return at(bound, ordered(bound, _spiral(bound)))


def _spiral(bound: Bound) -> Iterator[PlanePoint]:
    (_, x0, x1), (_, y0, y1) = bound.bundles
    middle = (x0 + x1) / 2, (y0 + y1) / 2
    half = abs(x1 - x0) / 2, abs(y1 - y0) / 2
    reach = math.hypot(*half)
    few(FermatScan.name, math.pi * (reach / bound["step"]) * (reach / bound["step"]))
    turn = math.pi * (2 * GOLDEN + bound["spiral_type"])
    i = 0
    while (radius := bound["step"] * math.sqrt(i / math.pi)) <= reach:
        angle = turn * i
        dx, dy = radius * math.cos(angle), radius * math.sin(angle)
        if abs(dx) <= half[0] and abs(dy) <= half[1]:
            yield middle[0] + dx, middle[1] + dy
        i += 1
