"""Simulated devices that are little more than their signals."""

from typing import Any

from ophyd import Component, Kind

from bec_services.device_server import Clock, DeviceState
from bec_services.device_server.devices import LightStatus
from bec_sim.devices.device import SimDevice, SimSignal


class SimReadOnly(SimDevice):
    """One value that can be read.

    Keys of a reading: `<name>` (hinted).

    Args:
        value: What it is: a number, or text.
        egu: Its unit.
    """

    value = Component(SimSignal, kind=Kind.hinted)

    def __init__(
        self,
        prefix: str = "",
        *,
        name: str,
        clock: Clock,
        state: DeviceState | None = None,
        value: float | str = 0.0,
        egu: str = "",
        **kwargs: Any,
    ) -> None:
        super().__init__(prefix, name=name, clock=clock, state=state, **kwargs)
        self.value.name = self.name
        self.egu = egu
        self.value.show(value)

    def get(self, **_: Any) -> Any:
        """The value now."""
        return self.value.get()


class SimValue(SimReadOnly):
    """One value that can be read and set; a set is done at once."""

    value = Component(SimSignal, kind=Kind.hinted, write=True)

    def set(self, value: Any, **_: Any) -> LightStatus:
        """Be `value` from now on."""
        self.value.put(value)
        return LightStatus.finished()


class SimGroup(SimDevice):
    """Three numbers that can be set one by one, as of a stage: `x`, `y` and `z`.

    Keys of a reading: `<name>_x`, `<name>_y`, `<name>_z`.
    """

    x = Component(SimSignal, kind=Kind.hinted, write=True, value=0.0)
    y = Component(SimSignal, kind=Kind.normal, write=True, value=0.0)
    z = Component(SimSignal, kind=Kind.normal, write=True, value=0.0)
