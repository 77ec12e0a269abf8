"""What a beamline lives with: the ring's current, a shutter, a temperature."""

import math
from collections.abc import Sequence
from typing import Any, ClassVar

from ophyd import Component, Kind

from bec_kernel.wire import Motion
from bec_services.device_server import Clock, DeviceState
from bec_services.device_server.devices import LightStatus
from bec_sim.devices.checked import FASTEST, number
from bec_sim.devices.device import SimDevice, SimSignal
from bec_sim.devices.motors.positioner import SimPositioner
from bec_sim.devices.motors.profile import Profile


class SimRing(SimDevice):
    """A storage ring's current: it decays, is refilled, and is lost now and then.

    Keys of a reading: `<name>` (mA, hinted) and `<name>_filling`.

    Args:
        top: Current after a refill, mA.
        lifetime: Time in which the current falls to 1/e, s.
        refill_at: The current at which a refill begins, mA.
        rate: Of a refill, mA/s.
        losses: Begin and end of each beam loss, s after the device was made.
        period: Between two values, s.
    """

    USER_ACCESS: ClassVar[tuple[str, ...]] = ("dump", "refill")

    current = Component(SimSignal, kind=Kind.hinted, units="mA")
    filling = Component(SimSignal, kind=Kind.normal, value=0)

    def __init__(
        self,
        prefix: str = "",
        *,
        name: str,
        clock: Clock,
        state: DeviceState | None = None,
        top: float = 400.0,
        lifetime: float = 36000.0,
        refill_at: float = 395.0,
        rate: float = 2.0,
        losses: Sequence[Sequence[float]] = (),
        period: float = 1.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(prefix, name=name, clock=clock, state=state, **kwargs)
        self.current.name = self.name
        self._top, self._refill_at = top, refill_at
        self._period = number(f"{name}: period", period, 1 / FASTEST)
        self._step = number(f"{name}: rate", rate, 0.0) * period
        self._decay = math.exp(-period / number(f"{name}: lifetime", lifetime, 1e-3))
        self._losses = [(float(a), float(b)) for a, b in losses]
        self._began = clock.monotonic()
        self._over = False
        self._cell = self.state.cell(f"{name}.current", top)
        self.current.show(self._cell.get())
        self._schedule(1)

    def dump(self) -> None:
        """Lose the beam; it is refilled."""
        self._show(0.0, filling=True)

    def refill(self) -> None:
        """Begin a refill now."""
        self._show(self._cell.get(), filling=True)

    def destroy(self) -> None:
        """Show nothing more."""
        self._over = True
        super().destroy()

    def _schedule(self, number: int) -> None:
        # Counted from the beginning: no drift, however late a timer runs.
        delay = self._began + number * self._period - self.clock.monotonic()
        self.clock.call_later(max(delay, 0.0), lambda: self._tick(number))

    def _tick(self, number: int) -> None:
        if self._over:
            return
        self._schedule(number + 1)
        since = number * self._period
        current = self._cell.get()
        if any(begin <= since < end for begin, end in self._losses):
            self._show(0.0, filling=False)
        elif self.filling.get() or current < self._refill_at:
            current = min(current + self._step, self._top)
            self._show(current, filling=current < self._top)
        else:
            self._show(current * self._decay, filling=False)

    def _show(self, current: float, *, filling: bool) -> None:
        self._cell.set(current)
        self.current.show(current)
        if bool(self.filling.get()) is not filling:
            self.filling.show(int(filling))


class _Approach(Profile):
    """A way that is the slower the nearer its end: a first-order lag."""

    def __init__(self, start: float, end: float, tau: float, tolerance: float) -> None:
        super().__init__(start, end, 1.0)
        self._tau = tau
        ratio = abs(end - start) / tolerance
        self.duration = tau * math.log(ratio) if ratio > 1 else 0.0

    def position(self, elapsed: float) -> float:
        """Where it is `elapsed` seconds after the start."""
        if elapsed >= self.duration:
            return self.end
        return self.end + (self.start - self.end) * math.exp(-elapsed / self._tau)


class _Delay(Profile):
    """A way that is made at its end, all at once."""

    def __init__(self, start: float, end: float, delay: float) -> None:
        super().__init__(start, end, 1.0)
        self.duration = delay

    def position(self, elapsed: float) -> float:
        """Where it is `elapsed` seconds after the start."""
        return self.end if elapsed >= self.duration else self.start


class SimTemperature(SimPositioner):
    """A temperature that follows its setpoint with a time constant.

    Keys of a reading: `<name>`, `<name>_setpoint`, `<name>_motor_is_moving`.

    Args:
        time_constant: s.
        tolerance: So near the setpoint it has arrived, K.
    """

    def __init__(
        self,
        prefix: str = "",
        *,
        name: str,
        clock: Clock,
        state: DeviceState | None = None,
        time_constant: float = 60.0,
        tolerance: float = 0.1,
        egu: str = "K",
        update_frequency: float = 1.0,
        initial: float = 293.0,
        **kwargs: Any,
    ) -> None:
        self._tau = number(f"{name}: time_constant", time_constant, 0.0)
        super().__init__(
            prefix,
            name=name,
            clock=clock,
            state=state,
            tolerance=tolerance,
            egu=egu,
            update_frequency=update_frequency,
            initial=initial,
            **kwargs,
        )

    def _profile(self, start: float, target: float) -> Profile:
        return _Approach(start, target, self._tau, self.tolerance)

    def _motion(self, settle: float) -> Motion:
        return Motion(time_constant=self._tau, tolerance=self.tolerance, settle=settle)


class SimShutter(SimPositioner):
    """A shutter: 0 is closed, 1 is open.

    Args:
        travel: Time it takes to open or to close, s.
    """

    USER_ACCESS: ClassVar[tuple[str, ...]] = ("open", "close")

    def __init__(
        self,
        prefix: str = "",
        *,
        name: str,
        clock: Clock,
        state: DeviceState | None = None,
        travel: float = 0.2,
        **kwargs: Any,
    ) -> None:
        self._travel = number(f"{name}: travel", travel, 0.0)
        given = {"limits": (0, 1), "egu": "", "precision": 0, **kwargs}
        super().__init__(prefix, name=name, clock=clock, state=state, **given)

    def check_value(self, position: float) -> None:
        """Refuse what is neither open nor closed."""
        if position not in (0, 1):
            raise ValueError(f"{self.name} is 0 (closed) or 1 (open), not {position:g}")

    def open(self) -> LightStatus:
        """Start to open the shutter; the status is done when it is open."""
        return self.set(1)

    def close(self) -> LightStatus:
        """Start to close the shutter; the status is done when it is closed."""
        return self.set(0)

    def _profile(self, start: float, target: float) -> Profile:
        return _Delay(start, target, self._travel)

    def _motion(self, settle: float) -> Motion:
        return Motion(travel=self._travel, settle=settle)
