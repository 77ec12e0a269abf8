"""Read a scan's master file over the bus: points, baseline, streams, fit.

Nothing here opens a file: a `RemoteFile` asks the file writer for each part. All
functions raise `RefusedError` when the file is unfinished or is not a scan's file, and
`DeadlineError` when the file writer does not answer.
"""

from collections.abc import Iterator
from math import isnan
from typing import Any, NamedTuple

import msgspec

from bec_kernel.client.scan.dataframes import ByPoint
from bec_kernel.client.scan.remote_file import RemoteFile, RemoteItem
from bec_kernel.client.scan.signals import AtPoints, SignalData
from bec_kernel.wire import Begin, Fit, Point, PointStatus, Reading, Readings, Times

_COLLECTION = "/entry/collection"
_DEVICES = f"{_COLLECTION}/devices"
_STATUS = f"{_COLLECTION}/point_status"
_GROUPS = f"{_COLLECTION}/readout_groups"
_ALIGNED = f"{_COLLECTION}/aligned"
_CONFIGURATION = f"{_COLLECTION}/configuration"
_BEC = f"{_COLLECTION}/metadata/bec"
_FIT = f"{_COLLECTION}/fit"
_FIT_PARTS = ("points", "model", "x", "y", "message")
_POINTS = f"{_COLLECTION}/points"
_TIME_PARTS = [name for name in Times.__struct_fields__ if name != "start"]
_KNOWN = {str(status): status for status in PointStatus}
_LIFE = "life/"
_NAN = float("nan")
_GOOD = 0

Key = tuple[str, str]
"""Device and signal."""
_Column = list[Reading | None]
"""One signal's readings, one per point; None where the file has none."""


# --- points -------------------------------------------------------------------------
class FileContent(NamedTuple):
    """Points and baseline of one file.

    Attributes:
        points: in order of their `point_id`.
        baseline: `{"samy": {"samy": Reading(0.5, t)}}`.
        units: engineering unit by signal, for those that have one.
    """

    points: list[Point]
    baseline: dict[str, Readings]
    units: dict[str, str]


def content_of(file: RemoteFile) -> FileContent:
    """Read all points and the baseline of a finished file."""
    units: dict[str, str] = {}
    columns, count = columns_of(file)
    points = points_of(file, columns, 0, count, units)
    monitored = dict(columns)
    baseline = {
        device: _single_readings(file, device, signals, units)
        for device, signals in _members(file, f"{_GROUPS}/baseline").items()
        if device not in monitored
    }
    return FileContent(points, baseline, units)


def columns_of(file: RemoteFile) -> tuple[list[Key], int]:
    """List the signals that have one value per point in a finished file.

    Returns:
        `[("samx", "samx"), …]` in the file's order, without streams, and the number of
        points.
    """
    members = _members(file, f"{_GROUPS}/monitored")
    lengths = [file[f"{_STATUS}/{device}"].shape[0] for device in members]
    count = max(lengths, default=0)
    found: list[Key] = []
    for device, signals in members.items():
        for signal in signals:
            times = file[f"{_DEVICES}/{device}/{signal}/timestamp"]
            if times.shape == (count,):
                found.append((device, signal))
    return found, count


def points_of(
    file: RemoteFile,
    columns: list[Key],
    start: int,
    stop: int,
    units: dict[str, str] | None = None,
) -> list[Point]:
    """Read the points `start` to `stop` (excluded).

    Args:
        file: of the scan; it may still be written.
        columns: device and signal of each column.
        start: first `point_id`.
        stop: last `point_id` + 1.
        units: filled with the unit of each signal that has one.
    """
    rows = slice(start, stop)
    devices = list(dict.fromkeys(device for device, _ in columns))
    names = file[_STATUS].attrs
    status = {device: _status(file, device, names, rows) for device in devices}
    data: dict[str, dict[str, _Column]] = {device: {} for device in devices}
    for device, signal in columns:
        place = f"{_DEVICES}/{_path_part(device)}/{_path_part(signal)}"
        data[device][signal] = _column(file, place, rows, signal, units)
    metadata = _point_metadata(file, rows, stop - start)
    return [
        _point(
            start + row,
            {device: _row(signals, row) for device, signals in data.items()},
            {device: codes[row] for device, codes in status.items()},
            metadata[row],
        )
        for row in range(stop - start)
    ]


