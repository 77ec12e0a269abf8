"""Motors over a grid."""

from collections.abc import Iterator

from bec_kernel.wire import Parameter
from bec_services.scan_server.scan import (
    MOTOR,
    RELATIVE,
    START,
    STOP,
    Bound,
    Position,
    Scan,
)


class GridScan(Scan):
    """Move two or more motors over a grid; read at each crossing.

    The first motor is the fast axis. Snaked: every other line is run backwards.
    """

    name = "grid_scan"
    aliases = ("mesh",)
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
    example = "grid_scan samx -1 1 11 samy -1 1 5 --exp-time 0.1"

    def positions(self, bound: Bound) -> Iterator[Position]:
        """Yield the crossings, the first axis running fastest."""
        yield from _lines(bound.bundles[::-1], snaked=bool(bound["snaked"]))

    def shape(self, bound: Bound) -> list[int]:
        """Return (slow, …, fast); a burst adds points to the fast axis."""
        sizes = [int(steps) for *_, steps in bound.bundles[::-1]]
        sizes[-1] *= int(bound["burst_at_each_point"])
        return sizes


def _lines(
    axes: list[list[object]], *, snaked: bool, backwards: bool = False
) -> Iterator[Position]:
    """Yield all positions of `axes`, slowest first. Keeps none: there may be many."""
    if not axes:
        yield {}
        return
    motor, start, stop, steps = axes[0]
    assert isinstance(start, float)
    assert isinstance(stop, float)
    assert isinstance(steps, int)
    for i in range(steps)[:: -1 if backwards else 1]:
        at = start + (stop - start) * (i / (steps - 1) if steps > 1 else 0.0)
        turned = backwards is not (snaked and i % 2 == 1)
        for rest in _lines(axes[1:], snaked=snaked, backwards=turned):
            yield {str(motor): at, **rest}
