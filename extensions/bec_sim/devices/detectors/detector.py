"""What simulated detectors have in common: exposures, counted, on a clock."""

import threading
import zlib
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
from ophyd import Component, Device, Kind

from bec_services.device_server import Clock, DeviceState, Timer
from bec_services.device_server.devices import ActionStopped, LightStatus
from bec_sim.devices.checked import number
from bec_sim.devices.detectors.models import SignalModel, all_names
from bec_sim.devices.device import SimDevice, SimSignal

_FINEST = 1e-12
NOISES = ("none", "uniform", "poisson")


class Noise:
    """Noise that depends on its seed and the exposure's number only.

    Args:
        kind: `none`, `uniform` (within ± `scale`) or `poisson` (counting noise).
        scale: Half width of the uniform noise; for poisson, counts per quantum.
        seed: A whole number.
    """

    def __init__(self, kind: str, scale: float, seed: int) -> None:
        if kind not in NOISES:
            raise ValueError(f"no noise {kind!r}: there is {', '.join(NOISES)}")
        self.kind = kind
        self.scale = number("noise_scale", scale, _FINEST)
        self._bits = np.random.Philox(key=seed)
        self._fresh: Any = self._bits.state
        self._rng = np.random.Generator(self._bits)

    def add(self, value: Any, exposure: int) -> Any:
        """`value` (number or array) as exposure number `exposure` would show it."""
        if self.kind == "none":
            return value
        # A fresh generator an exposure costs 15 µs; setting the counter of one costs 1.
        self._fresh["state"]["counter"][1] = exposure
        self._bits.state = self._fresh
        if self.kind == "uniform":
            return value + self.scale * self._rng.uniform(-1, 1, np.shape(value))
        quanta = self._rng.poisson(np.maximum(value, 0.0) / self.scale)
        return quanta if self.scale == 1 else np.rint(quanta * self.scale).astype(int)


class ModelSettings:
    """The model behind a simulated detector, open to a person at run time."""

    def __init__(
        self,
        model: str,
        params: Mapping[str, Any],
        sim_init: Mapping[str, Any] | None,
        dimensions: int,
    ) -> None:
        given = dict(sim_init or {})
        self.model = SignalModel(
            given.get("model", model),
            {**params, **given.get("params", {})},
            dimensions=dimensions,
        )

    @property
    def params(self) -> dict[str, Any]:
        """The model's parameters; assign some of them to change those."""
        return dict(self.model.params)

    @params.setter
    def params(self, params: Mapping[str, Any]) -> None:
        self.model.update(params)

    def select_model(self, name: str) -> dict[str, Any]:
        """Take another model; returns its parameters."""
        self.model.select(name)
        return self.params

    def get_models(self) -> list[str]:
        """The names `select_model` takes; the first call takes seconds."""
        return all_names()


