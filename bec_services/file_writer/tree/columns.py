"""Pure: the columns of a scan's file, and readings of points as their rows."""

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from bec_kernel.wire import Baseline, Point, PointStatus, Reading, Readings
from bec_services.file_writer.tree import point_metadata

T = TypeVar("T")
Array = npt.NDArray[Any]
Key = tuple[str, str]
"""Names of device and signal."""

STATUS = {status: number for number, status in enumerate(PointStatus)}
"""Number of each point status in the file."""

_TEXT = 64  # bytes: shortest fixed length of text; longer text needs a new file


@dataclass(frozen=True)
class Column:
    """dtype and shape that hold every value of one signal.

    Attributes:
        dtype: numpy dtype; text has a fixed length.
        shape: shape of one value; () for a number.
    """

    dtype: np.dtype[Any]
    shape: tuple[int, ...]

    def holds(self, dtype: np.dtype[Any], shape: tuple[int, ...]) -> bool:
        """Whether values of this dtype and shape can be stored without loss."""
        return shape == self.shape and np.can_cast(dtype, self.dtype, "safe")

    def widened(self, cell: Array) -> "Column":
        """Widen the column to hold `cell` too; a value of another rank never fits."""
        if cell.ndim != len(self.shape):
            return self
        shape = tuple(max(pair) for pair in zip(cell.shape, self.shape, strict=True))
        return Column(_roomy(np.promote_types(cell.dtype, self.dtype)), shape)

    def empty(self, rows: int) -> Array:
        """Rows of missing values: NaN, 0 or empty text."""
        kind = self.dtype.kind
        nothing: Any = np.nan if kind in "fc" else b"" if kind == "S" else 0
        return np.full((rows, *self.shape), nothing, self.dtype)


def cell(value: Any) -> Array:
    """Turn a value into an array: text as UTF-8 bytes, other objects as JSON."""
    if value is None:
        return np.asarray(np.nan)
    found: Array
    try:
        found = np.asarray(value)
    except ValueError:  # a ragged list
        found = np.asarray(json.dumps(value))
    if found.dtype.kind == "U":
        return np.asarray(np.char.encode(found, "utf-8"))
    if found.dtype.kind not in "biufcS":
        return np.asarray(json.dumps(value, default=str).encode())
    return found


def _roomy(dtype: np.dtype[Any]) -> np.dtype[Any]:
    if dtype.kind != "S" or dtype.itemsize in (_TEXT << n for n in range(20)):
        return dtype
    return np.dtype(f"S{max(_TEXT, 1 << dtype.itemsize.bit_length())}")


@dataclass
class Batch:
    """Rows of n points, to be appended to all columns.

    Attributes:
        rows: n.
        point_ids: ids of the points.
        values: by device and signal, shape (n, *shape of one value).
        times: by device and signal, shape (n,), s since the epoch.
        status: by device, shape (n,) uint8, see `STATUS`.
        own: by path in the file, see `point_metadata.rows`.
    """

    rows: int
    point_ids: list[int] = field(default_factory=list)
    values: dict[Key, Array] = field(default_factory=dict)
    times: dict[Key, Array] = field(default_factory=dict)
    status: dict[str, Array] = field(default_factory=dict)
    own: dict[str, Array] = field(default_factory=dict)


