"""One axis of an `ophyd.PseudoPositioner` as a device of its own.

slit: {deviceClass: my_beamline.Slit, ...}
slit_gap:
deviceClass: bec_services.device_server.hardware.axes.PseudoAxis
deviceConfig: {device: slit, axis: gap}
needs: [slit]
"""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import numpy as np
from ophyd import Signal
from ophyd.positioner import PositionerBase
from ophyd.pseudopos import PseudoPositioner

from bec_kernel.wire import Motion
from bec_services.device_server.clock import Clock
from bec_services.device_server.devices import limits_of, signals_behind


class AxisReadback(Signal):
    """Position of a pseudo axis; reported whenever a motor behind it moves."""

    def __init__(self, axis: Any, **kwargs: Any) -> None:
        self._axis = axis
        super().__init__(**kwargs)

    def get(self, **_: Any) -> float:
        """The position now."""
        return float(self._axis.position)

    def moved(self, timestamp: float) -> None:
        """Tell the subscribers."""
        self._metadata["timestamp"] = timestamp
        self._run_subs(sub_type="value", value=self.get(), timestamp=timestamp)


class PseudoAxis(PositionerBase):
    """Moves and reads one axis of a pseudo positioner like any motor.

    Keys of a reading: `<name>` (where it is, hinted) and `<name>_setpoint`.

    Args:
        device: The pseudo positioner, by its name in the device list.
        axis: The axis' name in it.
    """

    read_attrs = ("readback",)
    component_names = ()

    def __init__(
        self,
        prefix: str = "",
        *,
        name: str,
        clock: Clock,
        devices: Mapping[str, Any],
        device: str,
        axis: str,
        **kwargs: Any,
    ) -> None:
        owner = devices.get(device)
        if not isinstance(owner, PseudoPositioner):
            raise LookupError(
                f"{name}: {device!r} is not a pseudo positioner of the device list; "
                "is it named in needs?"
            )
        axes = owner.pseudo_positioners
        if axis not in axes._fields:
            raise ValueError(
                f"{device} has no axis {axis!r}: {', '.join(axes._fields)}"
            )
        self._axis = getattr(axes, axis)
        self._owner = owner
        super().__init__(name=name, **kwargs)
        self.readback = AxisReadback(self._axis, name=name, timestamp=clock.time())
        self._subscribed = [
            (real, real.subscribe(self._moved, event_type=real.SUB_READBACK, run=False))
            for real in owner.real_positioners
        ]

    @property
    def position(self) -> float:
        """Where it is now."""
        return float(self._axis.position)

    @property
    def egu(self) -> str:
        """Its unit."""
        return str(self._axis.egu)

    @property
    def limits(self) -> tuple[float, float]:
        """Lowest and highest setpoint accepted; (0, 0): no limits."""
        low, high = self._axis.limits
        return float(low), float(high)

    @property
    def moving(self) -> bool:
        """Whether one of the axes behind it is on its way."""
        return bool(self._owner.moving)

    @property
    def motors_behind(self) -> list[Any]:
        """The motors that move with it."""
        return list(self._owner.real_positioners)

    def motions(self) -> list[Motion]:
        """How the motors behind it move with it, if the other axes stay."""
        low, high = self.limits
        if low >= high:  # no limits: as near where it is
            low, high = self.position - 0.5, self.position + 0.5
        axis = self._axis.attr_name

        def places(at: float) -> Sequence[float]:
            now = self._owner.position
            return tuple(self._owner.forward(now._replace(**{axis: at})))

        motors = self.motors_behind
        described = signals_behind(motors, places, low, high)
        if not described or not self._adds_up(low, high):
            return described
        return [
            msgspec.structs.replace(one, motor=motor.name, limits=limits_of(motor))
            for one, motor in zip(described, motors, strict=True)
        ]

    def _adds_up(self, low: float, high: float) -> bool:
        """It does the same to the motors behind it wherever the other axes are."""
        mine, now = self._axis.attr_name, self._owner.position
        try:
            usual = self._moved_behind(now, low, high)
            for axis in self._owner.pseudo_positioners:
                name, (lowest, highest) = axis.attr_name, axis.limits
                ends = (lowest, highest) if lowest < highest else (-1.0, 1.0)
                for at in ends if name != mine else ():
                    there = self._moved_behind(now._replace(**{name: at}), low, high)
                    if not np.allclose(there, usual, rtol=1e-6, atol=1e-6):
                        return False
        except (ValueError, ArithmeticError):  # it cannot be everywhere
            return False
        return True

    def _moved_behind(self, at: Any, low: float, high: float) -> Any:
        """Return how far the motors are from where they are at its lowest place."""
        axis, middle = self._axis.attr_name, (low + high) / 2
        first, *rest = (
            np.array(self._owner.forward(at._replace(**{axis: place})), float)
            for place in (low, middle, high)
        )
        return [one - first for one in rest]

    @property
    def hints(self) -> dict[str, list[str]]:
        """What people look at."""
        return {"fields": [self.name]}

    def check_value(self, pos: float) -> None:
        """Refuse what is outside its limits, or of an axis behind it."""
        self._axis.check_value(pos)

    def set(self, new_position: float, **_: Any) -> Any:
        """Start to move; the status is done when all axes behind it have arrived."""
        self.check_value(new_position)
        return self._axis.set(new_position)

    def move(self, position: float, wait: bool = True, **_: Any) -> Any:
        """Move, and by default wait for the arrival; see `set`."""
        status = self.set(position)
        if wait:
            status.wait()
        return status

    def stop(self, *, success: bool = False) -> None:
        """Stop all axes behind it."""
        self._owner.stop(success=success)

    def read(self) -> dict[str, dict[str, Any]]:
        """Where it is, and where it was sent."""
        when = self.readback.timestamp
        return {
            self.name: {"value": self.position, "timestamp": when},
            f"{self.name}_setpoint": {
                "value": float(self._axis.target),
                "timestamp": when,
            },
        }

    def describe(self) -> dict[str, dict[str, Any]]:
        """Shape, type and unit of each key of a reading."""
        low, high = self.limits
        described = {
            "source": f"computed:{self._axis.name}",
            "dtype": "number",
            "shape": [],
            "units": self.egu,
            "lower_ctrl_limit": low,
            "upper_ctrl_limit": high,
        }
        return {self.name: described, f"{self.name}_setpoint": dict(described)}

    def read_configuration(self) -> dict[str, dict[str, Any]]:
        """It has none."""
        return {}

    def describe_configuration(self) -> dict[str, dict[str, Any]]:
        """It has none."""
        return {}

    def destroy(self) -> None:
        """Hear of no more moves."""
        for real, cid in self._subscribed:
            real.unsubscribe(cid)
        super().destroy()

    def _moved(self, *_: Any, timestamp: float = 0.0, **__: Any) -> None:
        self.readback.moved(timestamp)
        self._run_subs(
            sub_type=self.SUB_READBACK, value=self.position, timestamp=timestamp
        )
