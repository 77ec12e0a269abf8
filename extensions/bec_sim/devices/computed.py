"""A value computed from others, by an expression of a small, safe language."""

from collections.abc import Mapping, Sequence
from typing import Any

from ophyd import Component, Device, Kind

from bec_kernel.language import Expression
from bec_services.device_server import Clock, DeviceState
from bec_sim.devices.device import Reading, SimDevice, SimSignal


class ComputedSignal(SimDevice):
    """A number computed from other devices' readings whenever it is read.

    Keys of a reading: `<name>` (hinted).

    Args:
        expression: see `Expression`; in terms of `a`, `b`, … or of the inputs' names.
        compute_method: The same under BEC's name.
        input_signals: Signals by their names, `bpm4i_readback`, in the order of the
            function's arguments (or `a`, `b`, …).
    """

    value = Component(SimSignal, kind=Kind.hinted, value=0.0)

    def __init__(
        self,
        prefix: str = "",
        *,
        name: str,
        clock: Clock,
        devices: Mapping[str, Device] | None = None,
        state: DeviceState | None = None,
        expression: str = "",
        compute_method: str = "",
        input_signals: Sequence[str] = (),
        **kwargs: Any,
    ) -> None:
        super().__init__(prefix, name=name, clock=clock, state=state, **kwargs)
        self.value.name = self.name
        self._devices = {} if devices is None else devices
        self._inputs = list(input_signals)
        source = expression or compute_method or "0"
        letters = [chr(ord("a") + i) for i in range(len(self._inputs))]
        named = self._inputs if _speaks_of(source, self._inputs) else letters
        self._expression = Expression(source, named)
        if len(self._expression.names) != len(self._inputs):
            raise ValueError(
                f"{name} computes with {len(self._expression.names)} arguments and has "
                f"{len(self._inputs)} input_signals"
            )

    def read(self) -> Reading:
        """Compute it now.

        Raises:
            LookupError: an input is not a signal of any device.
        """
        self.get()
        return super().read()

    def get(self, **_: Any) -> float:
        """Compute it now."""
        pairs = zip(self._expression.names, self._inputs, strict=True)
        found = self._expression({name: self._input(full) for name, full in pairs})
        self.value.show(found)
        return found

    def _input(self, full: str) -> float:
        """Return the newest value of a signal by its whole name."""
        parts = full.split("_")
        for end in range(len(parts), 0, -1):
            device = self._devices.get("_".join(parts[:end]))
            if device is not None:
                return _signal_of(device, full)
        raise LookupError(f"{self.name}: there is no device of the signal {full!r}")


def _speaks_of(source: str, names: Sequence[str]) -> bool:
    return "def " not in source and any(name in source for name in names)


def _signal_of(device: Device, full: str) -> float:
    readings = device.read()
    rest = full.removeprefix(device.name).lstrip("_")
    is_main = rest in ("", "readback", "value")
    reading = readings.get(full) or (readings.get(device.name) if is_main else None)
    if reading is None:
        raise LookupError(
            f"{device.name} has no signal {full!r}: it has {', '.join(readings)}"
        )
    return float(reading["value"])