class Columns:
    """The columns of one file; they are only widened, so written values still fit.

    Args:
        servers: device servers of the scan.

    Attributes:
        servers: device servers of the scan.
        columns: signals that are read at every point, by device and signal.
        baseline: readings taken once, `{"samy": {"samy": Reading(1.0, t)}}`.
        configuration: readings of config signals, in the same shape.
        units: units of config signals, by name of the signal.
    """

    def __init__(self, servers: Sequence[str] = ()) -> None:
        self.servers = servers
        self.columns: dict[Key, Column] = {}
        self.baseline: dict[str, Readings] = {}
        self.configuration: dict[str, Readings] = {}
        self.units: dict[str, str] = {}
        self._signals: dict[str, set[str]] = {}

    @property
    def devices(self) -> list[str]:
        """Names of the devices that are read at every point."""
        return list(self._signals)

    def signals(self, device: str) -> list[str]:
        """Names of a device's signals that are read at every point."""
        return [signal for name, signal in self.columns if name == device]

    def described(self) -> list[tuple[str, str, str, list[int]]]:
        """All columns as plain data: device, signal, dtype and shape."""
        known = self.columns.items()
        return [(*key, one.dtype.str, list(one.shape)) for key, one in known]

    def restore(self, described: Iterable[tuple[str, str, str, Sequence[int]]]) -> None:
        """Add columns from plain data, see `described`."""
        for device, signal, dtype, shape in described:
            self.columns[device, signal] = Column(np.dtype(dtype), tuple(shape))
            self._signals.setdefault(device, set()).add(signal)

    def add_baseline(self, entry: Baseline) -> None:
        """Add readings that were taken once."""
        self.baseline.update(entry.data)
        self.configuration.update(entry.configuration)
        self.units.update(entry.configuration_units)

    def grow(self, points: Iterable[Point]) -> None:
        """Widen the columns until they hold the readings of `points`."""
        for point in points:
            for device, readings in point.data.items():
                for signal, reading in readings.items():
                    self._grow((device, signal), cell(reading.value))

    def _grow(self, key: Key, value: Array) -> None:
        old = self.columns.get(key)
        if old is None:
            self.columns[key] = Column(_roomy(value.dtype), value.shape)
            self._signals.setdefault(key[0], set()).add(key[1])
        elif not old.holds(value.dtype, value.shape):
            self.columns[key] = old.widened(value)

    def batch(self, points: Sequence[Point]) -> Batch | None:
        """Make the rows of `points`; None if the columns must grow first."""
        if not all(self._knows(point) for point in points):
            return None
        ids = [point.point_id for point in points]
        batch = Batch(len(points), ids, own=point_metadata.rows(points, self.servers))
        for key, column in self.columns.items():
            readings = [_reading(point, key) for point in points]
            values = _rows(column, readings)
            if values is None:
                return None
            batch.values[key] = values
            batch.times[key] = np.array([r.timestamp for r in readings])
        for device in self._signals:
            status = [STATUS[_status(point, device)] for point in points]
            batch.status[device] = np.array(status, np.uint8)
        return batch

    def _knows(self, point: Point) -> bool:
        known = self._signals
        return all(
            readings.keys() <= known.get(device, set())
            for device, readings in point.data.items()
        )


def runs(items: Sequence[T], number: Callable[[T], int]) -> list[Sequence[T]]:
    """Split items into runs with consecutive numbers."""
    ids = [number(item) for item in items]
    cuts = [n for n in range(1, len(ids)) if ids[n] != ids[n - 1] + 1]
    pairs = pairwise([0, *cuts, len(ids)])
    return [items[start:end] for start, end in pairs if end > start]


_NOTHING = Reading(None, np.nan)


def _reading(point: Point, key: Key) -> Reading:
    return point.data.get(key[0], {}).get(key[1], _NOTHING)


def _status(point: Point, device: str) -> PointStatus:
    if device not in point.data:
        return point.status.get(device, PointStatus.MISSING)
    return point.status.get(device, PointStatus.GOOD)


def _rows(column: Column, readings: Sequence[Reading]) -> Array | None:
    """Make rows of the column from readings; None if one does not fit."""
    values = [reading.value for reading in readings]
    try:
        found: Array = np.asarray(values)
    except ValueError:  # of different shapes
        return _slow_rows(column, readings)
    # One numeric dtype: numpy has neither rounded a value nor turned it into text.
    if found.dtype.kind in "iuf" and column.holds(found.dtype, found.shape[1:]):
        return found.astype(column.dtype, copy=False)
    return _slow_rows(column, readings)


def _slow_rows(column: Column, readings: Sequence[Reading]) -> Array | None:
    rows = column.empty(len(readings))
    for number, reading in enumerate(readings):
        if reading is _NOTHING:
            continue
        value = cell(reading.value)
        if value.ndim != len(column.shape):
            continue  # of another rank: stored as missing
        wider = column.widened(value)
        if wider != column:
            return None
        where: tuple[Any, ...] = (number, *(slice(n) for n in value.shape))
        rows[where] = value.astype(column.dtype)
    return rows
