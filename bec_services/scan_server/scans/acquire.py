"""Pure: Take points where one is."""

from collections.abc import Iterator

from bec_services.scan_server.program import (
    CT,
    LOOPSCAN,
    TIMESCAN,
    Bound,
    Position,
    Scan,
)


class Acquire(Scan):
    """Take one point, or a burst of points, without moving anything."""

    name = "acquire"
    forms = (CT, LOOPSCAN, TIMESCAN)
    example = "acquire --exp-time 0.1 --burst-at-each-point 3"

    def positions(self, bound: Bound) -> Iterator[Position]:
        """Yield one position at which nothing moves."""
        yield {}
