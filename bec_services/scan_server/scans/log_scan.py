"""Pure: Motors together along a line, the stops ever further apart."""

from collections.abc import Iterator
from typing import ClassVar

from bec_kernel.wire import Form
from bec_services.scan_server.program import Bound, Position
from bec_services.scan_server.scans.line_scan import LineScan


class LogScan(LineScan):
    """Move motors together along a line; the distance between stops grows.

    The travelled part of the way is spaced logarithmically over one decade: small
    steps at the start, large ones at the end. A range may cross zero.
    """

    name = "log_scan"
    forms: ClassVar[tuple[Form, ...]] = ()
    example = "log_scan samx 0 10 --steps 21 --exp-time 0.1"

    def positions(self, bound: Bound) -> Iterator[Position]:
        """Yield positions whose way from the start is 10 to the power of even steps."""
        steps = int(bound["steps"])
        for i in range(steps):
            part = (10 ** (i / (steps - 1)) - 1) / 9 if steps > 1 else 0.0
            yield {m: a + (b - a) * part for m, a, b in bound.bundles}
