"""Pure: Points as tables of pandas and xarray.

One row per point or over the scan's grid.

numpy, pandas and xarray are imported at first use: importing the client stays fast.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from bec_kernel.wire import Begin, Point, Reading, Times

if TYPE_CHECKING:
    import numpy
    import pandas
    import xarray

    from bec_kernel.scan import Grid

POINT = "point_id"
ByPoint = dict[str, dict[int, Reading]]
"""Readings by signal and `point_id`: `{"counter_stream": {0: Reading(7.0, t)}}`."""
_NO_POINT = -1

PARTS = tuple(name for name in Times.__struct_fields__ if name != "start")
"""Names of the parts of a point's duration."""


def parts(points: Sequence[Point]) -> dict[str, list[float]]:
    """Return one list of durations per part, s; NaN where unknown."""
    nan = float("nan")
    return {
        part: [getattr(p.times, part) if p.times else nan for p in points]
        for part in PARTS
    }


def columns(points: Sequence[Point], motors: Sequence[str]) -> dict[str, list[Any]]:
    """Return one list of readings per signal, motors first; None where missing."""
    names: dict[str, None] = {}
    for point in points:
        devices = [d for d in motors if d in point.data]
        devices += [d for d in point.data if d not in devices]
        names |= dict.fromkeys(name for d in devices for name in point.data[d])
    found: dict[str, list[Any]] = {name: [] for name in names}
    for point in points:
        readings = {n: r for device in point.data.values() for n, r in device.items()}
        for name, column in found.items():
            column.append(readings.get(name))
    return found


def _with(
    found: dict[str, list[Any]], points: Sequence[Point], more: ByPoint
) -> Iterator[tuple[str, list[Any]]]:
    """Yield all columns; an aligned one is renamed if its name is taken."""
    yield from found.items()
    for name, readings in more.items():
        shown = f"{name}_aligned" if name in found else name
        yield shown, [readings.get(point.point_id) for point in points]


def _values(column: Sequence[Reading | None]) -> list[Any]:
    return [None if reading is None else reading.value for reading in column]


def array(values: Sequence[Any]) -> "numpy.ndarray[Any, Any]":
    """Return values as one array `(values, *shape)`; NaN where one is missing.

    Values of different shapes or other types give an array of objects.
    """
    import numpy as np

    shapes = {np.shape(value) for value in values if value is not None}
    if len(shapes) == 1 and (shape := shapes.pop()):
        hole = np.full(shape, np.nan)
        return np.stack([hole if v is None else np.asarray(v) for v in values])
    if all(isinstance(v, int | float) or v is None for v in values):
        return np.array([np.nan if v is None else v for v in values])
    data = np.empty(len(values), dtype=object)
    data[:] = values
    return data


def to_pandas(
    points: Sequence[Point],
    read: dict[str, list[Any]],
    more: ByPoint,
    *,
    timestamps: bool,
    timing: bool,
) -> "pandas.DataFrame":
    """Return one row per point; an array is one cell.

    Args:
        points: in order.
        read: readings of each signal, one per point.
        more: readings of aligned signals, by `point_id`.
        timestamps: see `ScanReport.to_pandas`.
        timing: the same.
    """
    import pandas as pd

    table: dict[str, Any] = {}
    index = pd.Index([point.point_id for point in points], name="point_id", dtype=int)
    for name, column in _with(read, points, more):
        values = _values(column)
        kind = object if any(hasattr(v, "shape") for v in values) else None
        kind = kind if values else float
        table[name] = pd.Series(values, index=index, dtype=kind)
        if timestamps:
            times = [None if one is None else one.timestamp for one in column]
            table[f"{name}_timestamp"] = pd.Series(times, index=index)
    for part, seconds in parts(points).items() if timing else ():
        table[f"time_{part}"] = pd.Series(seconds, index=index)
    return pd.DataFrame(table, index=index)


