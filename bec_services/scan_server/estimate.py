"""What a scan would do, and how long: its program run on models. Decides, no IO.

The program is the very one the worker runs. Where it wants a motor moved, the motor's
own velocity says how long that takes; where it wants an exposure, the exposure does,
and what earlier scans learned of dead times; where it asks where motors are, it is told
what is published. It is followed for so many steps at most; the rest goes on alike.
"""

from collections.abc import Callable, Generator, Mapping
from itertools import islice
from math import prod
from types import MappingProxyType
from typing import Any

from bec_kernel.wire import (
    AxisForecast,
    Begin,
    Device,
    DeviceValue,
    Forecast,
    Learned,
    Reading,
    Readings,
    StepKind,
)
from bec_services.scan_server.learning import spread_of
from bec_services.scan_server.travel import duration
from bec_services.scan_server.unit import Frame
from bec_services.scan_server.want import DRIVER, Program, Want

MOST = 20_000
"""A dry run follows so many steps of a program."""
FURTHER = 200_000
"""Of so many more it looks only where the motors go."""
PLACES = 400
"""So many places of a path travel."""
_AT_ONCE = (
    StepKind.STAGE,
    StepKind.READ,
    StepKind.BASELINE,
    StepKind.UNSTAGE,
    StepKind.CLOSE,
)
"""What takes no time of its own: see `Learned.around`."""


class Model:
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
        open_ended: what is waited for, nobody knows how long.
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
        self._kinds: dict[StepKind, Callable[[Want], None]] = {
            StepKind.OPEN: self._open,
            StepKind.MOVE: self._move,
            StepKind.POINT: self._point,
            StepKind.WAIT: self._wait,
            StepKind.ASK: self._ask,
            StepKind.KICKOFF: self._fly,
        }

    def take(self, want: Want) -> None:
        """Do as if what a program wants were done."""
        if (take := self._kinds.get(want.kind)) is not None:
            take(want)
        elif want.kind not in _AT_ONCE:
            self.notes[f"how long it takes to {want.kind} is not known"] = None

    def answer(self, want: Want) -> Any:
        """Return what a program is told that asked for readings, or for advice."""
        if want.kind is StepKind.ASK:  # nobody is asked: that is its end
            return {"end": True} if want.ask == DRIVER else None
        if want.kind is StepKind.WAIT:
            return "arrived"
        devices = want.devices or [*self._begin.monitored]
        return {name: self._readings(name) for name in devices}

    def place(self, motor: str) -> float | None:
        """Return where a motor is; None where nobody has said."""
        if motor not in self._places:
            value = self._values.get(motor)
            readings = value.readings if value else {}
            found = readings.get(motor) or next(iter(readings.values()), None)
            if found is None:
                return None
            self._places[motor] = float(found.value)
        return self._places[motor]

    def _readings(self, name: str) -> Readings:
        value = self._values.get(name)
        readings = dict(value.readings) if value else {}
        if name in self._places:
            main = name if name in readings else next(iter(readings), name)
            readings[main] = Reading(self._places[name], 0.0)
        return readings

    def _spend(self, part: str, seconds: float) -> None:
        self.now += seconds
        self.parts[part] += seconds

    def _open(self, _want: Want) -> None:
        self._spend("around", self._learned.around or 0.0)
        if not self._learned.scans:
            self.notes["no scan has told the dead times of its detectors yet"] = None

    def _move(self, want: Want) -> None:
        self._set(want.set, "around" if self._begin.monitored else "move")

    def _set(self, places: dict[str, float], part: str) -> None:
        """All motors at once: the slowest one counts."""
        slowest = 0.0
        for motor, to in places.items():
            start, motions = self.place(motor), self._devices[motor].motion
            if not motions:
                self.notes[f"how fast {motor} moves is not known"] = None
            if start is not None:
                seconds = duration(motions, start, to)
                slowest = max(slowest, seconds)
            self._places[motor] = to
        self._spend(part, slowest)
        if places:
            self.path.append((self.now, places))

    def _point(self, want: Want) -> None:
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

    def _wait(self, want: Want) -> None:
        if want.set:
            self._pass(want)
            return
        if want.at is not None:
            self._spend("wait", max(0.0, want.at - self.now))
        if want.until is not None and str(want.until) not in self.open_ended:
            self.open_ended[str(want.until)] = None
            self._spend("wait", want.until.held)

    def _ask(self, want: Want) -> None:
        self.open_ended[f"what {want.ask} says"] = None

    def _fly(self, want: Want) -> None:
        plan = want.data
        self._spend("wait", plan.get("num", 0) * plan.get("exposure", 0.0))
        if "exposure" not in plan:
            self.notes["how long a sample of the flyer takes is not known"] = None

    def _pass(self, want: Want) -> None:
        """A motor that is under way passes a place, or goes to its end."""
        ((motor, end),) = want.set.items()
        until, start = want.until, self.place(motor)
        ahead = None
        if until is not None:
            ahead = until.below if until.above is None else until.above
        if want.answer or ahead is None or start is None:
            self.notes[f"a point each time {motor} tells where it is"] = None
            self._set(want.set, "move")
            return
        to = min(max(ahead, min(start, end)), max(start, end))
        velocities = [m.velocity for m in self._devices[motor].motion if m.velocity]
        if velocities:
            self._spend("move", abs(to - start) / min(velocities))
        self._places[motor] = to
        self.path.append((self.now, {motor: to}))

    def skim(self, want: Want) -> None:
        """Look only where a program goes."""
        if want.set:
            self._places.update(want.set)
            self.path.append((self.now, want.set))

    def go_on(self, points: int) -> None:
        """Take so many points more, like those behind the first one."""
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


