"""Read the rows of points that were removed from the bus from the scan's previous file.

That file was left behind by an earlier life of the writer, or given up by this one. A
crash may have damaged it, so a separate process reads it.
"""

import contextlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from bec_kernel.wire import PointStatus
from bec_services.file_writer.hdf5 import IDENTITY, still_open
from bec_services.file_writer.retention.reader_process import (
    ReaderProcess,
    UnreadableError,
)
from bec_services.file_writer.tree import (
    STATUS,
    STATUSES,
    Array,
    Batch,
    Column,
    Columns,
    column_path,
    kinds,
)

_FLOAT = Column(np.dtype(np.float64), ())
_BYTE = Column(np.dtype(np.uint8), ())
PATIENCE = 10.0
"""Time limit for one read, s: reading a damaged file may never return."""


class RowSource(Protocol):
    """Access to parts of an open file."""

    def part(self, path: str, *rows: int) -> tuple[int, Array] | None:
        """Read some rows of a dataset, see `ReaderProcess.part`."""


class OpenRows:
    """A file that this process has open already and cannot open a second time."""

    def __init__(self, file: Any) -> None:
        self._file = file

    def part(self, path: str, *rows: int) -> tuple[int, Array] | None:
        """Read some rows of a dataset, see `ReaderProcess.part`."""
        if path not in self._file:
            return None
        found = self._file[path]
        return len(found), found[slice(*rows)]


class PreviousFile:
    """The previous, possibly incomplete file of a scan.

    Args:
        file: access to its datasets.
    """

    def __init__(self, file: RowSource) -> None:
        self._file = file

    def rows(self, columns: Columns) -> int:
        """Number of complete points in it: the length of its shortest column."""
        paths = list(kinds(columns.servers))
        paths += [f"{STATUSES}/{device}" for device in columns.devices]
        for key in columns.columns:
            paths += [f"{column_path(key)}/{name}" for name in ("value", "timestamp")]
        parts = (self._file.part(path, 0, 0) for path in paths)
        return min((part[0] for part in parts if part is not None), default=0)

    def batch(self, columns: Columns, start: int, stop: int) -> Batch:
        """Read the rows `start` to `stop - 1` of these columns.

        Columns that the file lacks are filled with NaN, 0 or "", status "missing".

        Raises:
            UnreadableError: the file is damaged.
        """
        batch = Batch(stop - start, list(range(start, stop)))
        for key, column in columns.columns.items():
            path = column_path(key)
            times = self._read(f"{path}/timestamp", _FLOAT, start, stop)
            values = self._read(f"{path}/value", column, start, stop)
            # An integer column stores 0 for a missing value; a wider one may have NaN.
            values[np.isnan(times)] = column.empty(1)[0]
            batch.values[key], batch.times[key] = values, times
        missing = STATUS[PointStatus.MISSING]
        for device in columns.devices:
            path = f"{STATUSES}/{device}"
            batch.status[device] = self._read(path, _BYTE, start, stop, missing)
        for path, kind in kinds(columns.servers).items():
            column = Column(kind.dtype, kind.shape)
            batch.own[path] = self._read(path, column, start, stop)
        return batch

    def _read(
        self, path: str, column: Column, start: int, stop: int, nothing: Any = None
    ) -> Array:
        rows = column.empty(stop - start)
        part = self._file.part(path, start, stop)
        if part is not None:
            found = part[1]
            rows[tuple(slice(n) for n in found.shape)] = found.astype(column.dtype)
        elif nothing is not None:
            rows[:] = nothing
        return rows


@contextlib.contextmanager
def open_previous(
    paths: Iterable[Path], scan_id: str, patience: float = PATIENCE
) -> Iterator[PreviousFile | None]:
    """Open the first of these files that belongs to the scan; yield None if none does.

    Args:
        paths: files to try, in order.
        scan_id: the scan.
        patience: time limit for each read, s.
    """
    for path in paths:
        if (file := still_open(path)) is not None:
            yield PreviousFile(OpenRows(file))
            return
        if not path.exists():
            continue
        with ReaderProcess(path, patience) as rows:
            if _identity(rows) == scan_id:
                yield PreviousFile(rows)
                return
    yield None


def identity(path: Path, patience: float = PATIENCE) -> str:
    """Read the scan id from a file; "" if it has none or cannot be read."""
    with ReaderProcess(path, patience) as rows:
        return _identity(rows)


def _identity(rows: ReaderProcess) -> str:
    try:
        found = rows.part(IDENTITY)
    except UnreadableError:
        return ""
    return bytes(found[1][()]).decode(errors="replace") if found is not None else ""