def to_xarray(
    points: Sequence[Point],
    read: dict[str, list[Any]],
    more: ByPoint,
    units: dict[str, str],
    attributes: dict[str, Any],
    *,
    timing: bool,
    places: "Places",
) -> "xarray.Dataset":
    """Return variables over their places; arrays add dimensions `<name>_0`, ….

    Args:
        points: in order.
        read: readings of each signal, one per point.
        more: readings of aligned signals, by `point_id`.
        units: of each signal that has one.
        attributes: of the dataset.
        timing: see `ScanReport.to_xarray`.
        places: of the points. A signal with the name of an axis is called
            `<name>_readback`.
    """
    import xarray as xr

    variables: dict[str, Any] = {}
    for name, column in _with(read, points, more):
        data, shown = places.spread(_values(column)), name
        while shown in places.dims or shown in variables:
            shown = f"{shown}_readback"
        inner = [f"{shown}_{i}" for i in range(data.ndim - len(places.dims))]
        unit = {"units": units[name]} if units.get(name) else {}
        variables[shown] = ([*places.dims, *inner], data, unit)
    for part, seconds in parts(points).items() if timing else ():
        data = places.spread(seconds)
        variables[f"time_{part}"] = (places.dims, data, {"units": "s"})
    return xr.Dataset(variables, coords=places.coordinates(units), attrs=attributes)


# --- places of points ------------------------------------------------------------
class Places(Protocol):
    """Places of the points in a dataset.

    Attributes:
        dims: names of the dimensions.
    """

    @property
    def dims(self) -> tuple[str, ...]:
        """Names of the dimensions, one per motor, slowest first."""
        ...

    def spread(self, values: Sequence[Any]) -> "numpy.ndarray[Any, Any]":
        """Arrange values, one per point; empty places are NaN or None."""

    def coordinates(self, units: Mapping[str, str]) -> dict[str, Any]:
        """Return the coordinates as xarray takes them."""


class InLine:
    """Points in a row, one dimension `point_id`."""

    dims = (POINT,)

    def __init__(self, points: Sequence[Point]) -> None:
        self._points = points

    def spread(self, values: Sequence[Any]) -> "numpy.ndarray[Any, Any]":
        """See `Places.spread`."""
        return array(values)

    def coordinates(self, units: Mapping[str, str]) -> dict[str, Any]:
        """See `Places.coordinates`."""
        return {POINT: [point.point_id for point in self._points]}


class OverGrid:
    """Each point at its crossing of the grid; points beyond the grid are left out."""

    def __init__(self, points: Sequence[Point], grid: "Grid") -> None:
        import numpy as np

        self._grid = grid
        self._points = points
        self.dims = tuple(axis.motor for axis in grid.axes)
        ids = np.array([point.point_id for point in points], np.intp)
        self._inside = np.flatnonzero(ids < math.prod(grid.shape))
        self._ids = ids[self._inside]
        self._at = np.ravel_multi_index(grid.index(self._ids), grid.shape)

    def spread(self, values: Sequence[Any]) -> "numpy.ndarray[Any, Any]":
        """See `Places.spread`."""
        cells: list[Any] = [None] * math.prod(self._grid.shape)
        if values:  # empty before the first point
            for number, at in zip(self._inside.tolist(), self._at, strict=True):
                cells[at] = values[number]
        found = array(cells)
        return found.reshape(self._grid.shape + found.shape[1:])

    def coordinates(self, units: Mapping[str, str]) -> dict[str, Any]:
        """See `Places.coordinates`; `point_id` is -1 where none was taken."""
        import numpy as np

        ids = np.full(math.prod(self._grid.shape), _NO_POINT)
        ids[self._at] = self._ids
        found: dict[str, Any] = {POINT: (self.dims, ids.reshape(self._grid.shape))}
        for motor, places in self._grid.coordinates().items():
            unit = self._unit(motor, units)
            found[motor] = (motor, places, {"units": unit} if unit else {})
        return found

    def _unit(self, motor: str, units: Mapping[str, str]) -> str:
        """Return a motor's unit; its signals may have other names than the motor."""
        read = self._points[0].data.get(motor, {}) if self._points else {}
        return next((units[name] for name in (motor, *read) if name in units), "")


def places_of(
    points: Sequence[Point], begin: Begin | None, first: Mapping[str, float]
) -> Places:
    """Choose the places of a scan's points: over its grid, or in a row.

    Args:
        points: those so far.
        begin: the scan's definition; None before it has begun.
        first: setpoints of the first point of a relative scan, motor units.
    """
    from bec_kernel.scan import grid_of

    grid = grid_of(begin, first) if begin is not None else None
    return InLine(points) if grid is None else OverGrid(points, grid)
