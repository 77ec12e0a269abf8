"""What a point tells besides its readings: when, which try, where its time went. Pure.

In the file of a short scan a dataset costs more than its rows: these have columns.
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
    """What one dataset is.

    Attributes:
        dtype: of its values.
        shape: of one row.
        attrs: its attributes; `columns` names those of a row.
    """

    dtype: np.dtype[Any]
    shape: tuple[int, ...] = ()
    attrs: dict[str, Any] = field(default_factory=dict)


def kinds(servers: Sequence[str]) -> dict[str, Kind]:
    """Return all datasets, by path.

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
        "description": "attempt: which try of the point this is, from 1, 0: nobody "
        "knows; step: that completed it; life/<name>: of that device server",
    }
    found[_NUMBERS] = Kind(_WHOLE, (len(numbers["columns"]),), numbers)
    return found


def rows(points: Sequence[Point], servers: Sequence[str]) -> dict[str, Rows]:
    """Return the rows of points, by path; NaN and 0 where nobody has told."""
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
    known = point.index >= 0  # those that are lost have no step
    yield point.attempt if known else 0
    yield point.index if known else 0
    for server in servers:
        yield point.life.get(server, 0)
