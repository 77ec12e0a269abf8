"""Pure: Segments that a device flies by itself, with gaps between them."""

from collections.abc import Iterator

from bec_kernel.wire import Parameter, StepKind
from bec_services.scan_server.program import (
    Bound,
    PointMaker,
    Position,
    Program,
    Scan,
    StepRequest,
)


def _end(name: str, doc: str) -> Parameter:
    return Parameter(name=name, kind="float", unit="motor", required=True, doc=doc)


class FlyScan(Scan):
    """Let a flyer take its samples on the way, segment by segment.

    For each segment the flyer receives start, end, number of samples and exposure, is
    kicked off, and is waited for; between two segments it takes nothing. Its samples
    are in its asynchronous signals, and in the file.
    """

    name = "fly_scan"
    bundle = (
        _end("start", "where a segment begins"),
        _end("stop", "where it ends"),
        Parameter(
            name="samples", kind="int", low=1, required=True, doc="in this segment"
        ),
    )
    bundles = (1, 0)
    options = (Parameter(name="flyer", kind="device", required=True, doc="what flies"),)
    example = "fly_scan -5 0 51 1 5 41 --flyer flyer --exp-time 0.01"

    def reach(self, bound: Bound) -> Iterator[Position]:
        """Yield no positions to check: the flyer moves its motor, and checks limits."""
        yield from ()

    def shape(self, bound: Bound) -> list[int]:
        """Return that there are no points: a flyer sends samples."""
        return [0]

    def flyers(self, bound: Bound) -> list[str]:
        """Return the flyer."""
        return [bound["flyer"]]

    def program(self, bound: Bound, taking: PointMaker) -> Program:
        """Kick the flyer off, and wait for it, for each segment."""
        del taking
        flyer = [bound["flyer"]]
        for start, stop, samples in bound.bundles:
            flight = {"start": start, "end": stop, "num": samples}
            if bound["exp_time"]:
                flight["exposure"] = bound["exp_time"]
            yield StepRequest(kind=StepKind.KICKOFF, devices=flyer, data=flight)
            yield StepRequest(kind=StepKind.COMPLETE, devices=flyer)
