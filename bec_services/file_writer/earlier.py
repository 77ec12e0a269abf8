"""Rows of a file that is there already: what is on the bus no more is read from it.

The file was left by a life that is over, or given up by this one.
"""

import contextlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from bec_kernel.wire import PointStatus
from bec_services.file_writer.core import STATUS, Array, Batch, Column, Columns
from bec_services.file_writer.hdf5 import identity, still_open
from bec_services.file_writer.node import column_path
from bec_services.file_writer.own import kinds
from bec_services.file_writer.readings import STATUSES

_FLOAT = Column(np.dtype(np.float64), ())
_BYTE = Column(np.dtype(np.uint8), ())


class EarlierFile:
    """A file of a scan, whole or not.

    Args:
        file: as h5py has it open.
    """

    def __init__(self, file: Any) -> None:
        self._file = file

    def rows(self, columns: Columns) -> int:
        """Return how many points are whole in it."""
        paths = list(kinds(columns.servers))
        paths += [f"{STATUSES}/{device}" for device in columns.devices]
        for key in columns.columns:
            paths += [f"{column_path(key)}/{name}" for name in ("value", "timestamp")]
        lengths = (len(self._file[path]) for path in paths if path in self._file)
        return min(lengths, default=0)

    def batch(self, columns: Columns, start: int, stop: int) -> Batch:
        """Return the rows from `start` on, up to but without `stop`, for these columns.

        What the file has no column for is not known of these points.
        """
        batch = Batch(stop - start, list(range(start, stop)))
        for key, column in columns.columns.items():
            path = column_path(key)
            times = self._read(f"{path}/timestamp", _FLOAT, start, stop)
            values = self._read(f"{path}/value", column, start, stop)
            # Of numbers that are whole nothing is 0; it may be NaN in a wider column.
            values[np.isnan(times)] = column.empty(1)[0]
            batch.values[key], batch.times[key] = values, times
        for device in columns.devices:
            path = f"{STATUSES}/{device}"
            batch.status[device] = self._read(path, _BYTE, start, stop)
            if path not in self._file:
                batch.status[device][:] = STATUS[PointStatus.MISSING]
        for path, kind in kinds(columns.servers).items():
            column = Column(kind.dtype, kind.shape)
            batch.own[path] = self._read(path, column, start, stop)
        return batch

    def _read(self, path: str, column: Column, start: int, stop: int) -> Array:
        rows = column.empty(stop - start)
        if path in self._file:
            found = self._file[path][start:stop]
            rows[tuple(slice(n) for n in found.shape)] = found.astype(column.dtype)
        return rows


@contextlib.contextmanager
def earlier(paths: Iterable[Path], scan_id: str) -> Iterator[EarlierFile | None]:
    """Open the first of these files that is this scan's; None: none is.

    Raises:
        OSError: it cannot be read.
    """
    for path in paths:
        if (file := still_open(path)) is not None:
            yield EarlierFile(file)
            return
        if identity(path) == scan_id:
            with h5py.File(path, "r", swmr=True) as file:
                yield EarlierFile(file)
            return
    yield None
