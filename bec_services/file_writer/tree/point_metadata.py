"""Pure: per-point metadata besides the readings: times, attempt, durations.

In the file of a short scan a dataset costs more than its rows, so several values share
a dataset, one column each.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from bec_kernel.wire import Point, Times

Rows = npt.NDArray[Any]
TIMING = "/entry/collection/timing"
POINTS = "/entry/collection/points"
_MOMENTS, _NUMBERS = f"{POINTS}/moments", f"{POINTS}/numbers"
_PARTS = tuple(name for name in Times.__struct_fields__ if name != "start")
_FLOAT, _WHOLE = np.dtype(np.float64), np.dtype(np.int64)
_SECONDS = "seconds since 1970-01-01T00:00:00Z, clock of the device server"
_UNKNOWN = Times(*[np.nan] * len(Times.__struct_fields__))


@dataclass(frozen=True)
class Kind:
    """Description of one dataset.

    Attributes:
        dtype: dtype of its values.
        shape: shape of one row.
        attrs: HDF5 attributes; `columns` names the columns of a row.
    """

    dtype: np.dtype[Any]
    shape: tuple[int, ...] = ()
    attrs: dict[str, Any] = field(default_factory=dict)


def kinds(servers: Sequence[str]) -> dict[str, Kind]:
    """Describe all datasets of the point metadata, by path.

    Args:
        servers: device servers of the scan.
    """
    found = {f"{TIMING}/{part}": Kind(_FLOAT, attrs={"units": "s"}) for part in _PARTS}
    moments = {
        "units": "s",
        "long_name": _SECONDS,
        "columns": ["begin", "end", "start"],
        "description": "begin: first trigger; end: last trigger done, all is read; "
        "start: taken up, timing counts from there",
    }
    found[_MOMENTS] = Kind(_FLOAT, (len(moments["columns"]),), moments)
    numbers = {
        "units": "",
        "columns": ["attempt", "step", *(f"life/{server}" for server in servers)],
        "description": "attempt: which try of the point this is, from 1; 0: not "
        "recorded; step: that completed it; life/<name>: of that device server",
    }
    found[_NUMBERS] = Kind(_WHOLE, (len(numbers["columns"]),), numbers)
    return found


def rows(points: Sequence[Point], servers: Sequence[str]) -> dict[str, Rows]:
    """Make the rows of n points, by path, shape (n,) or (n, columns).

    Unknown values are NaN or 0.
    """
    times = [point.times or _UNKNOWN for point in points]
    found: dict[str, Rows] = {
        f"{TIMING}/{part}": np.array([getattr(t, part) for t in times])
        for part in _PARTS
    }
    pairs = zip(points, times, strict=True)
    found[_MOMENTS] = np.array([(p.begin, p.end, t.start) for p, t in pairs])
    numbers = [list(_numbers(point, servers)) for point in points]
    found[_NUMBERS] = np.array(numbers, _WHOLE)
    return found


def _numbers(point: Point, servers: Sequence[str]) -> Iterator[int]:
    known = point.index >= 0  # a lost point has no step
    yield point.attempt if known else 0
    yield point.index if known else 0
    for server in servers:
        yield point.life.get(server, 0)
