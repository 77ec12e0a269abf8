"""A simulated motor."""

import random
import threading
import zlib
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from ophyd import Component, Kind
from ophyd.positioner import PositionerBase
from ophyd.utils import LimitError

from bec_kernel.wire import Motion
from bec_services.device_server import Clock, DeviceState, Timer
from bec_services.device_server.devices import ActionStopped, LightStatus
from bec_sim.devices.checked import FASTEST, number
from bec_sim.devices.device import SimDevice, SimSignal
from bec_sim.devices.motors.profile import Profile

_SLOWEST = 1e-3


class SimReadback(SimSignal):
    """Where the motor is at this moment, moving or not."""

    parent: "SimPositioner"

    def get(self, **_: Any) -> float:
        """The position now, motor units."""
        return self.parent.position

    def reading(self) -> dict[str, Any]:
        """The position now; at rest, with the time of the arrival."""
        if not self.parent.moving:
            return super().reading()
        return {"value": self.get(), "timestamp": self.parent.clock.time()}


class _Move:
    """A motion under way."""

    __slots__ = ("began", "profile", "status", "timers")

    def __init__(self, profile: Profile, began: float, status: LightStatus) -> None:
        self.profile = profile
        self.began = began
        self.status = status
        self.timers: list[Timer] = []

    def cancel(self) -> None:
        for timer in self.timers:
            timer.cancel()


