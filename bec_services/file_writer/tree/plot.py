"""Pure: the default plot of a scan's file, shown by NeXus viewers."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from bec_kernel.scan import Grid, Index, grid_of
from bec_services.file_writer.tree.columns import Array, Batch, Columns, Key
from bec_services.file_writer.tree.nodes import Node, Patch, column_path, group, safe
from bec_services.file_writer.tree.scan import ScanFacts, numbers
from bec_services.file_writer.tree.streams import Source, StreamLayout

PLOT = "/entry/data"
TIME = "time"


@dataclass(frozen=True)
class DefaultPlot:
    """Signals and axes of the default plot.

    Attributes:
        signals: the first is the default, the others auxiliary; none: no plot.
        axes: one for each dimension of the signals; none: plotted over time.
        beside: other motors that move along the first axis.
        grid: place of each point on a grid; then the plot has its own datasets.
        rank: number of dimensions of one value.
    """

    signals: tuple[Key, ...] = ()
    axes: tuple[Key, ...] = ()
    beside: tuple[Key, ...] = ()
    grid: Grid | None = None
    rank: int = 0

    def nodes(self, scan: ScanFacts, columns: Columns) -> Iterator[Node]:
        """Yield the NXdata group and its members."""
        if not self.signals:
            return
        yield group(PLOT, "NXdata", **self._attrs())
        if self.grid is None:
            for name, target in self._links().items():
                yield Node(f"{PLOT}/{safe(name)}", link=target)
            return
        places = self.grid.coordinates()
        for key in self.axes:
            path, attrs = self._own(scan, key)
            yield Node(path, attrs, places[key[0]])
        for key in self.signals:
            column = columns.columns[key]
            whole = (column.dtype, (*self.grid.shape, *column.shape))
            path, attrs = self._own(scan, key)
            yield Node(path, attrs, fixed=whole)

    def _own(self, scan: ScanFacts, key: Key) -> tuple[str, dict[str, Any]]:
        """Path and attributes of a dataset of the plot's own."""
        path = f"{PLOT}/{safe(key[1])}"
        return path, {"units": scan.unit(key), "long_name": key[0], "target": path}

    def _links(self) -> dict[str, str]:
        keys = (*self.axes, *self.beside, *self.signals)
        links = {key[1]: f"{column_path(key)}/value" for key in keys}
        if not self.axes:
            links[TIME] = f"{column_path(self.signals[0])}/timestamp"
        return links

    def _attrs(self) -> dict[str, Any]:
        axes = [safe(key[1]) for key in self.axes] or [TIME]
        places = range(len(axes)) if self.grid else [0] * len(axes)
        where = dict(zip(axes, places, strict=True))
        where |= {safe(key[1]): 0 for key in self.beside}
        attrs: dict[str, Any] = {
            f"{n}_indices": np.array([at]) for n, at in where.items()
        }
        attrs |= {"signal": self.signals[0][1], "axes": [*axes, *["."] * self.rank]}
        if rest := [safe(key[1]) for key in self.signals[1:]]:
            attrs["auxiliary_signals"] = rest
        return attrs

    def patches(self, batch: Batch) -> Iterator[Patch]:
        """Yield the values of new rows for the plot's own datasets."""
        if self.grid is None:
            return
        point_ids = np.array(batch.point_ids, np.intp)
        for key in self.signals:
            path, values = f"{PLOT}/{safe(key[1])}", batch.values[key]
            yield from grid_patches(self.grid, path, point_ids, values)


def grid_patches(
    grid: Grid, path: str, point_ids: Index, values: Array
) -> Iterator[Patch]:
    """Yield the values of points as patches of a dataset of the grid's shape.

    Neighbouring points of one line make one patch.

    Args:
        grid: place of each point.
        path: of the dataset.
        point_ids: ids of the points, shape (n,); those outside the grid are left out.
        values: shape (n, ...), one row per point.
    """
    inside = point_ids < math.prod(grid.shape)
    *slow, fast = grid.index(point_ids[inside])
    values = values[inside]
    line = np.ravel_multi_index(tuple(slow), grid.shape[:-1])
    for part in np.split(np.arange(len(fast)), np.flatnonzero(np.diff(line)) + 1):
        if len(part) == 0:
            continue
        order = part[np.argsort(fast[part], kind="stable")]
        gaps = np.flatnonzero(np.diff(fast[order]) != 1) + 1
        for run in np.split(order, gaps):
            where = (*(int(at[run[0]]) for at in slow), int(fast[run[0]]))
            rows = values[run]
            shape = ((1,) * len(slow)) + rows.shape
            start = (*where, *(0 for _ in rows.shape[1:]))
            yield Patch(path, start, rows.reshape(shape))


def plot_of(scan: ScanFacts, columns: Columns, streams: StreamLayout) -> DefaultPlot:
    """Choose the default plot: first detector over the motors, or over time."""
    begin = scan.begin
    motors = tuple(numbers(scan, columns, list(begin.motors)))
    others = [name for name in columns.devices if name not in begin.motors]
    # Numbers (curves) before arrays (images). The requested signal first; without a
    # request the device that is triggered first.
    about = begin.parameters.get("signal") or next(iter(begin.triggered), "")
    found = sorted(
        numbers(scan, columns, others),
        key=lambda key: (len(columns.columns[key].shape), key[0] != about),
    )
    if not found:
        return _without_detector(scan, motors, streams)
    rank = len(columns.columns[found[0]].shape)
    rest = [key for key in found[1:] if not columns.columns[key].shape]
    signals = (found[0], *([] if rank else rest))
    grid = grid_of(begin, scan.first)
    if grid is not None and len(motors) == len(grid.axes):
        return DefaultPlot(signals, motors[::-1], grid=grid, rank=rank)
    along = 2 if begin.scattered and not rank else 1
    return DefaultPlot(signals, motors[:along], motors[along:], rank=rank)


def _without_detector(
    scan: ScanFacts, motors: tuple[Key, ...], streams: StreamLayout
) -> DefaultPlot:
    """Choose a stream over its first signal or time; else the motors over time."""
    for device in scan.devices.values():
        for signal in device.signals:
            source = Source(device.name, signal)
            keys = [source.key(name) for name in signal.stream]
            known = [key for key in keys if _is_curve(streams, key)]
            if known and len(known) == len(keys):
                along = 1 if len(known) > 1 else 0
                return DefaultPlot((known[along],), tuple(known[:along]))
    return DefaultPlot(motors[:1], beside=motors[1:])


def _is_curve(streams: StreamLayout, key: Key) -> bool:
    column = streams.columns.get(key)
    return column is not None and column.dtype.kind in "iuf" and not column.shape
