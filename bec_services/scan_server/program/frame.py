"""Pure: The frame every scan runs in.

What is done before, around and after its points.
"""

import hashlib
import importlib
import inspect
from collections.abc import Callable, Generator, Iterable, Mapping
from functools import cache, partial

from bec_kernel.errors import DeviceError
from bec_kernel.wire import Begin, Readings, StepKind
from bec_services.scan_server.program.hook import (
    Hook,
    Hooks,
    Phase,
    driven,
    taking_part,
)
from bec_services.scan_server.program.readings import own_reading
from bec_services.scan_server.program.request import Program, StepRequest
from bec_services.scan_server.program.scan import Bound, PointMaker, Position, Scan

_Asked = Generator[StepRequest, Mapping[str, Readings] | None, bool]
_PARTS = tuple(
    f"bec_services.scan_server.program.{name}"
    for name in ("frame", "hook", "paths", "plane", "condition")
)


FRAME_VERSION = 1
"""Increase it when a change of the frame changes the steps of scans under way."""


class ScanFrame:
    """Open, baseline, stage, the points, return; then unstage and close, always.

    A scan that was stopped does not return: nothing moves that somebody just stopped.
    A pure function of the scan's first entry and of the answers.
    """

    def __init__(
        self, scan: Scan, begin: Begin, bound: Bound, hooks: Hooks | None = None
    ) -> None:
        self._scan = scan
        self._begin = begin
        self._bound = bound
        self._hooks = taking_part(hooks or {}, begin)
        self._taking = self._anew()
        self._failed: Exception | None = None

    def _anew(self) -> PointMaker:
        begin = self._begin
        return PointMaker(
            self._bound, {}, [min(begin.servers)] if begin.servers else []
        )

    def body(self) -> Program:
        """Yield all up to the last point; again from the start, asked again."""
        self._taking = self._anew()
        yield from self._phase(Phase.OPEN, self._open())
        yield from self._phase(Phase.BASELINE, self._baseline())
        yield from self._phase(Phase.STAGE, self._stage())
        yield from self._phase(Phase.POINTS, self._points())

    def cleanup(self, *, moves: bool) -> Program:
        """Yield the way back of a relative scan, and what is always done."""
        if moves and self._taking.back:
            yield StepRequest(kind=StepKind.MOVE, set=self._taking.back)
        yield from self._phase(Phase.UNSTAGE, self._unstage(), always=True)
        yield from self._phase(Phase.CLOSE, self._close(), always=True)
        if self._failed is not None:
            raise self._failed  # it kept nothing else from being done

    # --- phases, and what a site puts around them -------------------------------------
    def _phase(self, phase: Phase, own: Program, *, always: bool = False) -> Program:
        """Yield a phase between its hooks; `always`: whatever these raise."""
        begin = self._begin
        if phase is not Phase.OPEN:
            for name, hook in self._hooks.items():
                part = partial(hook.before, phase, begin)
                yield from self._hooked(name, part, always=always)
        if phase in (Phase.OPEN, Phase.CLOSE):
            yield from own
        else:
            yield from self._instead(phase, own, always=always)
        if phase is not Phase.CLOSE:
            for name, hook in reversed(self._hooks.items()):
                part = partial(hook.after, phase, begin)
                yield from self._hooked(name, part, always=always)

    def _instead(self, phase: Phase, own: Program, *, always: bool) -> Program:
        """Yield what the first hook that replaces the phase wants; or the phase."""
        for name, hook in self._hooks.items():
            part = partial(hook.replace, phase, self._begin)
            if (yield from self._hooked(name, part, always=always)):
                return
        yield from own

    def _hooked(
        self, name: str, part: Callable[[], Program | None], *, always: bool
    ) -> _Asked:
        """Yield what a hook wants; return whether it has done so, to its end."""
        try:
            program = part()
            if program is None:
                return False
            yield from driven(name, program, self._begin)
        except Exception as error:
            if not always:
                raise
            self._failed = self._failed or error
            return False
        return True

    # --- what each phase is -----------------------------------------------------------
    def _open(self) -> Program:
        begin, bound = self._begin, self._bound
        yield StepRequest(kind=StepKind.OPEN)
        if bound.options.get("relative") and begin.motors:
            start = yield from where(begin.motors)
            self._taking.begin(bound, start)
            self._taking.back = start

    def _baseline(self) -> Program:
        if self._begin.baseline:
            yield StepRequest(kind=StepKind.BASELINE, devices=self._begin.baseline)

    def _staged(self) -> list[str]:
        begin = self._begin
        return sorted({*begin.monitored, *begin.triggered, *begin.streaming})

    def _stage(self) -> Program:
        exposure = self._bound["exp_time"]
        if staged := self._staged():
            yield StepRequest(kind=StepKind.STAGE, devices=staged, exposure=exposure)

    def _points(self) -> Program:
        yield from self._scan.program(self._bound, self._taking)

    def _unstage(self) -> Program:
        if staged := self._staged():
            yield StepRequest(kind=StepKind.UNSTAGE, devices=staged)

    def _close(self) -> Program:
        # A failure is reported when the last step is done, not while it is on its way.
        yield StepRequest(kind=StepKind.CLOSE, answer=self._failed is not None)