def _point(
    number: int,
    data: dict[str, Readings],
    status: dict[str, PointStatus],
    metadata: "_PointMetadata",
) -> Point:
    retaken = PointStatus.RETAKEN in status.values()
    return Point(
        index=metadata.step,
        point_id=number,
        attempt=metadata.attempt or (2 if retaken else 1),
        begin=metadata.begin,
        end=metadata.end,
        data={device: found for device, found in data.items() if found},
        life=metadata.life,
        status={d: one for d, one in status.items() if one is not PointStatus.GOOD},
        times=metadata.times,
    )


def _status(
    file: RemoteFile, device: str, names: dict[str, Any], rows: slice
) -> list[PointStatus]:
    codes = file[f"{_STATUS}/{device}"][rows].tolist()
    words = [str(names.get(f"value_{code}", "good")) for code in codes]
    return [_KNOWN.get(word, PointStatus.GOOD) for word in words]


def _column(
    file: RemoteFile,
    place: str,
    rows: slice,
    signal: str,
    units: dict[str, str] | None,
) -> _Column:
    item = file[f"{place}/value"]
    if units is not None and (unit := item.attrs.get("units")):
        units[signal] = str(unit)
    stamps = file[f"{place}/timestamp"][rows].tolist()
    pairs = zip(_listed(item[rows]), stamps, strict=True)
    return [None if isnan(t) else Reading(v, t) for v, t in pairs]


def _row(signals: dict[str, _Column], number: int) -> Readings:
    return {
        name: reading
        for name, column in signals.items()
        if (reading := column[number]) is not None
    }


def _single_readings(
    file: RemoteFile, device: str, signals: list[str], units: dict[str, str]
) -> Readings:
    """Read a baseline device: signals with one value; its streams are skipped."""
    found: Readings = {}
    for signal in signals:
        place = f"{_DEVICES}/{device}/{signal}"
        when = file[f"{place}/timestamp"]
        if when.shape != ():
            continue
        item = file[f"{place}/value"]
        if unit := item.attrs.get("units"):
            units[signal] = str(unit)
        if not isnan(stamp := float(when[...])):
            found[signal] = Reading(_plain(item[...]), stamp)
    return found


# --- metadata of a point ------------------------------------------------------------
class _PointMetadata(NamedTuple):
    """One point's metadata; files of old versions have the durations at most.

    Attributes:
        step: index of the step that completed it; -1: unknown.
        attempt: 1 for the first, 2 after a rewind, …; 0: unknown.
        begin: s since the epoch; NaN: unknown.
        end: s since the epoch; NaN: unknown.
        life: of each device server that is known.
        times: durations of its parts, s; None: unknown.
    """

    step: int
    attempt: int
    begin: float
    end: float
    life: dict[str, int]
    times: Times | None


def _point_metadata(file: RemoteFile, rows: slice, count: int) -> list[_PointMetadata]:
    """Read time, attempt and durations of the `count` points in `rows`."""
    moments = _table(file, "moments", rows, count)
    numbers = _table(file, "numbers", rows, count)
    columns = [
        file[f"{_COLLECTION}/timing/{name}"][rows].tolist() for name in _TIME_PARTS
    ]
    return [
        _metadata_of_row(
            moments[row], numbers[row], [column[row] for column in columns]
        )
        for row in range(count)
    ]


def _table(
    file: RemoteFile, name: str, rows: slice, count: int
) -> list[dict[str, float]]:
    """Read rows of a dataset as `{column: value}`; empty dicts if it does not exist."""
    if "points" not in file[_COLLECTION].names:
        return [{}] * count
    item = file[f"{_POINTS}/{name}"]
    names = [str(one) for one in item.attrs["columns"]]
    return [dict(zip(names, row, strict=True)) for row in item[rows].tolist()]


