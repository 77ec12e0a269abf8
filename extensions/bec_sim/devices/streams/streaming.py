"""Simulated devices with a rhythm of their own: a flyer and a free-running counter."""

import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from ophyd import Component, Kind

from bec_services.device_server import Clock, DeviceState, Timer
from bec_services.device_server.devices import ActionStopped, AsyncSignal, LightStatus
from bec_sim.devices.checked import FASTEST, number, whole
from bec_sim.devices.detectors import Noise, SignalModel
from bec_sim.devices.device import SimDevice, SimSignal
from bec_sim.devices.motors import Profile

_PLAN = ("num", "exposure", "start", "end")
_MOST = 1_000_000
Listener = Callable[[float, Any], object]
"""Called with (timestamp, value) of each asynchronous sample."""


class _Stream(SimDevice):
    """A device that takes samples by itself and passes them to its listeners."""

    value = Component(SimSignal, kind=Kind.hinted, value=0)
    samples = Component(SimSignal, kind=Kind.normal, value=0)

    def __init__(
        self,
        prefix: str,
        *,
        name: str,
        clock: Clock,
        state: DeviceState | None,
        seed: int,
    ) -> None:
        self._listeners: tuple[Listener, ...] = ()
        self._timer: Timer | None = None
        super().__init__(prefix, name=name, clock=clock, state=state)
        self.value.name = self.name
        self._noise = Noise("poisson", 1.0, seed)

    def subscribe_async(self, listener: Listener) -> None:
        """Tell `listener` each sample from now on, in the clock's thread."""
        self._listeners = (*self._listeners, listener)

    def unsubscribe_async(self, listener: Listener) -> None:
        """Do not tell `listener` any more."""
        self._listeners = tuple(one for one in self._listeners if one != listener)

    def _emit(self, number: int, value: int) -> None:
        timestamp = self.clock.time()
        self.value.show(value, timestamp)
        self.samples.show(number, timestamp)
        self._send(timestamp, value)
        for listener in self._listeners:
            listener(timestamp, value)

    def _send(self, timestamp: float, value: int) -> None:
        """Send a sample to where the scan keeps it."""

    def _cancel(self) -> None:
        timer, self._timer = self._timer, None
        if timer is not None:
            timer.cancel()


class SimAsyncCounter(_Stream):
    """A counter that samples at its own rate while it is staged, and sends each sample.

    Keys of a reading: `<name>` (hinted, the newest counts) and `<name>_samples` (how
    many since staging).

    Args:
        rate: Samples a second.
        mean: Mean counts of a sample.
        seed: Of the counting noise.
    """

    stream = Component(AsyncSignal)
    rate = Component(
        SimSignal, kind=Kind.config, write=True, low=1e-3, high=FASTEST, units="Hz"
    )

    def __init__(
        self,
        prefix: str = "",
        *,
        name: str,
        clock: Clock,
        state: DeviceState | None = None,
        rate: float = 10.0,
        mean: float = 100.0,
        seed: int = 0,
    ) -> None:
        super().__init__(prefix, name=name, clock=clock, state=state, seed=seed)
        self.rate.put(rate)
        self._mean = number(f"{name}: mean", mean, 0.0, _MOST)
        self._began = 0.0
        self._before = 0

    def _send(self, timestamp: float, value: int) -> None:
        self.stream.put(value, timestamp=timestamp)

    def stage(self) -> list[object]:
        """Begin to sample; the first sample is one period later.

        In a scan that was begun before a kill it goes on with the number it had come
        to: a sample's value depends on its number.
        """
        staged = super().stage()
        if self._timer is None:
            self._before = self.stream.index
            self._began = self.clock.monotonic()
            self._schedule(self._before + 1)
        return staged

    def unstage(self) -> list[object]:
        """Sample no more."""
        self._cancel()
        return super().unstage()

    def stop(self, *, success: bool = False) -> None:
        """Sample no more."""
        self._cancel()

    def _schedule(self, number: int) -> None:
        # Counted from the beginning: no drift, however late a timer runs.
        due = self._began + (number - self._before) / self.rate.get()
        delay = due - self.clock.monotonic()
        self._timer = self.clock.call_later(delay, lambda: self._sample(number))

    def _sample(self, number: int) -> None:
        if self._timer is None:
            return
        self._schedule(number + 1)
        self._emit(number, self._counts(number))

    def _counts(self, number: int) -> int:
        """Return the value of sample `number`."""
        return int(self._noise.add(self._mean, number))


