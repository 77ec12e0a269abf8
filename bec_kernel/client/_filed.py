"""The points of a scan from its file, once they are no longer on the bus."""

from collections.abc import Iterator
from math import isnan
from typing import Any, NamedTuple

from bec_kernel.client._remote_file import RemoteFile
from bec_kernel.wire import Point, PointStatus, Reading, Readings, Times

COLLECTION = "/entry/collection"
DEVICES = f"{COLLECTION}/devices"
_NAN = float("nan")
_KNOWN = {str(status): status for status in PointStatus}
Column = list[Reading | None]


class Filed(NamedTuple):
    """What a file tells.

    Attributes:
        points: in order; when they began and ended is not in the file.
        baseline: readings, by device.
        units: of each signal that has one.
    """

    points: list[Point]
    baseline: dict[str, Readings]
    units: dict[str, str]


def filed(file: RemoteFile) -> Filed:
    """Read all points and the baseline of a finished file.

    Raises:
        RefusedError: it is not finished, or no scan's file.
        DeadlineError: the file writer does not answer.
    """
    units: dict[str, str] = {}
    groups = f"{COLLECTION}/readout_groups"
    monitored = _members(file, f"{groups}/monitored")
    status = {device: _status(file, device) for device in monitored}
    count = max((len(codes) for codes in status.values()), default=0)
    columns = {
        device: _signals(file, device, signals, units, count)
        for device, signals in monitored.items()
    }
    times = _times(file, count)
    points = [
        Point(
            index=-1,
            point_id=number,
            attempt=1,
            begin=_NAN,
            end=_NAN,
            data={
                device: row
                for device, signals in columns.items()
                if (row := _row(signals, number))
            },
            status={
                device: codes[number]
                for device, codes in status.items()
                if codes[number] is not PointStatus.GOOD
            },
            times=times[number],
        )
        for number in range(count)
    ]
    baseline = {
        device: _row(_signals(file, device, signals, units, 1), 0)
        for device, signals in _members(file, f"{groups}/baseline").items()
        if device not in monitored
    }
    return Filed(points, baseline, units)


def _members(file: RemoteFile, group: str) -> dict[str, list[str]]:
    """Return the signals of each device of a readout group, in their order."""
    found: dict[str, list[str]] = {}
    for place in signals_of(file, group):
        device, _, signal = place.partition("/")
        found.setdefault(device, []).append(signal)
    if not found:  # a file that does not name them: by the alphabet, all there are
        return {name: file[f"{DEVICES}/{name}"].names for name in file[group].names}
    return found


def signals_of(file: RemoteFile, group: str) -> list[str]:
    """Return `device/signal` of all in a group, in their order; none: no such group."""
    above, _, name = group.rpartition("/")
    if name not in file[above].names:
        return []
    return [str(one) for one in file[group].attrs.get("signals", ())]


def _status(file: RemoteFile, device: str) -> list[PointStatus]:
    place = f"{COLLECTION}/point_status"
    said = file[place].attrs
    codes = file[f"{place}/{device}"][...].tolist()
    words = [str(said.get(f"value_{code}", "good")) for code in codes]
    return [_KNOWN.get(word, PointStatus.GOOD) for word in words]


def _signals(
    file: RemoteFile,
    device: str,
    signals: list[str],
    units: dict[str, str],
    count: int,
) -> dict[str, Column]:
    """Return one list of readings a signal."""
    found: dict[str, Column] = {}
    for signal in signals:
        place = f"{DEVICES}/{device}/{signal}"
        when = file[f"{place}/timestamp"]
        if when.shape not in ((), (count,)) or (when.shape == () and count != 1):
            continue
        item = file[f"{place}/value"]
        if unit := item.attrs.get("units"):
            units[signal] = str(unit)
        stamps = listed(when[...], once=when.shape == ())
        values = listed(item[...], once=when.shape == ())
        pairs = zip(values, stamps, strict=True)
        found[signal] = [None if isnan(t) else Reading(v, t) for v, t in pairs]
    return found


def listed(value: Any, *, once: bool = False) -> list[Any]:
    """Return rows as a list of Python's numbers and texts; arrays as they are.

    Args:
        value: of a dataset.
        once: it is one value, and no row of them.
    """
    rows = [value] if once else list(value)
    return [_plain(row) for row in rows]


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.decode(errors="replace")
    if getattr(value, "ndim", 0) == 0 and hasattr(value, "item"):
        return _plain(value.item())
    return value


def _row(signals: dict[str, Column], number: int) -> Readings:
    return {
        name: reading
        for name, column in signals.items()
        if (reading := column[number]) is not None
    }


def _times(file: RemoteFile, count: int) -> list[Times | None]:
    """Return where the points' time went; None where nobody has told."""
    parts = [name for name in Times.__struct_fields__ if name != "start"]
    columns = [file[f"{COLLECTION}/timing/{part}"][...].tolist() for part in parts]
    return list(_told(columns, count))


def _told(columns: list[list[float]], count: int) -> Iterator[Times | None]:
    for number in range(count):
        row = [column[number] for column in columns]
        yield None if any(map(isnan, row)) else Times(_NAN, *row)
