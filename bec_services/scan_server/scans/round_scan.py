"""Pure: Two motors over rings."""

import math
from collections.abc import Iterator

from bec_kernel.errors import RefusedError
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
    count,
    few,
    number,
    ordered,
    positive,
)

_CENTERS = (
    number("center_1", "middle of the rings, first motor", 0.0),
    number("center_2", "middle of the rings, second motor", 0.0),
)
_FIRST_RING = count("pos_in_first_ring", "points on the first ring")


class RoundScan(Scan):
    """Cover a disc by rings; ring k has k times as many points as the first.

    The rings lie between the inner radius, which is left out, and the outer one.
    """

    name = "round_scan"
    scattered = True
    bundle = (MOTOR,)
    bundles = (2, 2)
    options = (
        number("inner_radius", "where the rings begin; has no points itself"),
        number("outer_radius", "of the last ring"),
        count("number_of_rings", "rings between the two"),
        _FIRST_RING,
        *_CENTERS,
        RELATIVE,
        OPTIM_TRAJECTORY,
    )
    example = (
        "round_scan samx samy --inner-radius 0 --outer-radius 1"
        " --number-of-rings 5 --pos-in-first-ring 4"
    )

    def positions(self, bound: Bound) -> Iterator[Position]:
        """Yield the points ring by ring, from the inside."""
        inner, outer = bound["inner_radius"], bound["outer_radius"]
        if not 0 <= inner < outer:
            raise RefusedError(
                f"outer_radius must be above inner_radius ({inner:g}, at least 0), "
                f"not {outer:g}",
                subject="outer_radius",
                value=f"{outer:g}",
            )
        rings = bound["number_of_rings"]
        few(self.name, _points_on(bound, rings))
        step = (outer - inner) / rings
        radii = (inner + step * k for k in range(1, rings + 1))
        return at(bound, ordered(bound, _rings(bound, radii)))


class RoundRoiScan(Scan):
    """Cover a rectangle by rings around a centre; points outside are left out."""

    name = "round_roi_scan"
    scattered = True
    bundle = (MOTOR, START, STOP)
    bundles = (2, 2)
    options = (
        number("shell_spacing", "distance from ring to ring"),
        _FIRST_RING,
        *_CENTERS,
        RELATIVE,
        OPTIM_TRAJECTORY,
    )
    example = (
        "round_roi_scan samx -1 1 samy -1 1 --shell-spacing 0.2 --pos-in-first-ring 4"
    )

    def positions(self, bound: Bound) -> Iterator[Position]:
        """Yield the points inside the rectangle, ring by ring, from the inside."""
        positive(bound, "shell_spacing")
        (_, x0, x1), (_, y0, y1) = bound.bundles
        (x0, x1), (y0, y1) = sorted((x0, x1)), sorted((y0, y1))
        cx, cy = bound["center_1"], bound["center_2"]
        reach = max(math.hypot(x - cx, y - cy) for x in (x0, x1) for y in (y0, y1))
        few(self.name, _points_on(bound, reach / bound["shell_spacing"]))
        rings = math.ceil(reach / bound["shell_spacing"])
        radii = (bound["shell_spacing"] * k for k in range(1, rings + 1))
        points = _rings(bound, radii)
        edge = 1e-9 * max(x1 - x0, y1 - y0)  # a point on the rim is inside
        inside = (
            (x, y)
            for x, y in points
            if x0 - edge <= x <= x1 + edge and y0 - edge <= y <= y1 + edge
        )
        return at(bound, ordered(bound, inside))


def _points_on(bound: Bound, rings: float) -> float:
    return float(bound["pos_in_first_ring"]) * rings * (rings + 1) / 2


def _rings(bound: Bound, radii: Iterator[float]) -> Iterator[PlanePoint]:
    cx, cy = bound["center_1"], bound["center_2"]
    for k, radius in enumerate(radii, start=1):
        on_ring = k * bound["pos_in_first_ring"]
        for i in range(on_ring):
            angle = 2 * math.pi * i / on_ring
            yield cx + radius * math.cos(angle), cy + radius * math.sin(angle)