class SimPositioner(SimDevice, PositionerBase):
    """A motor that moves on the device server's clock and can be stopped.

    Its position survives a kill of the process. Subscribers are called in the clock's
    thread while the motor is locked: they must not wait for anything.

    Keys of a reading: `<name>` (where it is, hinted), `<name>_setpoint`,
    `<name>_motor_is_moving`.

    Args:
        velocity: Motor units per second; 0 arrives at once.
        acceleration: Motor units per second squared; None or 0 reaches the velocity
            at once.
        tolerance: How near the setpoint somebody who compares may call arrived, motor
            units; the simulated motor itself always arrives exactly.
        limits: Lowest and highest setpoint accepted; None or two equal numbers for no
            limits.
        delay: 0 arrives at once, whatever the velocity; anything else moves.
        update_frequency: Readback updates a second while moving; 1000 at most.
        jitter: Largest error of the readback at rest, motor units; seeded.
        settle_time: Seconds from arrival until the move is done.
        egu: Motor unit.
        precision: Digits after the point a person wants to see.
        initial: Where it is when it is new.
    """

    USER_ACCESS: ClassVar[tuple[str, ...]] = ("limits", "low_limit", "high_limit")

    readback = Component(SimReadback, kind=Kind.hinted)
    setpoint = Component(SimSignal, kind=Kind.normal)
    motor_is_moving = Component(SimSignal, kind=Kind.normal, value=0, units="")
    velocity = Component(SimSignal, kind=Kind.config, write=True, low=0.0)
    acceleration = Component(SimSignal, kind=Kind.config, write=True, low=0.0)

    def __init__(
        self,
        prefix: str = "",
        *,
        name: str,
        clock: Clock,
        state: DeviceState | None = None,
        velocity: float = 100.0,
        acceleration: float | None = None,
        tolerance: float = 0.0,
        limits: Sequence[float] | None = None,
        delay: float = 1.0,
        update_frequency: float = 20.0,
        jitter: float = 0.0,
        settle_time: float = 0.0,
        egu: str = "mm",
        precision: int = 3,
        initial: float = 0.0,
        **kwargs: Any,
    ) -> None:
        self._motion_lock = threading.RLock()
        self._move: _Move | None = None
        self._egu = egu
        self._limits = (0.0, 0.0)
        super().__init__(
            prefix,
            name=name,
            clock=clock,
            state=state,
            settle_time=number(f"{name}: settle_time", settle_time, 0.0),
            **kwargs,
        )
        self.tolerance = number(f"{name}: tolerance", tolerance, 0.0)
        self.precision = precision
        self.delay = delay
        self.update_frequency = update_frequency
        self._jitter = number(f"{name}: jitter", jitter, 0.0)
        self._jitter_rng = random.Random(zlib.crc32(name.encode()))
        first = number(f"{name}: initial", initial)
        self._cell = self.state.cell(f"{name}.position", first)
        if limits is not None:
            self.limits = limits
        self.readback.name = self.name
        self.velocity.measure_in(f"{egu}/s")
        self.acceleration.measure_in(f"{egu}/s^2")
        self.velocity.put(number(f"{name}: velocity", velocity, 0.0))
        slope = 0.0 if acceleration is None else acceleration
        self.acceleration.put(number(f"{name}: acceleration", slope, 0.0))
        position = self._cell.get()
        for signal in (self.readback, self.setpoint):
            signal.show(position)

    # ------------------------------------------------------------------ what it is
    @property
    def position(self) -> float:
        """Where it is now, motor units."""
        move = self._move
        if move is None:
            return self._resting_at()
        return move.profile.position(self.clock.monotonic() - move.began)

    @property
    def moving(self) -> bool:
        """Whether it is on its way."""
        return self._move is not None

    @property
    def egu(self) -> str:
        """Motor unit."""
        return self._egu

    @property
    def update_frequency(self) -> float:
        """Readback updates a second while moving."""
        return self._update_frequency

    @update_frequency.setter
    def update_frequency(self, frequency: float) -> None:
        what = f"{self.name}: update_frequency"
        self._update_frequency = min(number(what, frequency, _SLOWEST), FASTEST)

    @property
    def limits(self) -> tuple[float, float]:
        """Lowest and highest setpoint accepted; (0, 0): no limits."""
        return self._limits

    @limits.setter
    def limits(self, limits: Sequence[float]) -> None:
        low, high = (float(limit) for limit in limits)
        if not low <= high:
            raise ValueError(f"{self.name}: low limit {low:g} is above high {high:g}")
        self._limits = (low, high)

    @property
    def low_limit(self) -> float:
        """Lowest setpoint accepted."""
        return self._limits[0]

    @low_limit.setter
    def low_limit(self, low: float) -> None:
        self.limits = (low, self._limits[1])

    @property
    def high_limit(self) -> float:
        """Highest setpoint accepted."""
        return self._limits[1]

    @high_limit.setter
    def high_limit(self, high: float) -> None:
        self.limits = (self._limits[0], high)

    def check_value(self, position: float) -> None:
        """Refuse what is outside the limits.

        Raises:
            LimitError: the position, and what was allowed.
        """
        low, high = self._limits
        if low == high:
            low, high = float("-inf"), float("inf")
        if not low <= position <= high:  # also refuses NaN
            raise LimitError(
                f"{self.name}: {position:g} {self._egu} is outside its limits, "
                f"{low:g} to {high:g} {self._egu}"
            )

    def describe(self) -> dict[str, dict[str, Any]]:
        """Shape, type and unit of each key of a reading."""
        description: dict[str, dict[str, Any]] = super().describe()
        for key in (self.readback.name, self.setpoint.name):
            if key in description:
                description[key]["units"] = self._egu
                description[key]["precision"] = self.precision
        return description

    # ------------------------------------------------------------------ what it does
    def set(
        self,
        new_position: float,
        *,
        timeout: float | None = None,
        moved_cb: Callable[..., object] | None = None,
        wait: bool = False,
    ) -> LightStatus:
        """Start to move; the status is done on arrival.

        A new setpoint replaces the one it was going to: that move fails.

        Raises:
            LimitError: outside the limits.
        """
        target = float(new_position)
        self.check_value(target)
        with self._motion_lock:
            replaced = self._halt()
            status = self._start(target)
        if replaced is not None:
            replaced.status.set_exception(
                ActionStopped(
                    f"{self.name} was sent to {target:g} {self._egu} on its way to "
                    f"{replaced.profile.end:g} {self._egu}"
                )
            )
        if moved_cb is not None:
            status.add_callback(lambda done: moved_cb(done, obj=self))
        if wait:
            status.wait(timeout)
        return status

    def move(
        self,
        position: float,
        wait: bool = True,
        moved_cb: Callable[..., object] | None = None,
        timeout: float | None = None,
    ) -> LightStatus:
        """Move, and by default wait for the arrival; see `set`."""
        return self.set(position, timeout=timeout, moved_cb=moved_cb, wait=wait)

    def stop(self, *, success: bool = False) -> None:
        """Stop where it is. The move fails, unless `success` says it was meant so."""
        with self._motion_lock:
            move = self._halt()
            if move is None:
                return
            where = self._cell.get()
            self.setpoint.show(where)
            self._show_rest(where)
        if success:
            move.status.set_finished()
            return
        move.status.set_exception(
            ActionStopped(
                f"{self.name} was stopped at {where:g} {self._egu} on its way to "
                f"{move.profile.end:g} {self._egu}"
            )
        )

    # ------------------------------------------------------------------ how
    def _resting_at(self) -> float:
        return float(self.readback.reading()["value"])

    def _start(self, target: float) -> LightStatus:
        """Begin a move; the lock is held."""
        self.setpoint.show(target)
        start, velocity = self._cell.get(), self.velocity.get()
        if not velocity or not self.delay or target == start:
            return self._arrive_at_once(target)
        status = LightStatus(self.clock)
        profile = self._profile(start, target)
        self._move = move = _Move(profile, self.clock.monotonic(), status)
        self.motor_is_moving.show(1)
        self._run_subs(
            sub_type=self.SUB_START, timestamp=self.clock.time(), value=start
        )
        later = self.clock.call_later
        move.timers.append(later(profile.duration, lambda: self._arrive(move)))
        self._schedule_update(move, 1)
        return status

    def _profile(self, start: float, target: float) -> Profile:
        """The way of a move."""
        velocity, acceleration = self.velocity.get(), self.acceleration.get()
        return Profile(start, target, velocity, acceleration)

    def motions(self) -> list[Motion]:
        """Describe how it moves, for estimates of how long a move takes."""
        settle = self._settle_time
        if not self.delay:
            return [Motion(settle=settle)]
        return [self._motion(settle)]

    def _motion(self, settle: float) -> Motion:
        velocity, acceleration = self.velocity.get(), self.acceleration.get()
        return Motion(velocity=velocity, acceleration=acceleration, settle=settle)

    def _arrive_at_once(self, target: float) -> LightStatus:
        self._cell.set(target)
        if not self._settle_time:
            self._show_rest(target)
            return LightStatus.finished()
        self._show_rest(target)
        status = LightStatus(self.clock)
        self.clock.call_later(self._settle_time, status.set_finished)
        return status

    def _schedule_update(self, move: _Move, number: int) -> None:
        due = number / self.update_frequency
        if due >= move.profile.duration:
            return
        delay = move.began + due - self.clock.monotonic()
        timer = self.clock.call_later(delay, lambda: self._update(move, number))
        move.timers[1:] = [timer]

    def _update(self, move: _Move, number: int) -> None:
        with self._motion_lock:
            if self._move is not move:
                return
            position = self.position
            self._cell.set(position)
            self._show_position(position)
            self._schedule_update(move, number + 1)

    def _arrive(self, move: _Move) -> None:
        with self._motion_lock:
            if self._move is not move:
                return
            self._move = None
            move.cancel()
            self._cell.set(move.profile.end)
            self._show_rest(move.profile.end)
        if self._settle_time:
            self.clock.call_later(self._settle_time, move.status.set_finished)
        else:
            move.status.set_finished()

    def _halt(self) -> _Move | None:
        """Stand still where it is now; the lock is held."""
        move = self._move
        if move is not None:
            self._cell.set(self.position)
            self._move = None
            move.cancel()
        return move

    def _show_rest(self, position: float) -> None:
        if self._jitter:
            position += self._jitter * self._jitter_rng.uniform(-1.0, 1.0)
        self._show_position(position)
        if self.motor_is_moving.get():
            self.motor_is_moving.show(0)
        timestamp = self.readback.timestamp
        self._run_subs(sub_type=self.SUB_DONE, timestamp=timestamp, value=position)

    def _show_position(self, position: float) -> None:
        timestamp = self.clock.time()
        self.readback.show(position, timestamp)
        self._run_subs(sub_type=self.SUB_READBACK, timestamp=timestamp, value=position)
