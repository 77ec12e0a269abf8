"""An interactive scan, driven step by step from a program or a notebook."""

import contextlib
import threading
import time
import uuid
from types import TracebackType
from typing import Any, Self

from bec_kernel.bus import Bus
from bec_kernel.bus.changes import START, Id
from bec_kernel.client.connection import Reader, ask, error_of
from bec_kernel.client.scan import ScanReport
from bec_kernel.errors import BrokerError, DeadlineError, RefusedError, ScanAborted
from bec_kernel.wire import DriverRequest, DriveScan, Point, Step, keys

SIGN_OF_LIFE = 3.0
"""Interval of the driver's signs of life to the scan, s."""
_ANSWER = 20.0
_SLICE = 0.25


class Drive:
    """An interactive scan: whatever one wants next, as one scan with one file.

        with scans.interactive(dev.samx, exp_time=0.1) as scan:
            scan.move(samx=1)
            point = scan.point()

    It is closed at the end of the block, aborted by an error or Ctrl-C in it, and
    `interrupted` when this program vanishes.

    Attributes:
        report: of the scan.
    """

    def __init__(self, bus: Bus, reader: Reader, report: ScanReport) -> None:
        self.report = report
        self._bus = bus
        self._reader = reader
        self._inbox = keys.scan_asks(bus.user)
        self._number = 0
        self._asked = 0
        self._at: Id = START
        self._points = report.points()
        self._over = threading.Event()
        self._alive = threading.Thread(target=self._show_life, daemon=True)

    def move(self, *moves: Any, **positions: float) -> None:
        """Move motors, and wait: `move(samx=1)` or `move(dev.samx, 1)`.

        Raises:
            RefusedError: a motor was not named at the start, or cannot go there.
            ScanAborted: the scan has ended, by whomever.
        """
        self._do(DriverRequest(set=_places(moves, positions)))

    def point(self, *moves: Any, **positions: float) -> Point:
        """Take a point here, or where motors are to be moved to before it.

        Raises:
            RefusedError: a motor was not named at the start, or cannot go there.
            ScanAborted: the scan has ended, by whomever.
        """
        self._do(DriverRequest(set=_places(moves, positions), point=True))
        return next(self._points)

    def __enter__(self) -> Self:
        self._alive.start()
        self._until_asked(1)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        _error: BaseException | None,
        _where: TracebackType | None,
    ) -> None:
        self._over.set()
        self._alive.join(_ANSWER)
        if kind is None:
            self._say(DriverRequest(end=True))
            self.report.wait()
        elif not self.report.is_final:
            with contextlib.suppress(RefusedError, DeadlineError):
                self.report.abort()

    # --- one command ------------------------------------------------------------------
    def _do(self, request: DriverRequest) -> None:
        if not self._alive.is_alive():
            raise RefusedError("an interactive scan is driven inside a `with` block")
        self._say(request)
        self._until_asked(self._number + 1)

    def _say(self, request: DriverRequest) -> None:
        message = DriveScan(
            request_id=uuid.uuid4().hex,
            scan_id=self.report.scan_id,
            number=self._number,
            request=request,
            deadline=time.time() + _ANSWER,
        )
        reply = ask(self._reader, self._bus, self._inbox, message, _ANSWER)
        if reply.problem is not None:
            self._raise_if_over()
            raise error_of(reply.problem)
        self._number += 1

    def _until_asked(self, times: int) -> None:
        """Return when the scan has asked so often: then all before that is done."""
        steps = keys.steps(self.report.scan_id)
        while self._asked < times:
            self._raise_if_over()
            for _, entries in self._reader.retry(
                lambda: self._bus.follow({steps: self._at}, _SLICE)
            ):
                self._at = entries[-1].id
                self._asked += sum(_is_question(entry.message) for entry in entries)

    def _raise_if_over(self) -> None:
        if self.report.is_final:
            why = self.report.reason or self.report.status
            raise ScanAborted(f"the scan has ended: {why}", subject=self.report.scan_id)

    def _show_life(self) -> None:
        """Tell the scan again and again that its driver lives."""
        while not self._over.wait(SIGN_OF_LIFE):
            sign = DriveScan(request_id=uuid.uuid4().hex, scan_id=self.report.scan_id)
            with contextlib.suppress(BrokerError):  # the next one will do
                self._bus.ask(self._inbox, sign)

    def __repr__(self) -> str:
        return repr(self.report) if self.report.is_final else f"driving {self.report!r}"


def _is_question(message: Any) -> bool:
    """Tell whether the scan asks for the next command; repeated asks count once."""
    is_step = isinstance(message, Step) and message.request.kind.traits.question
    return is_step and message.attempt == 1


def _places(moves: tuple[Any, ...], positions: dict[str, float]) -> dict[str, float]:
    if len(moves) % 2:
        raise RefusedError("motors and positions come in pairs: move(dev.samx, 1)")
    named = zip(moves[::2], moves[1::2], strict=True)
    found = {getattr(motor, "name", str(motor)): at for motor, at in named} | positions
    for motor, at in found.items():
        if isinstance(at, bool) or not isinstance(at, int | float):
            raise RefusedError(
                f"{motor} is moved to a number, not {at!r:.40}",
                subject=motor,
                value=f"{at!r:.40}",
                allowed="a number",
            )
    return {motor: float(at) for motor, at in found.items()}
