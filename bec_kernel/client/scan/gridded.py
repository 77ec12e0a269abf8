"""Where points stand in a table of xarray: one behind the other, or over their grid."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np

from bec_kernel.client.scan import dataframes
from bec_kernel.scan import Grid, grid_of
from bec_kernel.wire import Begin, Point

POINT = "point_id"
_NOWHERE = -1


class Places(Protocol):
    """Where points stand.

    Attributes:
        dims: names of the dimensions.
    """

    @property
    def dims(self) -> tuple[str, ...]:
        """Names of the dimensions, one a motor, slowest first."""
        ...

    def spread(self, values: Sequence[Any]) -> "np.ndarray[Any, Any]":
        """Return values, one a point, as an array; empty places are NaN or None."""

    def coordinates(self, units: Mapping[str, str]) -> dict[str, Any]:
        """Return where that is, as xarray takes it."""


class InLine:
    """One point behind the other."""

    dims = (POINT,)

    def __init__(self, points: Sequence[Point]) -> None:
        self._points = points

    def spread(self, values: Sequence[Any]) -> "np.ndarray[Any, Any]":
        """See `Places.spread`."""
        return dataframes.array(values)

    def coordinates(self, units: Mapping[str, str]) -> dict[str, Any]:
        """See `Places.coordinates`."""
        return {POINT: [point.point_id for point in self._points]}


class OverGrid:
    """Each point at its crossing; what the grid has no place for is left out."""

    def __init__(self, points: Sequence[Point], grid: Grid) -> None:
        self._grid = grid
        self._points = points
        self.dims = tuple(axis.motor for axis in grid.axes)
        ids = np.array([point.point_id for point in points], np.intp)
        self._inside = np.flatnonzero(ids < math.prod(grid.shape))
        self._ids = ids[self._inside]
        self._at = np.ravel_multi_index(grid.index(self._ids), grid.shape)

    def spread(self, values: Sequence[Any]) -> "np.ndarray[Any, Any]":
        """See `Places.spread`."""
        cells: list[Any] = [None] * math.prod(self._grid.shape)
        if values:  # a signal is known before its first value is
            for number, at in zip(self._inside.tolist(), self._at, strict=True):
                cells[at] = values[number]
        found = dataframes.array(cells)
        return found.reshape(self._grid.shape + found.shape[1:])

    def coordinates(self, units: Mapping[str, str]) -> dict[str, Any]:
        """See `Places.coordinates`; `point_id` is -1 where none was taken."""
        ids = np.full(math.prod(self._grid.shape), _NOWHERE)
        ids[self._at] = self._ids
        found: dict[str, Any] = {POINT: (self.dims, ids.reshape(self._grid.shape))}
        for motor, places in self._grid.coordinates().items():
            unit = self._unit(motor, units)
            found[motor] = (motor, places, {"units": unit} if unit else {})
        return found

    def _unit(self, motor: str, units: Mapping[str, str]) -> str:
        """Return a motor's unit: its signals may have other names."""
        read = self._points[0].data.get(motor, {}) if self._points else {}
        return next((units[name] for name in (motor, *read) if name in units), "")


def places_of(
    points: Sequence[Point], begin: Begin | None, first: Mapping[str, float]
) -> Places:
    """Return where the points of a scan stand.

    Args:
        points: those there are.
        begin: first entry of its step log; None: nobody knows yet.
        first: setpoints of its first point, where a relative scan counts from.
    """
    grid = grid_of(begin, first) if begin is not None else None
    return InLine(points) if grid is None else OverGrid(points, grid)
