"""Pure: Let time pass, for a rule that suspends a queue; not published."""

from collections.abc import Iterator
from typing import ClassVar

from bec_kernel.wire import Parameter, StepKind
from bec_services.scan_server.program import (
    Bound,
    PointMaker,
    Position,
    Program,
    Scan,
    StepRequest,
    condition_of,
)


class Wait(Scan):
    """Wait until a value is as it must be, on the device server's clock."""

    name = "wait"
    options: ClassVar[tuple[Parameter, ...]] = (
        Parameter(name="wait_until", kind="str", required=True, doc="what must be so"),
    )
    is_scan = False
    is_published = False

    def positions(self, bound: Bound) -> Iterator[Position]:
        """Yield nothing: nothing moves."""
        del bound
        yield from ()

    def program(self, bound: Bound, taking: PointMaker) -> Program:
        """Wait, and nothing else."""
        del taking
        until = condition_of(bound["wait_until"])
        yield StepRequest(kind=StepKind.WAIT, until=until)
