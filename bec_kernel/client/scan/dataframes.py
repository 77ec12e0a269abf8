"""Points as tables of pandas and xarray, imported at first use."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from bec_kernel.client.scan.streams import ByPoint
from bec_kernel.wire import Point, Reading, Times

if TYPE_CHECKING:
    import numpy
    import pandas
    import xarray

    from bec_kernel.client.scan.gridded import Places


PARTS = tuple(name for name in Times.__struct_fields__ if name != "start")
"""What the time of a point is split into."""


def parts(points: Sequence[Point]) -> dict[str, list[float]]:
    """Return one list a part of the points' time, s; NaN where nobody has told."""
    nan = float("nan")
    return {
        part: [getattr(p.times, part) if p.times else nan for p in points]
        for part in PARTS
    }


def columns(points: Sequence[Point], motors: Sequence[str]) -> dict[str, list[Any]]:
    """Return one list of readings a signal, motors first; None where one is missing."""
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
    """Yield all columns; one that is aligned steps back behind one that was read."""
    yield from found.items()
    for name, readings in more.items():
        shown = f"{name}_aligned" if name in found else name
        yield shown, [readings.get(point.point_id) for point in points]


def _values(column: Sequence[Reading | None]) -> list[Any]:
    return [None if reading is None else reading.value for reading in column]


def array(values: Sequence[Any]) -> "numpy.ndarray[Any, Any]":
    """Return values as one array, NaN where one is missing; of objects, if need be."""
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
    """Return one row a point; arrays lie in their cells as they are.

    Args:
        points: in order.
        read: readings of each signal, one a point.
        more: readings of other signals, by point_id.
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
    """Return variables over their places; an array adds the dimension `<name>_0`.

    Args:
        points: in order.
        read: readings of each signal, one a point.
        more: readings of other signals, by point_id.
        units: of each signal that has one.
        attributes: of the whole.
        timing: see `ScanReport.to_xarray`.
        places: where the points stand. A signal whose name is an axis' is called
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
