"""The frame every scan runs in: what is done before, around and after its points."""

import hashlib
import inspect

from bec_kernel.errors import DeviceError
from bec_kernel.wire import Begin, StepKind
from bec_services.scan_server.scan import Bound, Position, Scan, Taking
from bec_services.scan_server.want import Program, Want


class ScanFrame:
    """Open, baseline, stage, the points, return; then unstage and close, always.

    A scan that was stopped does not return: nothing moves that somebody just stopped.
    A pure function of the scan's first entry and of the answers.
    """

    def __init__(self, scan: Scan, begin: Begin, bound: Bound) -> None:
        self._scan = scan
        self._begin = begin
        self._bound = bound
        self._start: Position = {}

    def body(self) -> Program:
        """Yield all up to the last point."""
        begin, bound = self._begin, self._bound
        yield Want(kind=StepKind.OPEN)
        start: Position = {}
        if bound.options.get("relative") and begin.motors:
            start = yield from where(begin.motors)
        if begin.baseline:
            yield Want(kind=StepKind.BASELINE, devices=begin.baseline)
        staged = sorted({*begin.monitored, *begin.triggered, *begin.streaming})
        if staged:
            yield Want(kind=StepKind.STAGE, devices=staged, exposure=bound["exp_time"])
        self._start = start
        yield from self._scan.program(bound, Taking(bound, start))

    def cleanup(self, *, moves: bool) -> Program:
        """Yield the way back of a relative scan, and what is always done."""
        begin = self._begin
        if moves and self._start:
            yield Want(kind=StepKind.MOVE, set=self._start)
        staged = sorted({*begin.monitored, *begin.triggered, *begin.streaming})
        if staged:
            yield Want(kind=StepKind.UNSTAGE, devices=staged)
        yield Want(kind=StepKind.CLOSE)


class MoveFrame:
    """A move: no file, nothing to clean up."""

    def __init__(self, scan: Scan, begin: Begin, bound: Bound) -> None:
        self._scan = scan
        self._begin = begin
        self._bound = bound

    def body(self) -> Program:
        """Yield the move."""
        start: Position = {}
        if self._bound.options.get("relative"):
            start = yield from where(self._begin.motors)
        taking = Taking(self._bound, start)
        for position in self._scan.positions(self._bound):
            yield Want(kind=StepKind.MOVE, set=taking.there(position))

    def cleanup(self, *, moves: bool) -> Program:
        """Yield nothing."""
        del moves
        yield from ()


def where(motors: list[str]):  # type: ignore[no-untyped-def]
    """Ask where `motors` are now."""
    data = yield Want(kind=StepKind.READ, devices=motors, answer=True)
    return {motor: _position(motor, data) for motor in motors}


def _position(motor: str, data: object) -> float:
    readings = data.get(motor) if isinstance(data, dict) else None
    if not readings:
        raise DeviceError(f"{motor} did not say where it is", subject=motor)
    reading = readings.get(motor) or next(iter(readings.values()))
    return float(reading.value)


def frame_of(scan: Scan, begin: Begin, bound: Bound) -> ScanFrame | MoveFrame:
    """Return the frame `scan` runs in."""
    kind = ScanFrame if scan.is_scan else MoveFrame
    return kind(scan, begin, bound)


def code_of(scan: Scan) -> str:
    """Return the version of a scan's program: changes with its text or the frame's."""
    import bec_services.scan_server.frame as this  # noqa: PLW0406 - own text
    import bec_services.scan_server.scan as base

    own = [kind for kind in type(scan).__mro__ if kind not in Scan.__mro__]
    texts = [*map(inspect.getsource, (this, base)), *map(inspect.getsource, own)]
    return hashlib.sha256("".join(texts).encode()).hexdigest()[:12]
