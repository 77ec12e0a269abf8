"""Pure: which signals are fitted, when, and at which place in the log of fits."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bec_kernel.bus import Entry
from bec_kernel.bus.changes import Id
from bec_kernel.wire import Begin, Device, Fit, Point, Reading, Seal

TIME = "time"
"""The axis of a scan without a motor: s since its first point."""


@dataclass(frozen=True)
class Axes:
    """Signals of a fit, y over x, as (device, signal); a scan may have no motor."""

    x: tuple[str, str] | None
    y: tuple[str, str]


@dataclass(frozen=True)
class Task:
    """Input of one fit of a scan's points: data, model name and names of the axes.

    Attributes:
        at: id under which the result is appended to the scan's log of fits.
        model: name of the model, as the request gives it.
        x: x value of each usable point: x signal in its units, or time in s.
        y: y value of each usable point, in units of the y signal.
        points: number of points of the scan so far, also those that are not in `x`.
        final: True if the scan has ended, so that no fit follows.
        x_name: name of the x signal; `time` if the scan has no motor.
        y_name: name of the fitted signal; empty if there is none.
        problem: why the fit is impossible; empty if it is possible.
    """

    at: Id
    model: str
    x: list[float]
    y: list[float]
    points: int
    final: bool
    x_name: str
    y_name: str
    problem: str = ""


def is_number(value: Any) -> bool:
    """Say whether a value is one finite number."""
    try:
        return not isinstance(value, str | bytes) and math.isfinite(value)
    except (TypeError, ValueError):
        return False


def choose(begin: Begin, devices: Mapping[str, Device], point: Point) -> Axes | None:
    """Choose the signals to fit (y over x); None if no detector gives a number."""
    motor = next((name for name in begin.motors if name in point.data), "")
    x = _hinted(motor, devices, point)
    others = [name for name in begin.monitored if name not in begin.motors]
    # Without a word from the asker: the device that is triggered first.
    about = begin.parameters.get("signal") or next(iter(begin.triggered), "")
    others.sort(key=lambda name: name != about)
    for name in others:
        if y := _hinted(name, devices, point):
            return Axes((motor, x) if x else None, (name, y))
    return None


def _hinted(device: str, devices: Mapping[str, Device], point: Point) -> str:
    readings = point.data.get(device, {})
    signals = devices[device].signals if device in devices else []
    hints = [signal.name for signal in signals if signal.kind == "hinted"]
    for name in (*hints, device, *readings):
        if name in readings and is_number(readings[name].value):
            return name
    return ""


class FitSeries:
    """The fits of one scan: a function of its points; the newest points always win.

    Attributes:
        done: the last fit was put out.
        missed: number of points that had left the bus before they were read.
    """

    def __init__(
        self,
        begin: Begin,
        devices: Mapping[str, Device],
        last: Entry[Fit] | None = None,
    ) -> None:
        """Go on behind `last`, the last entry of the scan's log of fits."""
        self._begin = begin
        self._devices = devices
        self._fitted = last.message.points if last else 0
        self.done = last is not None and last.message.final
        self._axes: Axes | None = None
        self._start = 0.0
        self.missed = 0
        self._points = 0
        self._taken: dict[int, tuple[float, float]] = {}
        self._sealed = False

    def take(self, entry: Any) -> None:
        """Take the next entry of the log of points."""
        if isinstance(entry, Point):
            self._take_point(entry)
        elif isinstance(entry, Seal):
            self._sealed = True

    def _take_point(self, point: Point) -> None:
        if self._axes is None:
            self._axes = choose(self._begin, self._devices, point)
            self._start = point.begin
        self.missed += max(0, point.point_id - self._points)
        self._points = max(self._points, point.point_id + 1)
        if self._axes is None:
            return
        x = point.begin - self._start
        if self._axes.x:
            x = _value(point, self._axes.x)
        y = _value(point, self._axes.y)
        if is_number(x) and is_number(y):
            self._taken[point.point_id] = float(x), float(y)
        else:  # the scan was rewound, perhaps
            self._taken.pop(point.point_id, None)

    @property
    def ends(self) -> bool:
        """True if the last fit is due, because the scan has ended."""
        return self._sealed and not self.done

    @property
    def pending(self) -> bool:
        """True if there are points that no fit has used."""
        return not self.done and (self._sealed or self._points > self._fitted)

    def next(self) -> Task | None:
        """Return the fit to be done now; None where there is nothing new."""
        if not self.pending:
            return None
        self._fitted = self._points
        self.done = self._sealed
        axes = self._axes
        problem = "" if axes else f"no detector of {self._begin.request.name} gives a "
        return Task(
            at=Id(self._points, int(self._sealed)),
            model=self._begin.fit,
            x=[x for x, _ in self._taken.values()],
            y=[y for _, y in self._taken.values()],
            points=self._points,
            final=self._sealed,
            x_name=axes.x[1] if axes and axes.x else TIME,
            y_name=axes.y[1] if axes else "",
            problem=problem and problem + "number at every point",
        )


def _value(point: Point, key: tuple[str, str]) -> Any:
    return point.data.get(key[0], {}).get(key[1], Reading(math.nan, 0.0)).value
