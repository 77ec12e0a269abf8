"""Motors on their way while something else is done: begun once, waited for later."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from bec_services.device_server.clock import Clock, Status
from bec_services.device_server.devices import DeviceAdapter, LightStatus


@dataclass(frozen=True)
class OngoingMove:
    """One motor on its way.

    Attributes:
        motor: which.
        target: where to, motor units.
        status: done when it is there.
        stopped: how many stops it had before.
    """

    motor: DeviceAdapter
    target: float
    status: Status
    stopped: int


class Sweep:
    """The motions of one scan that were begun and not waited for."""

    def __init__(self) -> None:
        self._motions: dict[str, OngoingMove] = {}

    def send(
        self, motors: Iterable[DeviceAdapter], positions: Mapping[str, float]
    ) -> list[OngoingMove]:
        """Start motors without waiting; a motor already on its way goes on.

        Raises:
            DeviceError: one cannot, or refuses the position.
        """
        return [self._send(one, positions[one.name]) for one in motors]

    def _send(self, motor: DeviceAdapter, target: float) -> OngoingMove:
        found = self._motions.get(motor.name)
        if found is None or found.target != target or found.status.done:
            found = OngoingMove(motor, target, motor.set(target), motor.stopped)
            self._motions[motor.name] = found
        return found

    def status(self, motor: DeviceAdapter, target: float) -> Status:
        """Return the status of a move there: of the one under way, or of a new one."""
        found = self._motions.pop(motor.name, None)
        if found is None or found.target != target or found.status.done:
            return motor.set(target)
        return found.status

    @property
    def moving(self) -> list[DeviceAdapter]:
        """Motors that are still on their way."""
        return [m.motor for m in self._motions.values() if not m.status.done]


def first_of(clock: Clock, statuses: Iterable[Status]) -> LightStatus:
    """Return a status that is done as soon as one of these is."""
    first = LightStatus(clock)

    def done(_: object) -> None:
        first.set_finished()

    for status in statuses:
        status.add_callback(done)
    return first