class SimFlyer(_Stream):
    """An axis that flies from start to end and counts on its way.

    `prepare` (or `kickoff` with the same arguments), `kickoff` (done when it flies),
    `complete` (done when it has arrived), `collect` (what it took). Each sample is also
    passed to listeners of `subscribe_async`, and sent with its position. A trigger
    is a whole flight.

    Args:
        motor: the positioner that flies, by its name in the device list; its velocity
            is chosen for the flight, and put back. None: an axis of the flyer's own.
        num: Samples of a flight.
        exposure: Seconds a sample takes.
        start: Where a flight starts.
        end: Where it ends.
        seed: Of the counting noise.
    """

    def __init__(
        self,
        prefix: str = "",
        *,
        name: str,
        clock: Clock,
        state: DeviceState | None = None,
        num: int = 100,
        exposure: float = 0.01,
        start: float = -5.0,
        end: float = 5.0,
        seed: int = 0,
        motor: str | None = None,
        devices: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(prefix, name=name, clock=clock, state=state, seed=seed)
        self._motor_name = motor
        self._devices = {} if devices is None else devices
        self._velocity: float | None = None
        self._plan = self._checked(
            {"num": num, "exposure": exposure, "start": start, "end": end}
        )
        self._model = SignalModel("GaussianModel", {"height": 1000.0})
        self._events: list[dict[str, Any]] = []
        self._flight: LightStatus | None = None
        self._began = 0.0

    flight = Component(AsyncSignal, names=("position", "counts"))

    def trigger(self) -> LightStatus:
        """Fly; done when it has arrived."""
        self.kickoff()
        return self.complete()

    def prepare(self, value: Mapping[str, Any]) -> LightStatus:
        """Take some of `num`, `exposure` (s), `start`, `end` for the next flights.

        Raises:
            ValueError: there is no such thing, or it is not what can be flown.
        """
        self._plan = {**self._plan, **self._checked(value)}
        return LightStatus.finished()

    def _checked(self, plan: Mapping[str, Any]) -> dict[str, Any]:
        if not isinstance(plan, Mapping) or (set(plan) - set(_PLAN)):
            raise ValueError(f"{self.name} takes {', '.join(_PLAN)}, not {plan!r:.60}")
        found: dict[str, Any] = {}
        for key, value in plan.items():
            what = f"{self.name}: {key}"
            if key == "num":
                found[key] = whole(what, value, 1, _MOST)
            else:
                low = 1 / FASTEST if key == "exposure" else -math.inf
                found[key] = number(what, value, low)
        return found

    def kickoff(self, **plan: Any) -> LightStatus:
        """Fly; the status is done when it does.

        Raises:
            RuntimeError: it is flying already.
        """
        if self._flight is not None and not self._flight.done:
            raise RuntimeError(f"{self.name} is flying already; complete or stop it")
        self.prepare(plan)
        self._events = []
        self._flight = LightStatus(self.clock)
        motor = self._motor()
        if motor is None:
            self._began = self.clock.monotonic()
            self._schedule(1)
            return LightStatus.finished()
        flying = LightStatus(self.clock)
        motor.set(self._plan["start"]).add_callback(
            lambda arrived: self._take_off(motor, arrived, flying)
        )
        return flying

    def _motor(self) -> Any:
        if self._motor_name is None:
            return None
        motor = self._devices.get(self._motor_name)
        if motor is None:
            raise LookupError(
                f"{self.name} flies {self._motor_name!r}, which is not in the device "
                "list"
            )
        return motor

    def _take_off(self, motor: Any, arrived: Any, flying: LightStatus) -> None:
        """The motor is at the start, or was stopped on its way there."""
        failure, flight = arrived.exception(0), self._flight
        if failure is not None or flight is None or flight.done:
            reason = failure or ActionStopped(f"{self.name} was stopped")
            if flight is not None:
                flight.set_exception(reason)
            flying.set_exception(reason)
            return
        plan = self._plan
        way = abs(plan["end"] - plan["start"])
        self._velocity = motor.velocity.get()
        motor.velocity.put(way / (plan["num"] * plan["exposure"]))
        self._began = self.clock.monotonic()
        self._schedule(1)
        motor.set(plan["end"])
        flying.set_finished()

    def _land(self) -> None:
        """Give the motor its velocity back."""
        velocity, self._velocity = self._velocity, None
        if velocity is not None:
            self._motor().velocity.put(velocity)

    def complete(self) -> LightStatus:
        """The status that is done when the flight is over.

        Raises:
            RuntimeError: it has never been kicked off.
        """
        if self._flight is None:
            raise RuntimeError(f"{self.name} does not fly; kickoff comes first")
        return self._flight

    def collect(self) -> Iterator[dict[str, Any]]:
        """What the flight took so far: time, data and timestamps of each sample."""
        yield from list(self._events)

    def describe_collect(self) -> dict[str, dict[str, Any]]:
        """Shape and type of what `collect` yields."""
        position = {"source": "SIM", "dtype": "number", "shape": []}
        counts = {"source": "SIM", "dtype": "integer", "shape": []}
        keys = {f"{self.name}_position": position, self.name: counts}
        return {"flight": keys}

    def stop(self, *, success: bool = False) -> None:
        """End the flight here."""
        self._cancel()
        if self._velocity is not None:
            self._motor().stop(success=success)
            self._land()
        if self._flight is None:
            return
        if success:
            self._flight.set_finished()
        else:
            self._flight.set_exception(ActionStopped(f"{self.name} was stopped"))

    def _schedule(self, number: int) -> None:
        due = self._began + number * self._plan["exposure"]
        delay = due - self.clock.monotonic()
        self._timer = self.clock.call_later(delay, lambda: self._sample(number))

    def _sample(self, number: int) -> None:
        flight, plan = self._flight, self._plan
        if self._timer is None or flight is None:
            return
        motor = self._motor()
        if motor is None:
            position = Profile(plan["start"], plan["end"], 1.0).position(
                (number - 0.5) / plan["num"] * abs(plan["end"] - plan["start"])
            )
        else:
            position = motor.position
        counts = int(self._noise.add(self._model(position), number))
        self._emit(number, counts)
        now = self.clock.time()
        self.flight.put({"position": position, "counts": counts}, timestamp=now)
        data = {f"{self.name}_position": position, self.name: counts}
        self._events.append(
            {"time": now, "data": data, "timestamps": dict.fromkeys(data, now)}
        )
        if number < plan["num"]:
            self._schedule(number + 1)
        else:
            self._timer = None
            self._land()
            flight.set_finished()
