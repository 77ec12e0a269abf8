"""Pure: the content of a scan card, folded from the scan's messages."""

import math
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from numbers import Real
from typing import Any

from bec_kernel.language import headline
from bec_kernel.scan import ScanFold, TableColumns, main_devices, total_points
from bec_kernel.wire import (
    Begin,
    Fit,
    Message,
    Point,
    StateChange,
)

COLUMNS = 6
"""Maximum number of columns of the table."""

SIGNALS = 24
"""Maximum number of signals that a card keeps of each point."""

INDEX = "point_id"
"""Name of the x axis if it is not a single motor."""

Row = list[float | str | None]
"""One point: `[point_id, value, …]`, one value per column."""


@dataclass
class CardState:
    """The content of one scan's card.

    `ScanFold` has the state; this adds rows, columns, axes and labels.

    Attributes:
        hints: names of the signals to show, by device; empty: all scalars.
        waits: its place in the queue, before it has a state.
        columns: names of the signals in a row, after the `point_id`; motors and the
            fitted signal come first.
        rows: one per point, in order.
        retaken: number of rows that were replaced after a rewind.
    """

    hints: Mapping[str, Sequence[str]] = field(default_factory=dict)
    waits: str = ""
    columns: list[str] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)
    retaken: int = 0
    _fold: ScanFold = field(default_factory=ScanFold)
    _seen: TableColumns = field(default_factory=TableColumns)
    _sent: int = 0
    _first: float = 0.0
    _last: float = 0.0
    _before: int = 0

    def take(self, message: Message) -> None:
        """Fold one message in; messages that a card does not show change nothing."""
        self._fold.fold(message)
        match message:
            case Point():
                self._add(message)
            case StateChange():
                self.waits = ""

    @property
    def begin(self) -> Begin | None:
        """The scan's definition: first entry of its step log."""
        return self._fold.begin

    @property
    def state(self) -> str:
        """State of the scan; empty until it has one."""
        return str(self._fold.state.state) if self._fold.state else ""

    @property
    def reason(self) -> str:
        """Reason of its state, in one word as `done`."""
        return self._fold.state.reason if self._fold.state else ""

    @property
    def message(self) -> str:
        """Explanation of its state for people; else empty."""
        return self._fold.state.message if self._fold.state else ""

    @property
    def fit(self) -> Fit | None:
        """The newest fit."""
        return self._fold.fit

    @property
    def file(self) -> str:
        """Path of the scan's file, once it is complete; else empty."""
        return self._fold.file.path if self._fold.file else ""

    def _add(self, point: Point) -> None:
        if not self.columns:
            self.columns = columns_of(self.begin, point, self.hints)
        if math.isfinite(point.begin):  # NaN: unknown, in old files
            if not self._last:
                self._first, self._before = point.begin, len(self.rows)
            self._last = point.end
        readings = {
            name: reading.value
            for device in point.data.values()
            for name, reading in device.items()
        }
        values = [_plain(readings.get(name)) for name in self.columns]
        at = len(self.rows)
        if point.point_id < self.next_point:
            self.retaken += 1
            at = bisect_left(self.rows, point.point_id, key=_point_id)
        there = [row[0] for row in self.rows[at : at + 1]] == [point.point_id]
        self._sent = min(self._sent, at)
        self.rows[at : at + there] = [[point.point_id, *values]]
        self._seen.tell(dict(zip(self.columns, values, strict=True)))

    @property
    def next_point(self) -> int:
        """The `point_id` after the last row; some before may be missing."""
        return _point_id(self.rows[-1]) + 1 if self.rows else 0

    def news(self) -> int:
        """Return the first row that is new or changed since the last call."""
        start, self._sent = self._sent, len(self.rows)
        return start

    @property
    def title(self) -> str:
        """The request as a command line, with the scan number."""
        if self.begin is None:
            return "Scan"
        return headline(self.begin.request, self.begin.scan_number)

    @property
    def total(self) -> int:
        """Number of points there will be; 0 if unknown."""
        return total_points(self.begin) or 0

    @property
    def left(self) -> float | None:
        """Time to the last point, s, on the scan's clock; None: unknown."""
        done = len(self.rows)
        timed = done - self._before
        if not self.total or timed <= 0 or self._last <= self._first:
            return None
        return (self._last - self._first) / timed * max(0, self.total - done)

    @property
    def x(self) -> str:
        """Name of the signal along the axis."""
        if self.fit is not None and self.fit.x:
            return self.fit.x
        motors = self.begin.motors if self.begin else []
        one = self.begin is None or len(self.begin.shape) <= 1
        return motors[0] if motors and one else INDEX

    @property
    def y(self) -> str:
        """Name of the signal that is drawn; empty before the first point."""
        if self.fit is not None and self.fit.y:
            return self.fit.y
        motors = _signals_of(self.begin.motors if self.begin else [], self.columns)
        detectors = [name for name in self.columns if name not in motors]
        return (detectors or self.columns or [""])[0]

    @property
    def table(self) -> list[str]:
        """Columns to show: motors, the drawn signal, those that vary, the others."""
        about = _signals_of(main_devices(self.begin), self.columns) | {self.y}
        named = [name for name in self.columns if name in about]
        return self._seen.order(named)[:COLUMNS]

    @property
    def is_complete(self) -> bool:
        """The content will not change any more."""
        fitted = self._fold.has_final_fit or not (self.begin and self.begin.fit)
        return self.is_final and self._fold.seal is not None and fitted

    @property
    def is_final(self) -> bool:
        """The scan has ended."""
        return self._fold.is_final

    def series(self, name: str, start: int = 0) -> list[float | None]:
        """Return one column from row `start` on; None where it is not a number."""
        if name == INDEX:
            return [_number(row[0]) for row in self.rows[start:]]
        if name not in self.columns:
            return [None] * len(self.rows[start:])
        at = self.columns.index(name) + 1
        return [_number(row[at]) for row in self.rows[start:]]

    def unit(self, name: str) -> str:
        """Return the engineering unit of a signal; empty without one."""
        return self.begin.units.get(name, "") if self.begin else ""

    def label(self, name: str) -> str:
        """Return the label of an axis: `samx [mm]`."""
        if name == INDEX:
            return "point"
        unit = self.unit(name)
        return f"{name} [{unit}]" if unit else name