def forecast(
    frame: Frame,
    begin: Begin,
    model: Model,
    *,
    most: int = MOST,
    further: int = FURTHER,
) -> Forecast:
    """Return what a scan would do; `delay`, `held` and `size` are not known here.

    Args:
        frame: the scan's program.
        begin: its first entry.
        model: of its devices, at its beginning; used up.
        most: follow so many steps at most.
        further: of so many more look only where the motors go.
    """
    try:
        _follow(frame, begin, model, most, further)
    except Exception as error:  # noqa: BLE001 - a scan's own code, told to the asker
        model.notes[f"its program cannot be followed to the end: {error}"] = None
    spread = model.spread()
    axes, times = _axes(model)
    return Forecast(
        name=begin.request.name,
        duration=model.now,
        low=max(0.0, model.now - spread),
        high=model.now + spread,
        open_ended=list(model.open_ended),
        points=model.points,
        parts=model.parts,
        axes=axes,
        times=times,
        notes=list(model.notes),
    )


def _follow(frame: Frame, begin: Begin, model: Model, most: int, further: int) -> None:
    wants = _wants(frame.body(), model)
    for want in islice(wants, most):
        model.take(want)
    points = model.points
    for want in islice(wants, further):
        model.skim(want)
        points += want.point_id is not None
    model.cut = next(wants, None) is not None
    wants.close()
    model.go_on(max(points, prod(begin.shape) if begin.shape else 0) - model.points)
    for want in _wants(frame.cleanup(moves=True), model):
        model.take(want)


def _wants(program: Program, model: Model) -> Generator[Want]:
    """Yield what a program wants; it is told what the model says."""
    told: Any = None
    try:
        want = next(program)
        while True:
            yield want
            told = model.answer(want) if want.answer else None
            want = program.send(told)
    except StopIteration:
        return
    finally:
        program.close()


def _axes(model: Model) -> tuple[dict[str, AxisForecast], list[float]]:
    """Return where the motors go, with as many places as may travel; and when."""
    path = model.path
    chosen = _chosen(len(path))
    kept = set(chosen)
    ways: dict[str, list[float]] = {}
    here: dict[str, float] = {}
    lows, highs = dict(path[0][1]) if path else {}, dict(path[0][1]) if path else {}
    for number, (_, places) in enumerate(path):
        here.update(places)
        for motor, place in places.items():
            lows[motor] = min(lows.get(motor, place), place)
            highs[motor] = max(highs.get(motor, place), place)
        if number in kept:
            for motor, place in here.items():
                ways.setdefault(motor, [place] * chosen.index(number)).append(place)
    axes = {
        motor: model.axis(motor, lows[motor], highs[motor], way)
        for motor, way in ways.items()
    }
    return axes, [path[number][0] for number in chosen]


def _chosen(count: int) -> list[int]:
    """Return which of so many places travel: evenly, the first and the last one too."""
    if count <= PLACES:
        return list(range(count))
    return [n * (count - 1) // (PLACES - 1) for n in range(PLACES)]
