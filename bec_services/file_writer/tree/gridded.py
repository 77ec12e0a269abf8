"""Values of points, as what is written into a dataset of their grid. Pure."""

import math
from collections.abc import Iterator

import numpy as np

from bec_kernel.scan import Grid, Index
from bec_services.file_writer.tree.columns import Array
from bec_services.file_writer.tree.nodes import Patch


def patches(grid: Grid, path: str, point_ids: Index, values: Array) -> Iterator[Patch]:
    """Yield what is to be written.

    Args:
        grid: where points belong.
        path: of the dataset.
        point_ids: those the grid has no place for are left out.
        values: one row a point.
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
