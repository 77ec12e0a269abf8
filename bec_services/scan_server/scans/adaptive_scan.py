"""Pure: Points where an analysis says, one after the other."""

from collections.abc import Iterator, Mapping
from typing import Any

from bec_kernel.errors import RefusedError
from bec_kernel.wire import Parameter, Readings
from bec_services.scan_server.program import (
    MOTOR,
    START,
    STOP,
    Bound,
    PointMaker,
    Position,
    Program,
    Scan,
    ask,
)


class AdaptiveScan(Scan):
    """Take points where an analysis says, until it has seen enough.

    Before each point the analysis receives the range of each motor and the readings of
    all points so far; it answers with a position inside the range, or with nothing.
    """

    name = "adaptive_scan"
    bundle = (MOTOR, START, STOP)
    bundles = (1, 0)
    options = (
        Parameter(name="ask", kind="str", required=True, doc="name of the analysis"),
        Parameter(
            name="max_points", kind="int", low=1, high=10_000, default=100, doc="limit"
        ),
        Parameter(
            name="patience",
            kind="float",
            unit="s",
            low=0.1,
            default=30.0,
            doc="longest silence of the analysis",
        ),
    )
    example = "adaptive_scan samx -5 5 --ask peak_finder --exp-time 0.1"

    def reach(self, bound: Bound) -> Iterator[Position]:
        """Yield the ends of the range."""
        yield {motor: start for motor, start, _ in bound.bundles}
        yield {motor: stop for motor, _, stop in bound.bundles}

    def shape(self, bound: Bound) -> list[int]:
        """Return nothing: how many points there will be is not known."""
        return []

    def asks(self, bound: Bound) -> list[str]:
        """Return the analysis."""
        return [bound["ask"]]

    def program(self, bound: Bound, taking: PointMaker) -> Program:
        """Ask, take the point, and ask again with what is known then."""
        ranges = {motor: [start, stop] for motor, start, stop in bound.bundles}
        seen: list[dict[str, Any]] = []
        while len(seen) < bound["max_points"]:
            told = {"range": ranges, "points": seen}
            position = yield ask(bound["ask"], told, bound["patience"])
            if not position:
                return
            readings = yield taking.point(_checked(position, ranges), answer=True)
            seen = [*seen, _plain(readings)]


def _checked(position: Any, ranges: Mapping[str, list[float]]) -> Position:
    """Return the position, if it is one inside the range of each motor."""
    try:
        found = {motor: float(position[motor]) for motor in ranges}
    except (KeyError, TypeError, ValueError) as error:
        raise RefusedError(
            f"the analysis said {position!r:.80}, which is not a position of "
            f"{', '.join(ranges)}"
        ) from error
    for motor, ends in ranges.items():
        if not min(ends) <= found[motor] <= max(ends):
            raise RefusedError(
                f"the analysis wants {motor} at {found[motor]:g}, outside "
                f"{min(ends):g} to {max(ends):g}"
            )
    return found


def _plain(readings: Mapping[str, Readings]) -> dict[str, Any]:
    """Return the values of all signals, by their names; arrays are left out."""
    signals = (pair for one in readings.values() for pair in one.items())
    return {
        name: reading.value
        for name, reading in signals
        if isinstance(reading.value, int | float | str | bool)
    }
