"""What this beamline adds to scans: entry point group ``bec.hooks``."""

from bec_kernel.wire import Begin, StepKind
from bec_services.scan_server.program import Hook, Phase, Program, StepRequest

OPEN, CLOSED = 1.0, 0.0


class ShutterOpen(Hook):
    """Open the shutter before the first exposure, close it whatever happens.

    The devices are unstaged whatever happens, an abort and a failure included: so it
    is closed before that, and not after the points.
    """

    scans = ("*",)
    devices = ("shutter",)

    def before(self, phase: Phase, begin: Begin) -> Program:
        """Open it when the points begin, close it when they are over."""
        if phase is Phase.POINTS:
            yield StepRequest(kind=StepKind.MOVE, set={"shutter": OPEN})
        if phase is Phase.UNSTAGE:
            yield StepRequest(kind=StepKind.MOVE, set={"shutter": CLOSED})
