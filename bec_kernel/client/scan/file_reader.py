"""Points of a scan from its file, once they are no longer on the bus."""

from math import isnan
from typing import Any, NamedTuple

from bec_kernel.client.scan import file_point_metadata
from bec_kernel.client.scan.file_point_metadata import COLLECTION, PointMetadata
from bec_kernel.client.scan.remote_file import RemoteFile
from bec_kernel.wire import Point, PointStatus, Reading, Readings

DEVICES = f"{COLLECTION}/devices"
_STATUS = f"{COLLECTION}/point_status"
_GROUPS = f"{COLLECTION}/readout_groups"
_KNOWN = {str(status): status for status in PointStatus}
Key = tuple[str, str]
Column = list[Reading | None]


class FileContent(NamedTuple):
    """What a file tells.

    Attributes:
        points: in order.
        baseline: readings, by device.
        units: of each signal that has one.
    """

    points: list[Point]
    baseline: dict[str, Readings]
    units: dict[str, str]


def filed(file: RemoteFile) -> FileContent:
    """Read all points and the baseline of a finished file.

    Raises:
        RefusedError: it is not finished, or no scan's file.
        DeadlineError: the file writer does not answer.
    """
    units: dict[str, str] = {}
    columns, count = columns_of(file)
    points = part(file, columns, 0, count, units)
    monitored = dict(columns)
    baseline = {
        device: _once(file, device, signals, units)
        for device, signals in _members(file, f"{_GROUPS}/baseline").items()
        if device not in monitored
    }
    return FileContent(points, baseline, units)


def columns_of(file: RemoteFile) -> tuple[list[Key], int]:
    """Return device and signal of what a finished file has one value a point of.

    Returns:
        The columns, in their order, and how many points there are; streams have others.
    """
    members = _members(file, f"{_GROUPS}/monitored")
    lengths = [file[f"{_STATUS}/{device}"].shape[0] for device in members]
    count = max(lengths, default=0)
    found: list[Key] = []
    for device, signals in members.items():
        for signal in signals:
            times = file[f"{DEVICES}/{device}/{signal}/timestamp"]
            if times.shape == (count,):
                found.append((device, signal))
    return found, count


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


def part(
    file: RemoteFile,
    columns: list[Key],
    start: int,
    stop: int,
    units: dict[str, str] | None = None,
) -> list[Point]:
    """Return the points from `start` on, up to but without `stop`.

    Args:
        file: of the scan; it may still be written.
        columns: device and signal of each.
        start: first `point_id`.
        stop: behind the last one.
        units: is told the unit of each signal that has one.
    """
    devices = list(dict.fromkeys(device for device, _ in columns))
    said = file[_STATUS].attrs
    status = {d: _status(file, d, said, slice(start, stop)) for d in devices}
    data: dict[str, dict[str, Column]] = {device: {} for device in devices}
    for device, signal in columns:
        place = f"{DEVICES}/{_step(device)}/{_step(signal)}"
        column = _column(file, place, slice(start, stop), signal, units)
        data[device][signal] = column
    own = file_point_metadata.read(file, slice(start, stop), stop - start)
    return [
        _point(
            start + row,
            {device: _row(signals, row) for device, signals in data.items()},
            {device: codes[row] for device, codes in status.items()},
            own[row],
        )
        for row in range(stop - start)
    ]


def _point(
    number: int,
    data: dict[str, Readings],
    status: dict[str, PointStatus],
    own: PointMetadata,
) -> Point:
    """Return a point as a file tells of it."""
    retaken = PointStatus.RETAKEN in status.values()
    return Point(
        index=own.step,
        point_id=number,
        attempt=own.attempt or (2 if retaken else 1),
        begin=own.begin,
        end=own.end,
        data={device: found for device, found in data.items() if found},
        life=own.life,
        status={d: one for d, one in status.items() if one is not PointStatus.GOOD},
        times=own.times,
    )


def _step(name: str) -> str:
    """Return a name as one step of a path, as the file writer makes it."""
    return name.replace("/", "_")


def _status(
    file: RemoteFile, device: str, said: dict[str, Any], rows: slice
) -> list[PointStatus]:
    codes = file[f"{_STATUS}/{device}"][rows].tolist()
    words = [str(said.get(f"value_{code}", "good")) for code in codes]
    return [_KNOWN.get(word, PointStatus.GOOD) for word in words]


def _column(
    file: RemoteFile,
    place: str,
    rows: slice,
    signal: str,
    units: dict[str, str] | None,
) -> Column:
    item = file[f"{place}/value"]
    if units is not None and (unit := item.attrs.get("units")):
        units[signal] = str(unit)
    stamps = file[f"{place}/timestamp"][rows].tolist()
    pairs = zip(listed(item[rows]), stamps, strict=True)
    return [None if isnan(t) else Reading(v, t) for v, t in pairs]


def _once(
    file: RemoteFile, device: str, signals: list[str], units: dict[str, str]
) -> Readings:
    """Return the readings of a device of the baseline; it may have streams, too."""
    found: Readings = {}
    for signal in signals:
        place = f"{DEVICES}/{device}/{signal}"
        when = file[f"{place}/timestamp"]
        if when.shape != ():
            continue
        item = file[f"{place}/value"]
        if unit := item.attrs.get("units"):
            units[signal] = str(unit)
        if not isnan(stamp := float(when[...])):
            found[signal] = Reading(_plain(item[...]), stamp)
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
