"""Simulated detectors with a rhythm of their own that look at more than a mean."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from ophyd import Component, Device

from bec_services.device_server.devices import AsyncSignal
from bec_sim.devices.checked import number, whole
from bec_sim.devices.detectors import SignalModel
from bec_sim.devices.streams.streaming import SimAsyncCounter

_MOST = 10_000


class SimAsyncMonitor(SimAsyncCounter):
    """Counts at its own rate what a model says of a motor's position, moving or not.

    Args:
        ref_motor: name of the motor in the device list.
        model: a peak or other shape by lmfit's name.
        params: what differs from the model's defaults: `height`, `center`, `sigma`...
        rate: samples a second.
        seed: of the counting noise.
    """

    def __init__(
        self,
        prefix: str = "",
        *,
        ref_motor: str = "samx",
        model: str = "GaussianModel",
        params: Mapping[str, Any] | None = None,
        devices: Mapping[str, Device] | None = None,
        **kwargs: Any,
    ) -> None:
        self._motor = ref_motor
        self._model = SignalModel(model, {"height": 100.0, **(params or {})})
        self._devices = {} if devices is None else devices
        super().__init__(prefix, **kwargs)

    def stage(self) -> list[object]:
        """Begin to sample; see `SimAsyncCounter.stage`.

        Raises:
            LookupError: the motor is not in the device list.
        """
        self._position()
        return super().stage()

    def _position(self) -> float:
        motor = self._devices.get(self._motor)
        if motor is None:
            raise LookupError(
                f"{self.name} follows {self._motor!r}, which is not in the device list"
            )
        return float(motor.position)

    def _counts(self, number: int) -> int:
        return int(self._noise.add(self._model(self._position()), number))


class SimAsyncGauss(SimAsyncCounter):
    """A spot that is scanned as a snake, again and again: sends x, y and intensity.

    Args:
        shape: lines, and samples in a line.
        extent: how far the snake goes to either side of the spot, in x and in y.
        sigma: of the spot, in the units of `extent`.
        rate: samples a second.
        mean: mean counts at the spot's centre.
        seed: of the counting noise.
    """

    stream = Component(AsyncSignal, names=("x", "y", "intensity"))

    def __init__(
        self,
        prefix: str = "",
        *,
        name: str,
        shape: Sequence[int] = (10, 10),
        extent: Sequence[float] = (5.0, 5.0),
        sigma: float = 1.0,
        **kwargs: Any,
    ) -> None:
        lines, samples = shape
        self._lines = whole(f"{name}: shape", lines, 2, _MOST)
        self._samples = whole(f"{name}: shape", samples, 2, _MOST)
        self._extent = [number(f"{name}: extent", one, 0.0) for one in extent]
        self._sigma = number(f"{name}: sigma", sigma, 1e-12)
        super().__init__(prefix, name=name, **kwargs)

    def place(self, number: int) -> tuple[float, float]:
        """Return x and y of a sample; `number` counts from 1."""
        line, at = divmod((number - 1) % (self._lines * self._samples), self._samples)
        if line % 2:  # back again
            at = self._samples - 1 - at
        x, y = self._extent
        return (
            x * (2 * at / (self._samples - 1) - 1),
            y * (2 * line / (self._lines - 1) - 1),
        )

    def _counts(self, number: int) -> int:
        x, y = self.place(number)
        mean = self._mean * math.exp(-(x**2 + y**2) / (2 * self._sigma**2))
        return int(self._noise.add(mean, number))

    def _send(self, timestamp: float, value: int) -> None:
        x, y = self.place(self.samples.get())
        self.stream.put({"x": x, "y": y, "intensity": value}, timestamp=timestamp)
