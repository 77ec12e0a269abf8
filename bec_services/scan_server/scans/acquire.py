"""Take points where one is."""

from collections.abc import Iterator

from bec_services.scan_server.program import spec_names
from bec_services.scan_server.program.scan import Bound, Position, Scan


class Acquire(Scan):
    """Take one point, or a burst of points, without moving anything."""

    name = "acquire"
    forms = (spec_names.CT, spec_names.LOOPSCAN, spec_names.TIMESCAN)
    example = "acquire --exp-time 0.1 --burst-at-each-point 3"

    def positions(self, bound: Bound) -> Iterator[Position]:
        """Yield one position at which nothing moves."""
        yield {}
