"""Pure: places of a program's motors before the point it goes back to."""

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from bec_kernel.wire import StepKind
from bec_services.scan_server.program import StepRequest, own_reading

Sent = dict[str, float | None]
"""Where motors were sent last, motor units; None: they may be elsewhere."""


def note(sent: Sent, want: StepRequest, *, done: bool = True) -> None:
    """Take note of where a want sends motors.

    Args:
        sent: is changed.
        want: on its way.
        done: it is not left off on its way.
    """
    arrives = done and want.kind.traits.arrives
    sent |= {motor: at if arrives else None for motor, at in want.set.items()}


class StateBeforePoint:
    """What a program has done up to a point, as far as it matters for that point.

    Args:
        motors: of the scan.
    """

    def __init__(self, motors: Collection[str]) -> None:
        self._motors = motors
        self._places: dict[str, float] = {}
        self._passed: StepRequest | None = None  # on the way the motors are on

    def take(self, want: StepRequest, told: Any) -> None:
        """Take note of a request, and of the answer that the program was sent."""
        if want.kind.traits.arrives:
            self._places |= want.set
            if want.kind is StepKind.MOVE:
                self._passed = None
        elif want.kind is StepKind.READ and isinstance(told, Mapping):
            self._places |= _places(told, self._motors)
        elif want.set:
            self._passed = want

    def again(self, sent: Sent, following: StepRequest | None) -> Iterator[StepRequest]:
        """Yield what brings motors to where they were; what follows may do it itself.

        A motor whose earlier place is not known stays where it is.

        Args:
            sent: where they were sent last, up to now.
            following: the want that comes next.
        """
        there = following.set if following and following.kind.traits.arrives else {}
        back = {
            motor: at
            for motor, at in self._places.items()
            if motor in sent and sent[motor] != at and motor not in there
        }
        if back:
            yield StepRequest(kind=StepKind.MOVE, set=back)
        on_its_way = following is not None and following.kind is StepKind.POINT
        if (
            on_its_way
            and self._passed is not None
            and set(self._passed.set) & set(back)
        ):
            yield self._passed


def _places(told: Mapping[str, Any], motors: Collection[str]) -> dict[str, float]:
    """Return where motors have said that they are."""
    found = {}
    for motor in motors:
        reading = own_reading(told.get(motor) or {}, motor)
        if reading is not None:
            found[motor] = float(reading.value)
    return found