class SimDetector(SimDevice):
    """Something that is exposed by `trigger` and counts its exposures.

    The exposure number is counted before anything of the exposure can be seen, in a
    file that survives the process: two exposures never have the same number.

    Args:
        devices: The device list by name; looked up when a reference motor is needed.
        ref_motor: Which device's position the signal depends on; several names make
            the model one of the distance from all their centers (`center` is then a
            list), none a signal without a motor.
        noise: `none`, `uniform` or `poisson`.
        noise_scale: See `Noise`.
        seed: Of the noise; by default made of the device's name.
        exposure_time: Seconds from trigger to data.
    """

    USER_ACCESS: ClassVar[tuple[str, ...]] = (
        "sim.params",
        "sim.select_model",
        "sim.get_models",
    )
    _DEFAULT_MODEL: ClassVar[str] = "GaussianModel"

    exposures = Component(SimSignal, kind=Kind.normal, value=0)
    exposure_time = Component(
        SimSignal, kind=Kind.config, write=True, low=0.0, units="s"
    )

    def __init__(
        self,
        prefix: str = "",
        *,
        name: str,
        clock: Clock,
        devices: Mapping[str, Device] | None = None,
        state: DeviceState | None = None,
        model: str | None = None,
        ref_motor: str | Sequence[str] | None = None,
        params: Mapping[str, Any] | None = None,
        noise: str = "none",
        noise_scale: float = 1.0,
        seed: int | None = None,
        exposure_time: float = 0.0,
        sim_init: Mapping[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(prefix, name=name, clock=clock, state=state, **kwargs)
        self._devices = {} if devices is None else devices
        motors = [ref_motor] if isinstance(ref_motor, str) else ref_motor
        self._motors = tuple(motors or ())
        self.sim = ModelSettings(
            model or self._DEFAULT_MODEL, params or {}, sim_init, len(self._motors)
        )
        self._noise = Noise(
            noise,
            noise_scale,
            zlib.crc32(name.encode()) if seed is None else seed,
        )
        self._exposing = threading.Lock()
        self._current: tuple[LightStatus, Timer] | None = None
        self._cell = self.state.cell(f"{name}.exposures")
        self.exposures.show(int(self._cell.get()))
        self.exposure_time.put(number(f"{name}: exposure_time", exposure_time, 0.0))

    def trigger(self) -> LightStatus:
        """Expose; done `exposure_time` seconds later, with new values to read.

        Raises:
            RuntimeError: it is exposing already.
            LookupError: a reference motor is not among the devices.
        """
        seconds = self.exposure_time.get()
        if self._current is not None:
            raise RuntimeError(f"{self.name} is exposing already; stop it first")
        number = int(self._cell.add(1))
        if not seconds:
            self._finish_exposure(number)
            return LightStatus.finished()
        status = LightStatus(self.clock)
        with self._exposing:
            timer = self.clock.call_later(seconds, lambda: self._end(status, number))
            self._current = (status, timer)
        return status

    def prepare(self, value: float | Mapping[str, float]) -> LightStatus:
        """Take the exposure time of the next triggers: seconds, or by name."""
        seconds: Any = value
        if isinstance(value, Mapping):
            if set(value) != {"exposure_time"}:
                raise ValueError(
                    f"{self.name} prepares exposure_time, not {', '.join(value)!r:.60}"
                )
            seconds = value["exposure_time"]
        self.exposure_time.put(number(self.exposure_time.name, seconds, 0.0))
        return LightStatus.finished()

    def stop(self, *, success: bool = False) -> None:
        """End the exposure now, without data."""
        with self._exposing:
            current, self._current = self._current, None
        if current is None:
            return
        status, timer = current
        timer.cancel()
        if success:
            status.set_finished()
        else:
            status.set_exception(ActionStopped(f"{self.name}: exposure was stopped"))

    def _end(self, status: LightStatus, number: int) -> None:
        with self._exposing:
            if self._current is None or self._current[0] is not status:
                return
            self._current = None
        try:
            self._finish_exposure(number)
        except Exception as exc:  # noqa: BLE001 - handed to the one who triggered
            status.set_exception(exc)
            return
        status.set_finished()

    def _finish_exposure(self, number: int) -> None:
        timestamp = self.clock.time()
        self._expose(number, timestamp)
        self.exposures.show(number, timestamp)

    def _expose(self, number: int, timestamp: float) -> None:
        """Show the values of exposure `number`."""
        raise NotImplementedError

    def _signal(self) -> Any:
        """The model at the present positions of the reference motors."""
        model = self.sim.model
        if not self._motors:
            return model(0.0)
        if len(self._motors) == 1:
            return model(self._position(self._motors[0]))
        centers = np.atleast_1d(model.params.get("center", 0.0))
        offsets = np.array([self._position(name) for name in self._motors]) - centers
        params = {**model.params, "center": 0.0}
        return model.at(float(np.hypot.reduce(offsets)), params)

    def _position(self, motor: str) -> float:
        device = self._devices.get(motor)
        if device is None:
            raise LookupError(
                f"{self.name} follows {motor!r}, which is not in the device list"
            )
        return float(device.position)
