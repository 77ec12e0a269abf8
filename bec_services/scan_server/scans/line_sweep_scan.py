"""Pure: A point with every reading of a motor that moves once along a line."""

from collections.abc import Iterator, Mapping

from bec_kernel.wire import Condition, Parameter, Readings, StepKind
from bec_services.scan_server.program import (
    MOTOR,
    RELATIVE,
    START,
    STOP,
    Bound,
    PointMaker,
    Position,
    Program,
    Scan,
    StepRequest,
)


class LineSweepScan(Scan):
    """Move a motor once along a line; take a point whenever it tells where it is.

    How many points there will be depends on how often the motor tells its readback.
    """

    name = "line_sweep_scan"
    bundle = (MOTOR, START, STOP)
    bundles = (1, 1)
    options = (
        Parameter(
            name="min_update",
            kind="float",
            unit="s",
            low=0.0,
            default=0.0,
            doc="between two points at least",
        ),
        Parameter(
            name="max_update",
            kind="float",
            unit="s",
            low=0.001,
            default=60.0,
            doc="longest silence of the motor; then it has failed",
        ),
        RELATIVE,
    )
    example = "line_sweep_scan samx -5 5 --min-update 0.1 --exp-time 0.01"

    def reach(self, bound: Bound) -> Iterator[Position]:
        """Yield the ends of the way."""
        ((motor, start, stop),) = bound.bundles
        yield {motor: start}
        yield {motor: stop}

    def shape(self, bound: Bound) -> list[int]:
        """Return nothing: how many points there will be is not known."""
        return []

    def program(self, bound: Bound, taking: PointMaker) -> Program:
        """Go to the start; then take a point, wait for news of the motor, and again."""
        begin, end = (taking.there(position) for position in self.reach(bound))
        ((motor, start, stop),) = bound.bundles
        yield StepRequest(kind=StepKind.MOVE, set=begin)
        how = None
        while True:
            readings = yield taking.point({}, answer=True)
            if how == "arrived":
                return
            at = _readback(motor, readings)
            news = Condition(
                device=motor,
                above=at if stop >= start else None,
                below=None if stop >= start else at,
                deadline=bound["max_update"],
            )
            how = yield StepRequest(
                kind=StepKind.WAIT,
                set=end,
                until=news,
                settle=bound["min_update"],
                answer=True,
            )


def _readback(motor: str, readings: Mapping[str, Readings]) -> float:
    mine = readings[motor]
    return float((mine.get(motor) or next(iter(mine.values()))).value)
