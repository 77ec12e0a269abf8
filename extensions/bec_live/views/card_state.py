"""What a scan card shows, folded from what the services say. No IO, clock or thread."""

import math
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from numbers import Real
from typing import Any

from bec_kernel.client.scan import TableColumns
from bec_kernel.language import headline
from bec_kernel.wire import (
    Begin,
    FileDone,
    Fit,
    Message,
    Point,
    ScanState,
    Seal,
    StateChange,
)

COLUMNS = 6
"""So many columns has the table at most."""

SIGNALS = 24
"""So many signals of a point a card keeps at most."""

INDEX = "point_id"
"""Name of the axis where no single motor makes one."""

Row = list[float | str | None]
"""One point: its id, then one value a column."""


@dataclass
class CardState:
    """One scan, as far as a person looking at it wants to know.

    Attributes:
        hints: names of the signals worth showing, by device; empty: all scalars.
        begin: the scan's first entry.
        state: of the scan; empty until it has one.
        reason: why it ended so.
        message: more, for people.
        waits: its place in the queue, before it has a state.
        columns: names of the signals in a row, behind the point's id; what the scan is
            about comes first.
        rows: one a point, in order.
        fit: the newest.
        file: path of the scan's file, once it is complete.
        sealed: the last point is here.
        retaken: so many rows were replaced: the scan was rewound.
    """

    hints: Mapping[str, Sequence[str]] = field(default_factory=dict)
    begin: Begin | None = None
    state: str = ""
    reason: str = ""
    message: str = ""
    waits: str = ""
    columns: list[str] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)
    fit: Fit | None = None
    file: str = ""
    sealed: bool = False
    retaken: int = 0
    _seen: TableColumns = field(default_factory=TableColumns)
    _told: int = 0
    _first: float = 0.0
    _last: float = 0.0
    _before: int = 0

    def take(self, message: Message) -> None:
        """Fold one message in; what a card does not show is passed over."""
        match message:
            case Begin():
                self.begin = message
            case Point():
                self._add(message)
            case StateChange():
                self.state = str(message.state)
                self.waits = ""
                self.reason = message.reason
                self.message = message.message
            case Fit():
                self.fit = message
            case FileDone():
                self.file = message.path
            case Seal():
                self.sealed = True

    def _add(self, point: Point) -> None:
        if not self.columns:
            self.columns = columns_of(self.begin, point, self.hints)
        if math.isfinite(point.begin):  # of those in old files nobody knows it
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
        self._told = min(self._told, at)
        self.rows[at : at + there] = [[point.point_id, *values]]
        self._seen.tell(dict(zip(self.columns, values, strict=True)))

    @property
    def next_point(self) -> int:
        """The `point_id` behind those that are here; some before may be missing."""
        return _point_id(self.rows[-1]) + 1 if self.rows else 0

    def news(self) -> int:
        """Return from which row on there is something new since this was last asked."""
        told, self._told = self._told, len(self.rows)
        return told

    @property
    def title(self) -> str:
        """What was asked for, as one types it."""
        if self.begin is None:
            return "Scan"
        return headline(self.begin.request, self.begin.scan_number)

    @property
    def total(self) -> int:
        """How many points there will be; 0 where nobody knows."""
        if self.begin is None or not self.begin.shape:
            return 0
        product = 1
        for length in self.begin.shape:
            product *= length
        return product

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
        """The columns worth showing: motors, what is drawn, what varies, the others."""
        about = _signals_of(_about(self.begin), self.columns) | {self.y}
        named = [name for name in self.columns if name in about]
        return self._seen.order(named)[:COLUMNS]

    @property
    def is_complete(self) -> bool:
        """Nothing that a card shows will change any more."""
        fitted = not (self.begin and self.begin.fit) or bool(
            self.fit and self.fit.final
        )
        return self.is_final and self.sealed and fitted

    @property
    def is_final(self) -> bool:
        """The scan has ended."""
        return bool(self.state) and ScanState(self.state).is_final

    def series(self, name: str, start: int = 0) -> list[float | None]:
        """Return the values of one column, from point `start` on; None: no number."""
        if name == INDEX:
            return [_number(row[0]) for row in self.rows[start:]]
        if name not in self.columns:
            return [None] * len(self.rows[start:])
        at = self.columns.index(name) + 1
        return [_number(row[at]) for row in self.rows[start:]]

    def unit(self, name: str) -> str:
        """Return the engineering unit of a signal, or nothing."""
        return self.begin.units.get(name, "") if self.begin else ""

    def label(self, name: str) -> str:
        """Return what an axis is called: the signal, and its unit in brackets."""
        if name == INDEX:
            return "point"
        unit = self.unit(name)
        return f"{name} [{unit}]" if unit else name


def columns_of(
    begin: Begin | None, point: Point, hints: Mapping[str, Sequence[str]]
) -> list[str]:
    """Return the signals worth keeping: motors, the `signal`, the detectors' hints."""
    monitored = begin.monitored if begin else []
    order = [*_about(begin), *monitored, *point.data]
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


def _about(begin: Begin | None) -> list[str]:
    """Return the devices a scan is about."""
    if begin is None:
        return []
    signal = begin.parameters.get("signal")
    return [*begin.motors, *([str(signal)] if signal else [])]


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
