"""What points tell besides their readings, from a file: when, which try, how long."""

from math import isnan
from typing import NamedTuple

from bec_kernel.client.scan.remote_file import RemoteFile
from bec_kernel.wire import Times

COLLECTION = "/entry/collection"
_POINTS = f"{COLLECTION}/points"
_PARTS = [name for name in Times.__struct_fields__ if name != "start"]
_NAN = float("nan")
_LIFE = "life/"


class PointMetadata(NamedTuple):
    """What one point tells of itself; files of old versions know its times at most.

    Attributes:
        step: that completed it; -1: nobody knows.
        attempt: which try; 0: nobody knows.
        begin: s since the epoch; NaN: nobody knows.
        end: the same.
        life: of each device server that is known.
        times: where its time went, if anybody has told.
    """

    step: int
    attempt: int
    begin: float
    end: float
    life: dict[str, int]
    times: Times | None


def read(file: RemoteFile, rows: slice, count: int) -> list[PointMetadata]:
    """Return what the points tell that stand in these rows.

    Args:
        file: of the scan; it may still be written.
        rows: which ones.
        count: how many these are.
    """
    moments = _table(file, "moments", rows, count)
    numbers = _table(file, "numbers", rows, count)
    columns = [file[f"{COLLECTION}/timing/{name}"][rows].tolist() for name in _PARTS]
    return [
        _own(moments[row], numbers[row], [column[row] for column in columns])
        for row in range(count)
    ]


def _table(
    file: RemoteFile, name: str, rows: slice, count: int
) -> list[dict[str, float]]:
    """Return the rows of a dataset by the names of its columns; empty: it has none."""
    if "points" not in file[COLLECTION].names:
        return [{}] * count
    item = file[f"{_POINTS}/{name}"]
    names = [str(one) for one in item.attrs["columns"]]
    return [dict(zip(names, row, strict=True)) for row in item[rows].tolist()]


def _own(
    moments: dict[str, float], numbers: dict[str, float], parts: list[float]
) -> PointMetadata:
    attempt = int(numbers.get("attempt", 0))
    start = moments.get("start", _NAN)
    return PointMetadata(
        step=int(numbers["step"]) if attempt else -1,
        attempt=attempt,
        begin=moments.get("begin", _NAN),
        end=moments.get("end", _NAN),
        life={
            name.removeprefix(_LIFE): int(life)
            for name, life in numbers.items()
            if name.startswith(_LIFE) and life
        },
        times=None if any(map(isnan, parts)) else Times(start, *parts),
    )
