"""A simulated counter, for instance a beam position monitor's current."""

from collections.abc import Mapping, Sequence
from typing import Any

from ophyd import Component, Device, Kind

from bec_services.device_server import Clock, DeviceState
from bec_sim.devices.detectors.detector import SimDetector
from bec_sim.devices.device import SimSignal


class SimMonitor(SimDetector):
    """A number that follows a motor's position by a model, with noise.

    Keys of a reading: `<name>` (hinted; whole counts with poisson noise) and
    `<name>_exposures`, how often it was ever triggered.

    Args:
        model: A peak or other shape by lmfit's name, see `sim.get_models()`.
        params: What differs from the model's defaults: `height`, `center`, `sigma`...
    """

    value = Component(SimSignal, kind=Kind.hinted)

    def __init__(
        self,
        prefix: str = "",
        *,
        name: str,
        clock: Clock,
        devices: Mapping[str, Device] | None = None,
        state: DeviceState | None = None,
        model: str = "GaussianModel",
        ref_motor: str | Sequence[str] | None = "samx",
        params: Mapping[str, Any] | None = None,
        noise: str = "poisson",
        **kwargs: Any,
    ) -> None:
        super().__init__(
            prefix,
            name=name,
            clock=clock,
            devices=devices,
            state=state,
            model=model,
            ref_motor=ref_motor,
            params=params,
            noise=noise,
            **kwargs,
        )
        self.value.name = self.name
        # A reading is described before the first exposure: of the type it will have.
        self.value.show(0 if noise == "poisson" else 0.0)

    def _expose(self, number: int, timestamp: float) -> None:
        value = self._noise.add(self._signal(), number)
        counts = self._noise.kind == "poisson"
        self.value.show(int(value) if counts else float(value), timestamp)
