"""Pure: Move motors, without a scan."""

from collections.abc import Iterator

from bec_kernel.wire import Parameter, StepKind
from bec_services.scan_server.program import (
    MOTOR,
    RELATIVE,
    Bound,
    PointMaker,
    Position,
    Program,
    Scan,
    StepRequest,
)


class Move(Scan):
    """Move one or more motors and wait until they are there."""

    name = "mv"
    aliases = ("umv",)
    bundle = (
        MOTOR,
        Parameter(
            name="position", kind="float", unit="motor", doc="where to", required=True
        ),
    )
    bundles = (1, 0)
    options = (RELATIVE,)
    example = "mv samx 1 samy 2"
    is_scan = False

    def positions(self, bound: Bound) -> Iterator[Position]:
        """Yield the one position."""
        yield dict(bound.bundles)

    def program(self, bound: Bound, taking: PointMaker) -> Program:
        """Go there."""
        for position in self.positions(bound):
            yield StepRequest(kind=StepKind.MOVE, set=taking.there(position))
