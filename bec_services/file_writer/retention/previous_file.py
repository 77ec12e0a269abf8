"""Rows of a file that is there already: what is on the bus no more is read from it.

The file was left by a life that is over, or given up by this one. Nobody knows what a
crash has left of it: a process of its own reads it.
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
"""Some rows of one dataset may take so long, s: of a damaged file they never come."""


class Rows(Protocol):
    """Parts of an open file."""

    def part(self, path: str, *rows: int) -> tuple[int, Array] | None:
        """See `ReaderProcess.part`."""


class OpenRows:
    """A file that is open in this process, which cannot open it again."""

    def __init__(self, file: Any) -> None:
        self._file = file

    def part(self, path: str, *rows: int) -> tuple[int, Array] | None:
        """See `ReaderProcess.part`."""
        if path not in self._file:
            return None
        found = self._file[path]
        return len(found), found[slice(*rows)]


class PreviousFile:
    """A file of a scan, whole or not.

    Args:
        file: whose parts can be read.
    """

    def __init__(self, file: Rows) -> None:
        self._file = file

    def rows(self, columns: Columns) -> int:
        """Return how many points are whole in it."""
        paths = list(kinds(columns.servers))
        paths += [f"{STATUSES}/{device}" for device in columns.devices]
        for key in columns.columns:
            paths += [f"{column_path(key)}/{name}" for name in ("value", "timestamp")]
        parts = (self._file.part(path, 0, 0) for path in paths)
        return min((part[0] for part in parts if part is not None), default=0)

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
    """Open the first of these files that is this scan's; None: none is.

    What is read of it raises `UnreadableError`, where it is damaged.

    Args:
        paths: of the files.
        scan_id: of the scan.
        patience: with each part of them, s.
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
    """Return the id of the scan whose file this is; "" where nobody can tell."""
    with ReaderProcess(path, patience) as rows:
        return _identity(rows)


def _identity(rows: ReaderProcess) -> str:
    try:
        told = rows.part(IDENTITY)
    except UnreadableError:
        return ""
    return bytes(told[1][()]).decode(errors="replace") if told is not None else ""
