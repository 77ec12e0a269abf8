"""Scans of the example beamline, found through the entry point group ``bec.scans``."""

from collections.abc import Iterator

from bec_kernel.wire import Parameter
from bec_services.scan_server.program import (
    MOTOR,
    RELATIVE,
    START,
    STOP,
    Bound,
    Position,
    Scan,
)


class ThereAndBack(Scan):
    """Move a motor along a line and the same way back; read at each stop.

    The turning point is read once. Two curves that differ tell of backlash or drift.
    """

    name = "there_and_back"
    bundle = (MOTOR, START, STOP)
    bundles = (1, 1)
    options = (
        Parameter(name="steps", kind="int", low=2, required=True, doc="points one way"),
        RELATIVE,
    )
    example = "there_and_back samx -5 5 --steps 11 --exp-time 0.1"

    def positions(self, bound: Bound) -> Iterator[Position]:
        """Yield evenly spaced positions up to the turning point, and back."""
        ((motor, start, stop),) = bound.bundles
        steps = bound["steps"]
        line = [start + (stop - start) * i / (steps - 1) for i in range(steps)]
        for at in line + line[-2::-1]:
            yield {motor: at}
