"""Pure: models of devices: the time that each step of a program takes, s."""

import math
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from bec_kernel.wire import (
    AxisForecast,
    Begin,
    Condition,
    Device,
    DeviceValue,
    Learned,
    Reading,
    Readings,
    StepKind,
)
from bec_services.scan_server.forecast.learning import spread_of
from bec_services.scan_server.program import StepRequest, Travel, duration, own_reading

_NEWS = 0.05
"""So often (s) a motor on its way tells where it is."""
_ROUNDING = 1e-3


class BeamlineModel:
    """Devices as far as the length of a scan depends on them.

    Args:
        begin: first entry of the scan.
        devices: as published, by name.
        values: newest readings, by device.
        learned: dead times of its devices.
        exposures: that detectors were given last, s, as far as one knows.

    Attributes:
        now: s since the scan was opened.
        parts: where the time went, see `Forecast`.
        points: taken so far.
        cut: the program was not followed to its end.
        path: time and place of every setpoint, by motor, in the order of the steps.
        open_ended: conditions that are waited for, without a known end.
        notes: what is not known.
    """

    def __init__(
        self,
        begin: Begin,
        devices: Mapping[str, Device],
        values: Mapping[str, DeviceValue],
        learned: Learned | None,
        exposures: Mapping[str, float] = MappingProxyType({}),
    ) -> None:
        self._begin = begin
        self._devices = devices
        self._values = values
        self._places: dict[str, float] = {}
        self._learned = known = learned or Learned(devices=[])
        kept = [exposures[name] for name in begin.triggered if name in exposures]
        # Where no exposure is asked for, detectors keep the one they were given last.
        self._free = max(kept) + (known.trigger or 0.0) if kept else known.free or 0.0
        self.now = 0.0
        names = ("move", "settle", "trigger", "read", "wait", "overhead", "around")
        self.parts = dict.fromkeys(names, 0.0)
        self._first = dict(self.parts)
        self.points = 0
        self.cut = False
        self.path: list[tuple[float, dict[str, float]]] = []
        self.open_ended: dict[str, None] = {}
        self.notes: dict[str, None] = {}
        self._kinds: dict[StepKind, Callable[[StepRequest], None]] = {
            StepKind.OPEN: self._open,
            StepKind.MOVE: self._move,
            StepKind.POINT: self._point,
            StepKind.WAIT: self._wait,
        }
        self._ways: dict[str, Travel] = {}
        self._arrived = False
        self._flight = 0.0

    def take(self, want: StepRequest) -> None:
        """Do as if what a program wants were done."""
        kind = str(want.kind)
        if (take := self._kinds.get(want.kind)) is not None:
            take(want)
        elif want.kind.traits.question:
            self.open_ended[f"{_asked(want)} has seen enough"] = None
        elif kind in ("kickoff", "complete"):
            self._fly(want)
        elif want.kind.traits.timed:
            self.notes[f"how long it takes to {kind} is not known"] = None

    def answer(self, want: StepRequest) -> Any:
        """Answer a step that asks for readings or for an analysis."""
        if want.kind is StepKind.WAIT:
            nothing = not want.set and want.until is None
            return self.now if nothing else "arrived" if self._arrived else None
        if want.kind.traits.question:  # no analysis answers: the scan ends
            return {"end": True} if _asked(want) == "driver" else None
        devices = want.devices or [*self._begin.monitored]
        return {name: self._readings(name) for name in devices}

    def place(self, motor: str) -> float | None:
        """Find the position of a motor; None where it is not known."""
        if motor in self._ways:
            return self._ways[motor].place(self.now)
        if motor not in self._places:
            value = self._values.get(motor)
            found = own_reading(value.readings if value else {}, motor)
            if found is None:
                return None
            self._places[motor] = float(found.value)
        return self._places[motor]

    def _readings(self, name: str) -> Readings:
        value = self._values.get(name)
        readings = dict(value.readings) if value else {}
        if name in self._places or name in self._ways:
            main = name if name in readings else next(iter(readings), name)
            readings[main] = Reading(self.place(name), 0.0)
        return readings

    def _spend(self, part: str, seconds: float) -> None:
        self.now += seconds
        self.parts[part] += seconds

    def _open(self, _want: StepRequest) -> None:
        self._spend("around", self._learned.around or 0.0)
        if not self._learned.scans:
            self.notes["no scan has measured the dead times of its detectors yet"] = (
                None
            )

    def _move(self, want: StepRequest) -> None:
        self._set(want.set, "around" if self._begin.monitored else "move")

    def _set(self, places: dict[str, float], part: str) -> None:
        """All motors at once: the slowest one counts."""
        slowest = 0.0
        for motor, to in places.items():
            way = self._ways.pop(motor, None)
            if way is not None and way.end == to:  # it is under way there
                slowest = max(slowest, way.arrival - self.now)
            else:
                slowest = max(slowest, self._seconds(motor, to))
            self._places[motor] = to
        self._spend(part, slowest)
        if places:
            self.path.append((self.now, places))

    def _point(self, want: StepRequest) -> None:
        learned = self._learned
        overhead = learned.overhead if self.points else 0.0
        self.now += overhead
        if want.set:
            self._set(want.set, "move")
        settle = want.settle + want.settle_after
        dead = (learned.trigger or 0.0) if want.exposure else self._free
        trigger = want.exposure + (dead if self._begin.triggered else 0.0)
        self.now += settle + trigger + learned.read
        parts = self.parts
        parts["overhead"] += overhead
        parts["settle"] += settle
        parts["trigger"] += trigger
        parts["read"] += learned.read
        self.points += 1
        if self.points == 1:
            self._first = dict(parts)

    def _seconds(self, motor: str, to: float) -> float:
        start, motions = self.place(motor), self._devices[motor].motion
        if not motions:
            self.notes[f"how fast {motor} moves is not known"] = None
        return 0.0 if start is None else duration(motions, start, to)

    def _wait(self, want: StepRequest) -> None:
        self._arrived = False
        if want.at is not None:
            self._spend("wait", max(0.0, want.at - self.now))
        self._spend("wait", want.settle)
        if want.set:
            self._sweep(want)
        elif want.until is not None and str(want.until) not in self.open_ended:
            self.open_ended[str(want.until)] = None
            self._spend("wait", want.until.held)

    def _sweep(self, want: StepRequest) -> None:
        """Motors are on their way; wait until one has passed a place, or all arrive."""
        for motor, to in want.set.items():
            way, start = self._ways.get(motor), self.place(motor)
            if way is None or way.end != to:
                motions = self._devices[motor].motion
                start = to if start is None else start
                self._ways[motor] = Travel(motions, start, to, self.now)
        arrival = max(self._ways[motor].arrival for motor in want.set)
        if want.until is not None:
            told = self._told(want.until, arrival)
            self._spend("wait", max(0.0, min(told, arrival) - self.now))
        if self.now >= arrival:
            self._arrived = True
            for motor in want.set:
                self._places[motor] = self._ways.pop(motor).end
            self.path.append((self.now, want.set))

    def _told(self, until: Condition, arrival: float) -> float:
        """Return when a motor first tells that it is as it must be."""
        way = self._ways.get(until.device)
        bound = until.above if until.above is not None else until.below
        if way is None or bound is None:
            return arrival
        if until.is_met(way.place(self.now)):
            return self.now
        passed = max(way.passes(bound), self.now)
        # The first news behind that, by more than a rounding error.
        count = (passed - way.began) / _NEWS
        return way.began + (math.floor(count + _ROUNDING) + 1) * _NEWS

    def _fly(self, want: StepRequest) -> None:
        """A device flies by itself: its exposures count."""
        if str(want.kind) == "kickoff":
            told = getattr(want, "data", {})
            self._flight = told.get("num", 0) * told.get("exposure", 0.0)
            return
        names = ", ".join(want.devices)
        self.notes[f"how {names} flies is not known: its exposures count"] = None
        self._spend("trigger", self._flight)

    def skim(self, want: StepRequest) -> None:
        """Look only where a program goes."""
        if want.set:
            self._places.update(want.set)
            self.path.append((self.now, want.set))

    def go_on(self, points: int) -> None:
        """Add a number of points like those behind the first one."""
        done = self.points - 1
        if done < 1 or points <= 0:
            return
        self.notes[f"followed for {done + 1} points: the rest is taken to be alike"] = (
            None
        )
        for part, spent in self.parts.items():
            self.parts[part] += (spent - self._first[part]) / done * points
        self.now = sum(self.parts.values())
        self.points += points

    def axis(
        self, motor: str, low: float, high: float, path: list[float]
    ) -> AxisForecast:
        """Return the way of a motor as it travels."""
        device = self._devices[motor]
        units = (one.unit for one in device.signals if one.unit)
        return AxisForecast(
            low=low,
            high=high,
            end=self._places[motor],
            limits=device.limits,
            unit=next(units, ""),
            path=path,
        )

    def spread(self) -> float:
        """Return by how much its length may be wrong, s."""
        if not self._begin.monitored:
            return 0.0
        return spread_of(self._learned, self.now, self.points)


def _asked(want: StepRequest) -> str:
    """Return who is asked by a program that asks."""
    return str(getattr(want, "ask", ""))
