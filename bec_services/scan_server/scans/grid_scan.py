"""Pure: Motors over a grid."""

import math
from collections.abc import Iterator, Sequence
from typing import Any

from bec_kernel.wire import Parameter
from bec_services.scan_server.program import (
    MOTOR,
    RELATIVE,
    START,
    STOP,
    Bound,
    Position,
    Scan,
    mesh,
)


class GridScan(Scan):
    """Move two or more motors over a grid; read at each crossing.

    The first motor is the fast axis. Snaked: every other line is run backwards.
    """

    name = "grid_scan"
    bundle = (
        MOTOR,
        START,
        STOP,
        Parameter(
            name="steps", kind="int", low=1, required=True, doc="points on this axis"
        ),
    )
    bundles = (2, 0)
    options = (
        RELATIVE,
        Parameter(name="snaked", kind="bool", default=True, doc="back and forth"),
    )
    forms = (mesh("mesh"), mesh("dmesh", relative=True))
    example = "grid_scan samx -1 1 11 samy -1 1 5 --exp-time 0.1"

    def count(self, bound: Bound) -> float:
        """Return the number of crossings."""
        return math.prod(float(steps) for *_, steps in bound.bundles)

    def positions(self, bound: Bound) -> Iterator[Position]:
        """Yield the crossings, the first axis running fastest."""
        yield from lines(bound.bundles[::-1], snaked=bool(bound["snaked"]))

    def shape(self, bound: Bound) -> list[int]:
        """Return (slow, …, fast); a burst adds points to the fast axis."""
        sizes = [int(steps) for *_, steps in bound.bundles[::-1]]
        sizes[-1] *= int(bound["burst_at_each_point"])
        return sizes


def lines(
    axes: Sequence[Sequence[Any]], *, snaked: bool, backwards: bool = False
) -> Iterator[Position]:
    """Yield all crossings of a grid. Keeps none: there may be many.

    Args:
        axes: motor, start, stop and number of points of each, the slowest first.
        snaked: every other line is run backwards.
        backwards: the first axis is.
    """
    if not axes:
        yield {}
        return
    motor, start, stop, steps = axes[0]
    for i in range(steps)[:: -1 if backwards else 1]:
        at = start + (stop - start) * (i / (steps - 1) if steps > 1 else 0.0)
        turned = backwards is not (snaked and i % 2 == 1)
        for rest in lines(axes[1:], snaked=snaked, backwards=turned):
            yield {motor: at, **rest}
