"""Pure: Several scans as one, with one number and one file."""

from math import prod

from bec_kernel.wire import Parameter, StepKind
from bec_services.scan_server.program import (
    Bound,
    PointMaker,
    Program,
    Scan,
    StepRequest,
    where,
)


class Multi(Scan):
    """Run several scans, and moves between them, as one scan with one file.

    Its points are numbered on from part to part. A part that is relative counts from
    where its motors are when it begins, and goes back there. What is said of exposure,
    settling, bursts and waiting for the whole holds for each part that does not say
    otherwise; detectors have one exposure time.
    """

    name = "multi"
    bundle = (
        Parameter(
            name="part", kind="scan", required=True, doc="a scan or a move, in quotes"
        ),
    )
    bundles = (1, 0)
    example = (
        'multi "line_scan samx -5 5 --steps 5" "mv samy 1"'
        ' "grid_scan samx 0 1 3 samy 0 1 3" --exp-time 0.1'
    )

    def shape(self, bound: Bound) -> list[int]:
        """Return the number of points of all parts; nothing, where one is not known."""
        parts = [one for one in self.parts(bound) if one[0].is_scan]
        shapes = [part.shape(words) for part, words in parts]
        return [sum(map(prod, shapes))] if all(shapes) else []

    def program(self, bound: Bound, taking: PointMaker) -> Program:
        """Run the parts, one after the other.

        First it asks where all motors are: a rewind over parts puts them back.
        """
        if bound.motors:
            yield from where(bound.motors)
        for part, words in self.parts(bound):
            start = {}
            if words.options.get("relative"):
                start = yield from where(words.motors)
            taking.begin(words, start)
            if part.is_scan:
                yield from _scan(part, words, taking)
            else:
                yield from part.program(words, taking)


def _scan(part: Scan, words: Bound, taking: PointMaker) -> Program:
    """Run a part, and go back where it counts from there."""
    back = taking.back = dict(taking.start)
    if part.due(words, 0) is not None:
        taking.since = yield StepRequest(
            kind=StepKind.WAIT, devices=taking.clock, answer=True
        )
    yield from part.program(words, taking)
    if back:
        # Until it is done it may be left off, and then they have to go back still.
        yield StepRequest(kind=StepKind.MOVE, set=back, answer=True)
    taking.back = {}