def columns_of(
    begin: Begin | None, point: Point, hints: Mapping[str, Sequence[str]]
) -> list[str]:
    """List the names of numeric signals that a card keeps, `SIGNALS` at most.

    Order of devices: motors, the device chosen as `signal`, other monitored devices,
    the rest of the point. Of each device: its hinted signals; without hints, the
    signal of the device's name, or else all.
    """
    monitored = begin.monitored if begin else []
    order = [*main_devices(begin), *monitored, *point.data]
    names: list[str] = []
    for device in dict.fromkeys(order):
        readings = point.data.get(device, {})
        shown = hints.get(device) or _main_signals(device, readings)
        names += [
            name
            for name in shown
            if name in readings and isinstance(readings[name].value, Real)
        ]
    return names[:SIGNALS]


def _main_signals(device: str, readings: Mapping[str, Any]) -> list[str]:
    return [device] if device in readings else list(readings)


def _signals_of(devices: Sequence[str], names: Sequence[str]) -> set[str]:
    return {
        name
        for name in names
        if any(name == device or name.startswith(f"{device}_") for device in devices)
    }


def _plain(value: Any) -> float | str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return str(value)
    number = value.item() if hasattr(value, "item") else value
    return number if math.isfinite(number) else None  # JSON knows no NaN


def _number(value: float | str | None) -> float | None:
    return None if value is None or isinstance(value, str) else value


def _point_id(row: Row) -> int:
    at = row[0]
    assert isinstance(at, int)
    return at
