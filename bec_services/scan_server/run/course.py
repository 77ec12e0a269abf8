"""Pure: The course of a scan: its program, and which want of it comes next."""

from collections import deque
from collections.abc import Iterable, Iterator
from typing import Any

from bec_kernel.wire import Begin, StepKind
from bec_services.scan_server.program import Program, StepRequest
from bec_services.scan_server.run.rewinding import Sent, StateBeforePoint, note
from bec_services.scan_server.run.unit import ProgramFrame, RequestInFlight


class Course:
    """Where a program is. What must be done again comes before what it wants next.

    Attributes:
        cleaning: the clean-up runs.
        broken: what the program raised; empty when it did not.
    """

    def __init__(self, begin: Begin, frame: ProgramFrame) -> None:
        self.cleaning = False
        self.broken = ""
        self._begin = begin
        self._frame = frame
        self._program: Program | None = frame.body()
        self._started = False
        self._next: StepRequest | None = None
        self._waiting: RequestInFlight | None = None
        self._again: deque[RequestInFlight] = deque()
        self._told: list[Any] = []
        self._furthest = -1  # the last point that was begun with
        self._taken = -1  # the last one that was taken
        self._sent: Sent = {}
        self._most = 0  # attempts that any point has had
        self._attempts = 0  # that those have had which are to be taken again

    @property
    def is_over(self) -> bool:
        """The program has ended by itself, and nothing is to be done again."""
        rest = self._program or self._next or self._waiting or self._again
        return not (rest or self.broken)

    def again(self, units: Iterable[RequestInFlight]) -> None:
        """These are to be done again, if they belong to what runs now."""
        for unit in units:
            note(self._sent, unit.want, done=False)
            if unit.cleanup == self.cleaning:
                self._again.append(unit)

    def clean(self, *, moves: bool) -> None:
        """Leave the program; go on with the clean-up. `moves`: motors may go back."""
        if self._program is not None:
            self._program.close()
        self._program = self._frame.cleanup(moves=moves)
        self.cleaning, self._started = True, False
        self._next = self._waiting = None
        self._again.clear()

    def touched(self, unit: RequestInFlight) -> None:
        """Know a want that devices have begun with, or that is done."""
        want = unit.want
        if want.kind is StepKind.POINT and want.point_id is not None:
            self._furthest = max(self._furthest, want.point_id)
            self._most = max(self._most, unit.attempt)
            self._taken = max(self._taken, want.point_id if unit.ok else -1)

    def goes_back_to(self, point: int) -> bool:
        """Say whether this point was taken, by a step that can be done again."""
        return not self.cleaning and 0 <= point <= self._taken

    def rewind(self, point: int) -> None:
        """Go back: the program comes next to this point, with the answers it had.

        Motors that the program has moved since go where they were before it; where the
        point is taken on their way, they begin it again.
        """
        self._attempts = self._most
        self._again.clear()
        self._waiting = None
        if self._program is not None:
            self._program.close()
        self._program, self._started = self._frame.body(), False
        answers, self._told = iter(self._told), []
        before = StateBeforePoint(self._begin.motors)
        want = self._resume(None)
        while want is not None and not _is_before(want, point):
            want = self._done_before(want, before, answers)
        if point and want is not None:
            want = self._done_before(want, before, answers)
        self._next = want
        for one in before.again(self._sent, want):
            self._again.append(RequestInFlight(one, self._servers_of(one)))

    def _done_before(
        self, want: StepRequest, before: StateBeforePoint, answers: Iterator[Any]
    ) -> StepRequest | None:
        """Return the program's request after one that was done before."""
        told = self._answer_again(want, answers)
        before.take(want, told)
        return self._resume(told)

    def _answer_again(self, want: StepRequest, answers: Iterator[Any]) -> Any:
        if not want.answer:
            return None
        self._told.append(next(answers))
        return self._told[-1]

    def take(self, *, alone: bool) -> RequestInFlight | None:
        """Return the next unit to be issued, None when the program must wait.

        Args:
            alone: nothing else is on its way.
        """
        if self._again:
            unit = self._again.popleft()
            note(self._sent, unit.want)
            return unit
        if self._next is None and not self._advance():
            return None
        want = self._next
        if want is None or (want.kind.traits.question and not alone):
            return None  # a question is asked when all is known that was done before
        self._next = None
        note(self._sent, want)
        unit = RequestInFlight(want, self._servers_of(want), cleanup=self.cleaning)
        if want.point_id is not None and want.point_id <= self._furthest:
            unit.attempt = self._attempts
        if want.answer:
            self._waiting = unit
        return unit

    def _advance(self) -> bool:
        """Let the program say what it wants next; False: it waits for an answer."""
        told: Any = None
        if self._waiting is not None:
            if not self._waiting.ok:
                return False
            told, self._waiting = self._waiting.told(), None
            self._told.append(told)
        self._next = self._resume(told)
        return True

    def _resume(self, told: Any) -> StepRequest | None:
        if self._program is None:
            return None
        try:
            if not self._started:
                self._started = True
                return next(self._program)
            return self._program.send(told)
        except StopIteration:
            self._program = None
        except Exception as error:  # noqa: BLE001 - a scan's own code ends this scan
            self._program = None
            self.broken = f"the program of {self._begin.request.name} failed: {error}"
        return None

    def _servers_of(self, want: StepRequest) -> list[str]:
        if want.kind.traits.question:
            return [f"analysis/{want.ask}"]
        servers = self._begin.servers
        devices = [*want.set, *want.devices]
        if want.until is not None:
            devices.append(want.until.device)
        if want.kind is StepKind.POINT:
            devices += self._begin.monitored + self._begin.triggered
        named = {servers[device] for device in devices if device in servers}
        return sorted(named or set(servers.values()) or {"main"})


def _is_before(want: StepRequest, point: int) -> bool:
    """Say whether a program has come to the point before, or to the first one."""
    return want.kind is StepKind.POINT and want.point_id == max(0, point - 1)
