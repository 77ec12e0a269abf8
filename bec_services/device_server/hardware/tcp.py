"""An axis of a motion controller behind a TCP connection, as an ophyd device."""

import threading
from typing import Any, ClassVar

from ophyd import Component, Device, Kind, Signal
from ophyd.positioner import PositionerBase
from ophyd.utils import LimitError, ReadOnlyError

from bec_services.device_server.devices import ActionStopped, LightStatus
from bec_services.device_server.hardware.tcp_line import (
    ControllerError,
    TcpController,
    Words,
)


class AxisSignal(Signal):
    """A value of the axis; it is connected when the controller is."""

    def __init__(self, *, write: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._metadata.update(connected=False, write_access=write)

    def mark(self, *, connected: bool) -> None:
        """Say whether the controller is there."""
        if self._metadata["connected"] is not connected:
            self._metadata["connected"] = connected
            self._run_metadata_callbacks()

    def show(self, value: Any) -> None:
        """Take the controller's value."""
        super().put(value, force=True)

    def put(self, value: Any, **kwargs: Any) -> None:
        """Refuse: it only shows something.

        Raises:
            ReadOnlyError: always.
        """
        raise ReadOnlyError(f"{self.name} can be read, not written")


class VelocitySignal(AxisSignal):
    """The velocity of the next move, mm/s."""

    parent: "TcpAxis"

    def put(self, value: Any, **_: Any) -> None:
        """Tell the controller.

        Raises:
            ControllerError: it refuses, or is away.
        """
        self.parent.ask("VELOCITY", f"{float(value)!r}")
        self.show(float(value))

    def set(self, value: Any, **_: Any) -> LightStatus:
        """Tell the controller; done on return."""
        self.put(value)
        return LightStatus.finished()


class TcpAxis(Device, PositionerBase):
    """One axis of the controller; devices of one `address` share its connection.

    Keys of a reading: `<name>` (where it is, hinted) and `<name>_setpoint`; `velocity`
    is configuration.

    Args:
        address: `host:port` of the controller.
        axis: Its number there, from 1.
    """

    NEVER_BLOCKS = True  # at most one short exchange with the controller
    USER_ACCESS: ClassVar[tuple[str, ...]] = ("connections",)

    readback = Component(AxisSignal, kind=Kind.hinted, value=0.0)
    setpoint = Component(AxisSignal, kind=Kind.normal, value=0.0)
    velocity = Component(VelocitySignal, kind=Kind.config, value=0.0, write=True)
    motor_is_moving = Component(AxisSignal, kind=Kind.omitted, value=0)

    def __init__(
        self, prefix: str = "", *, name: str, address: str, axis: int, **kwargs: Any
    ) -> None:
        super().__init__(prefix, name=name, **kwargs)
        self.readback.name = self.name
        self.controller = TcpController.shared(address)
        self.axis = axis
        self._limits = (0.0, 0.0)
        self._guard = threading.Lock()
        self._move: LightStatus | None = None
        self.controller.listen(axis, self._news)

    @property
    def egu(self) -> str:
        """The engineering unit."""
        return "mm"

    @property
    def limits(self) -> tuple[float, float]:
        """Lowest and highest position, mm; (0, 0): not known yet."""
        return self._limits

    @property
    def position(self) -> float:
        """Where it is, mm."""
        return float(self.readback.get())

    @property
    def moving(self) -> bool:
        """Whether it is on its way."""
        return bool(self.motor_is_moving.get())

    def ask(self, command: str, *words: str) -> Words:
        """Send the controller a command for this axis; return its answer.

        Raises:
            ControllerError: it refuses, or is away.
        """
        return self.controller.ask(" ".join([command, str(self.axis), *words]))

    def connections(self) -> dict[str, int]:
        """Return how many connections the controller ever accepted, and refused."""
        accepted, refused = self.controller.ask("CONNECTIONS")
        return {"accepted": int(accepted), "refused": int(refused)}

    def check_value(self, pos: float) -> None:
        """Refuse what is outside the limits.

        Raises:
            LimitError: it is.
        """
        low, high = self._limits
        if low < high and not low <= pos <= high:
            raise LimitError(f"position {pos:g} is not within {low:g}..{high:g} mm")

    def set(self, position: float, **_: Any) -> LightStatus:
        """Begin to move; done on arrival, failed when it is stopped or cut off.

        Raises:
            LimitError: it is outside the limits.
            ControllerError: it moves already, or the controller refuses or is away.
        """
        self.check_value(position)
        status = LightStatus()
        with self._guard:
            if self._move is not None and not self._move.done:
                raise ControllerError(f"{self.name} is moving; stop it first")
            self._move = status
        try:
            self.ask("MOVE", f"{float(position)!r}")
        except ControllerError as error:
            status.set_exception(error)
            raise
        self.setpoint.show(float(position))
        return status

    def stop(self, *, success: bool = False) -> None:
        """Stop where it is; a move under way fails unless `success`.

        Raises:
            ControllerError: the controller is away.
        """
        if success:
            self._end(None)
        else:
            self._end(ActionStopped(f"{self.name}: the move was stopped"))
        self.ask("STOP")

    def destroy(self) -> None:
        """Detach this axis from its controller, and destroy the device.

        The connection is shared; it closes when its last axis is detached.
        """
        self.controller.forget(self.axis, self._news)
        super().destroy()

    # --- in the thread that reads -----------------------------------------------------

    def _news(self, words: Words | None) -> None:
        if words is None:
            self._mark(connected=False)
            self._end(ControllerError(f"{self.name} lost its connection"))
        elif words[0] == "UP":
            self.controller.send(f"STATUS {self.axis}", self._learn)
        else:
            self._at(words[0], float(words[1]))

    def _at(self, what: str, position: float) -> None:
        self.motor_is_moving.show(int(what == "AT"))
        self.readback.show(position)
        self._set_position(position)
        if what == "DONE":
            self._end(None)
        elif what == "STOPPED":
            self.setpoint.show(position)
            self._end(ActionStopped(f"{self.name}: the move was stopped"))

    def _learn(self, words: Words | None) -> None:
        """Take its status after the connection was made."""
        if words is None or words[0] != "OK":
            return
        *values, moving = words[1:]
        position, target, velocity, low, high = map(float, values)
        self._limits = (low, high)
        self.readback.show(position)
        self.setpoint.show(target)
        self.velocity.show(velocity)
        self.motor_is_moving.show(int(moving))
        self._set_position(position)
        self._mark(connected=True)

    def _mark(self, *, connected: bool) -> None:
        for signal in (
            self.readback,
            self.setpoint,
            self.velocity,
            self.motor_is_moving,
        ):
            signal.mark(connected=connected)

    def _end(self, error: Exception | None) -> None:
        with self._guard:
            status, self._move = self._move, None
        if status is None:
            return
        if error is None:
            status.set_finished()
        else:
            status.set_exception(error)
