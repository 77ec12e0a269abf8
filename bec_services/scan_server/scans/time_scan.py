"""Pure: Points at even intervals."""

from collections.abc import Iterator

from bec_kernel.wire import Parameter
from bec_services.scan_server.program import Bound, Position, Scan, seconds


class TimeScan(Scan):
    """Take points at even intervals without moving anything.

    Point n is taken n times the interval after the scan was opened, by the devices'
    own clock: the intervals do not drift, however long a point takes.
    """

    name = "time_scan"
    options = (
        Parameter(
            name="points", kind="int", low=1, required=True, doc="number of points"
        ),
        seconds("interval", "between the beginnings of two points", default=None),
    )
    example = "time_scan --points 100 --interval 2 --exp-time 0.1"

    def count(self, bound: Bound) -> float:
        """Return the number of points."""
        return float(bound["points"])

    def positions(self, bound: Bound) -> Iterator[Position]:
        """Yield positions at which nothing moves."""
        for _ in range(int(bound["points"])):
            yield {}

    def due(self, bound: Bound, number: int) -> float | None:
        """Return when a position is due: exact multiples, no sum that drifts."""
        return number * float(bound["interval"])
