"""Pure: One or two motors through regions, one after the other."""

from collections.abc import Iterator
from typing import Any

from bec_kernel.errors import RefusedError
from bec_kernel.wire import Parameter
from bec_services.scan_server.program import MOTOR, RELATIVE, Bound, Position, Scan
from bec_services.scan_server.scans.grid_scan import lines


class MultiRegionLineScan(Scan):
    """Move a motor through regions, each evenly spaced with both its ends.

    Where one region ends and the next one begins at the same place, two points are
    taken there.
    """

    name = "multi_region_line_scan"
    bundle = (MOTOR,)
    bundles = (1, 1)
    options = (
        Parameter(
            name="regions",
            kind="number_lists",
            shape=[3],
            unit="motor",
            required=True,
            doc="start, stop and number of points of each",
        ),
        RELATIVE,
    )
    example = "multi_region_line_scan samx --regions [[0,1,5],[2,3,11]] --exp-time 0.1"

    def count(self, bound: Bound) -> float:
        """Return the number of points of all regions."""
        return float(sum(abs(steps) for *_, steps in bound["regions"]))

    def positions(self, bound: Bound) -> Iterator[Position]:
        """Yield the regions' positions one after the other."""
        (motor,) = bound.motors
        for number, region in enumerate(bound["regions"]):
            yield from lines([_axis(motor, region, number)], snaked=False)


class MultiRegionGridScan(Scan):
    """Move two motors over rectangles, each with a grid of its own.

    One region is a `grid_scan`: its first motor is the fast one. Snaked: every other
    line of a region is run backwards.
    """

    name = "multi_region_grid_scan"
    scattered = True
    bundle = (MOTOR,)
    bundles = (2, 2)
    options = (
        Parameter(
            name="regions",
            kind="number_lists",
            shape=[2, 3],
            unit="motor",
            required=True,
            doc="start, stop and number of points of each, for both motors",
        ),
        RELATIVE,
        Parameter(name="snaked", kind="bool", default=True, doc="back and forth"),
    )
    example = (
        "multi_region_grid_scan samx samy"
        " --regions [[[0,1,5],[0,1,3]],[[4,5,11],[0,1,3]]] --exp-time 0.1"
    )

    def count(self, bound: Bound) -> float:
        """Return the number of crossings of all regions."""
        return float(sum(abs(x[2] * y[2]) for x, y in bound["regions"]))

    def positions(self, bound: Bound) -> Iterator[Position]:
        """Yield the regions' crossings one region after the other."""
        for number, region in enumerate(bound["regions"]):
            fast, slow = (
                _axis(motor, part, number)
                for motor, part in zip(bound.motors, region, strict=True)
            )
            yield from lines([slow, fast], snaked=bool(bound["snaked"]))


def _axis(motor: str, region: list[float], number: int) -> list[Any]:
    """Return motor, start, stop and number of points.

    Raises:
        RefusedError: the number of points is none.
    """
    start, stop, steps = region
    if steps < 1 or steps != int(steps):
        raise RefusedError(
            f"regions: region {number} has {steps:g} points for {motor}: it must be a "
            "whole number, at least 1",
            subject="regions",
            value=f"{steps:g}",
            allowed="a whole number, at least 1",
        )
    return [motor, start, stop, int(steps)]
