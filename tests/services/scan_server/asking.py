"""A scan that asks where to go next before each of its points."""

from bec_kernel.wire import StepKind
from bec_services.scan_server.program.request import StepRequest, ask


class Asking:
    """A scan that takes a point wherever it is told, until it is told nowhere."""

    def __init__(self, who="seeker"):
        self.who = who

    def body(self):
        yield StepRequest(kind=StepKind.OPEN)
        point = 0
        while (at := (yield ask(self.who, {"points": point}, 5.0))) is not None:
            yield StepRequest(kind=StepKind.POINT, set={"samx": at}, point_id=point)
            point += 1

    def cleanup(self, *, moves):
        del moves
        yield StepRequest(kind=StepKind.CLOSE)