class MoveFrame:
    """A move, or a wait: no file, nothing to clean up."""

    def __init__(self, scan: Scan, begin: Begin, bound: Bound) -> None:
        self._scan = scan
        self._begin = begin
        self._bound = bound

    def body(self) -> Program:
        """Yield what is to be done."""
        start: Position = {}
        if self._bound.options.get("relative"):
            start = yield from where(self._begin.motors)
        yield from self._scan.program(self._bound, PointMaker(self._bound, start))

    def cleanup(self, *, moves: bool) -> Program:
        """Yield nothing."""
        del moves
        yield from ()


def where(motors: list[str]):  # type: ignore[no-untyped-def]
    """Ask where `motors` are now."""
    data = yield StepRequest(kind=StepKind.READ, devices=motors, answer=True)
    return {motor: _position(motor, data) for motor in motors}


def _position(motor: str, data: object) -> float:
    readings = data.get(motor) if isinstance(data, dict) else None
    reading = own_reading(readings or {}, motor)
    if reading is None:
        raise DeviceError(f"{motor} did not say where it is", subject=motor)
    return float(reading.value)


def frame_of(
    scan: Scan, begin: Begin, bound: Bound, hooks: Hooks | None = None
) -> ScanFrame | MoveFrame:
    """Return the frame `scan` runs in, with what a site adds to it."""
    if scan.is_scan:
        return ScanFrame(scan, begin, bound, hooks)
    return MoveFrame(scan, begin, bound)


def version_of(
    scan: Scan, hooks: Iterable[Hook] = (), bound: Bound | None = None
) -> str:
    """Join the versions of a scan's program and of its parts: `frame 1, line_scan 1`.

    The text is frozen in the scan's first entry. A scan server whose program has
    another version does not continue the scan: it ends as `interrupted`.
    """
    parts = {f"{one.name} {one.version}": None for one in _scans_of(scan, bound)}
    parts |= {f"{type(hook).__name__} {hook.version}": None for hook in hooks}
    return ", ".join((f"frame {FRAME_VERSION}", *parts))


def _scans_of(scan: Scan, bound: Bound | None) -> list[Scan]:
    """List a scan and the scans that it is made of."""
    return [scan, *(part for part, _ in scan.parts(bound or Bound()))]


def code_of(scan: Scan, hooks: Iterable[Hook] = (), bound: Bound | None = None) -> str:
    """Hash the source text of a scan's program: 12 hexadecimal digits.

    The text is that of the modules of the scan and its base classes, of the hooks that
    take part, of the frame, of the path calculations, and of the scans it is made of.
    A corrected comment changes the hash, so it decides nothing (see `version_of`).
    """
    scans = _scans_of(scan, bound)
    kinds = [kind for one in scans for kind in type(one).__mro__]
    kinds += [type(hook) for hook in hooks]
    named = dict.fromkeys(kind.__module__ for kind in kinds if kind is not object)
    texts = [_text(name) for name in (*_PARTS, *named)]
    return hashlib.sha256("".join(texts).encode()).hexdigest()[:12]


@cache
def _text(module: str) -> str:
    return inspect.getsource(importlib.import_module(module))