def _metadata_of_row(
    moments: dict[str, float], numbers: dict[str, float], parts: list[float]
) -> _PointMetadata:
    attempt = int(numbers.get("attempt", 0))
    start = moments.get("start", _NAN)
    return _PointMetadata(
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


# --- streams and aligned rows -------------------------------------------------------
def aligned_of(file: RemoteFile) -> AtPoints:
    """Read the stream values that were aligned to the points."""
    found: ByPoint = {}
    units: dict[str, str] = {}
    for place in _signals_of(file, _ALIGNED):
        name = place.rpartition("/")[2]
        value = file[f"{_ALIGNED}/{place}/value"]
        found[name] = dict(_aligned_rows(file, f"{_ALIGNED}/{place}", value))
        if unit := value.attrs.get("units"):
            units[name] = str(unit)
    return AtPoints(found, units)


def _aligned_rows(
    file: RemoteFile, place: str, value: RemoteItem
) -> Iterator[tuple[int, Reading]]:
    stamps = file[f"{place}/timestamp"][...].tolist()
    codes = file[f"{place}/status"][...].tolist()
    rows = zip(_listed(value[...]), stamps, codes, strict=True)
    for number, (one, when, code) in enumerate(rows):
        if not isnan(when):
            yield number, Reading(one if code == _GOOD else None, when)


def streams_in(file: RemoteFile) -> list[Key]:
    """List device and signal of each stream: `[("counter", "counter_stream")]`."""
    places = _signals_of(file, f"{_GROUPS}/async")
    pairs = (place.partition("/") for place in places)
    return [(device, signal) for device, _, signal in pairs]


def stream_of(file: RemoteFile, device: str, signal: str) -> SignalData:
    """Read one stream, one value per sample; empty if it has no samples."""
    import numpy as np

    place = f"{_DEVICES}/{device}"
    devices = file[_DEVICES].names
    if device not in devices or signal not in file[place].names:
        return SignalData(signal, np.array([]), np.array([]))
    item = file[f"{place}/{signal}/value"]
    times = np.asarray(file[f"{place}/{signal}/timestamp"][...])
    value = np.asarray(item[...])
    if value.dtype.kind == "S":
        value = np.array(_listed(value), object)
    if len(times) == 1 < len(value):
        value = value[np.newaxis]
    return SignalData(signal, value, times, str(item.attrs.get("units", "")))


# --- the scan as a whole ------------------------------------------------------------
def configuration_of(file: RemoteFile) -> dict[str, Readings]:
    """Read each device's config signals from the file: `{device: {signal: Reading}}`.

    A device without recorded config signals is missing.
    """
    found: dict[str, Readings] = {}
    for device in file[_CONFIGURATION].names:
        place = f"{_CONFIGURATION}/{device}"
        for signal in map(str, file[place].attrs.get("signals", ())):
            value, when = (
                _single(file[f"{place}/{signal}/{part}"])
                for part in ("value", "timestamp")
            )
            found.setdefault(device, {})[signal] = Reading(value, when)
    return found


def begin_of(file: RemoteFile) -> Begin:
    """Read the scan's definition: the first entry of its step log."""
    return msgspec.json.decode(_single(file[f"{_BEC}/definition"]), type=Begin)


def first_setpoints_of(file: RemoteFile) -> dict[str, float]:
    """Read the setpoints of a relative scan's first point, motor units; else empty."""
    if "first" not in file[_BEC].names:
        return {}
    return msgspec.json.decode(_single(file[f"{_BEC}/first"]), type=dict[str, float])


def fit_of(file: RemoteFile) -> Fit | None:
    """Read the final fit; None if the scan has none."""
    if "fit" not in file[_COLLECTION].names or not file[f"{_FIT}/model"].shape[0]:
        return None
    names, values, errors = (
        _listed(file[f"{_FIT}/parameters/{part}"][...])
        for part in ("name", "value", "error")
    )
    with_errors = zip(names, errors, strict=True)
    curve = [_listed(file[f"{_FIT}/curve/{axis}"][...]) for axis in ("x", "y")]
    return Fit(
        values=dict(zip(names, values, strict=True)),
        errors={name: error for name, error in with_errors if not isnan(error)},
        curve=curve if curve[0] else [],
        final=True,
        **{part: _listed(file[f"{_FIT}/{part}"][...])[0] for part in _FIT_PARTS},
    )


# --- names and values ---------------------------------------------------------------
def _members(file: RemoteFile, group: str) -> dict[str, list[str]]:
    """Group the signals of a readout group by device, in their order."""
    found: dict[str, list[str]] = {}
    for place in _signals_of(file, group):
        device, _, signal = place.partition("/")
        found.setdefault(device, []).append(signal)
    if not found:  # older files have no list of names: take all, sorted
        return {name: file[f"{_DEVICES}/{name}"].names for name in file[group].names}
    return found


def _signals_of(file: RemoteFile, group: str) -> list[str]:
    """List `device/signal` of a group in its order; empty if there is no such group."""
    above, _, name = group.rpartition("/")
    if name not in file[above].names:
        return []
    return [str(one) for one in file[group].attrs.get("signals", ())]


def _path_part(name: str) -> str:
    """Convert a name to one part of a path as the file writer does."""
    return name.replace("/", "_")


def _listed(rows: Any) -> list[Any]:
    """Convert rows of a dataset to Python numbers and texts; arrays stay arrays."""
    return [_plain(row) for row in rows]


def _single(item: RemoteItem) -> Any:
    """Read a dataset that holds one value."""
    return _plain(item[...])


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.decode(errors="replace")
    if getattr(value, "ndim", 0) == 0 and hasattr(value, "item"):
        return _plain(value.item())
    return value
