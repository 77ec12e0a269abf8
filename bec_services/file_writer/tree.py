"""The tree of a scan's file: BEC's collection and a NeXus entry. Pure data."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from bec_kernel.scan_files import folder_of, stem
from bec_kernel.version import __version__
from bec_kernel.wire import Begin, Device, Part, ScanRequest, ScanState
from bec_services.file_writer.core import PARTS, STATUS, Array, Key, Layout, cell
from bec_services.file_writer.streams import StreamLayout, units_of

_DEVICES = "/entry/collection/devices"
STATUSES = "/entry/collection/point_status"
TIMING = "/entry/collection/timing"
STATE = "/entry/collection/metadata/state"
REASON = "/entry/collection/metadata/reason"
END_TIME = "/entry/end_time"
_SECONDS = {"units": "s", "long_name": "seconds since 1970-01-01T00:00:00Z"}


@dataclass(frozen=True)
class Node:
    """One thing in the file.

    Attributes:
        path: absolute.
        attrs: its attributes.
        value: what is written once; None: see the rest.
        grows: dtype and shape of one row of a dataset that grows.
        link: absolute path it leads to.
        file: the file it leads to; the path in it is `link`.
        free: all dimensions of a dataset may grow, not only the first one.
    """

    path: str
    attrs: dict[str, Any] = field(default_factory=dict)
    value: Array | None = None
    grows: tuple[np.dtype[Any], tuple[int, ...]] | None = None
    link: str = ""
    file: str = ""
    free: bool = False


@dataclass(frozen=True)
class Scan:
    """All that is known of a scan before its first point.

    Attributes:
        begin: first entry of its step log.
        start: s since the epoch, device server's clock.
        devices: as published, by name.
    """

    begin: Begin
    start: float
    devices: Mapping[str, Device]


def place(begin: Begin) -> Path:
    """Return the file's path below the folder of files."""
    return folder_of(begin) / f"{stem(begin)}_master.h5"


def iso(time: float) -> str:
    """Return a time (s since the epoch) as ISO 8601, UTC."""
    return datetime.fromtimestamp(time, UTC).isoformat(timespec="microseconds")


def _text(value: str, size: int = 0) -> Array:
    """Return text of a fixed length: a live reader cannot read any other."""
    raw = value.encode()
    return np.array(raw, f"S{max(size, len(raw), 1)}")


def column_path(key: Key) -> str:
    """Return the path of the group of one signal."""
    device, signal = (part.replace("/", "_") for part in key)
    return f"{_DEVICES}/{device}/{signal}"


def tree(scan: Scan, layout: Layout, streams: StreamLayout | None = None) -> list[Node]:
    """Return everything in the file, groups before what lies in them."""
    return [
        *_entry(scan),
        *_metadata(scan),
        *_readings(scan, layout),
        *_timing(),
        *_streams(scan, layout, streams),
        *_configuration(scan),
        *_instrument(scan, layout),
        *_plot(scan, layout),
    ]


def _group(path: str, nx_class: str = "NXcollection", **attrs: Any) -> Node:
    return Node(path, {"NX_class": nx_class, **attrs})


def _entry(scan: Scan) -> Iterator[Node]:
    begin = scan.begin
    yield Node("/", {"default": "entry", "creator": "BEC"})
    yield _group("/entry", "NXentry", default="data")
    yield Node("/entry/title", value=_text(_title(begin.request)))
    yield Node("/entry/start_time", value=_text(iso(scan.start)))
    yield Node(END_TIME, value=_text("", 32))
    yield Node("/entry/entry_identifier", value=_text(str(begin.scan_number)))
    yield Node("/entry/entry_identifier_uuid", value=_text(begin.scan_id))
    program = {"version": __version__}
    yield Node("/entry/program_name", program, _text("BEC"))
    yield _group("/entry/user", "NXuser")
    yield Node("/entry/user/name", value=_text(begin.user))
    yield _group("/entry/collection")


def _title(asked: ScanRequest | Part) -> str:
    """Return name and words of a scan; those of its parts in brackets."""
    words = (
        f"({_title(msgspec.convert(one, Part))})" if isinstance(one, dict) else str(one)
        for one in asked.args
    )
    return " ".join([asked.name, *words])


def _metadata(scan: Scan) -> Iterator[Node]:
    begin, top = scan.begin, "/entry/collection/metadata"
    yield _group(top)
    yield Node(STATE, value=_text(ScanState.OPEN, 32))
    yield Node(REASON, value=_text("", 64))
    yield Node(f"{top}/start_time", link="/entry/start_time")
    yield Node(f"{top}/end_time", link=END_TIME)
    yield _group(f"{top}/bec")
    for name in ("scan_id", "scan_number", "user", "code"):
        yield Node(f"{top}/bec/{name}", value=_plain(getattr(begin, name)))
    for name in ("request", "parameters", "motors", "monitored", "shape"):
        yield Node(f"{top}/bec/{name}", value=_text(_json(getattr(begin, name))))
    yield Node(f"{top}/bec/origin", value=_text(_json(begin.request.origin)))
    yield _group(f"{top}/user_metadata")
    for name, value in begin.request.metadata.items():
        yield Node(f"{top}/user_metadata/{_safe(name)}", value=_plain(value))


def _safe(name: str) -> str:
    return str(name).replace("/", "_") or "_"


def _plain(value: Any) -> Array:
    """Return a number or text as such, anything else as JSON."""
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, bool | int | float):
        return cell(value)
    return _text(_json(value))


def _json(value: Any) -> str:
    def other(value: Any) -> Any:
        return value.tolist() if hasattr(value, "tolist") else str(value)

    return msgspec.json.encode(value, enc_hook=other).decode()


def _readings(scan: Scan, layout: Layout) -> Iterator[Node]:
    groups = "/entry/collection/readout_groups"
    yield _group(_DEVICES)
    yield _group(groups)
    for device in layout.devices:
        yield _group(f"{_DEVICES}/{device}")
        for signal in layout.signals(device):
            yield from _column(scan, (device, signal), layout)
    yield from _baseline(scan, layout)
    for group, names in (
        ("baseline", list(layout.baseline)),
        ("monitored", layout.devices),
    ):
        yield _group(f"{groups}/{group}")
        for device in names:
            yield Node(f"{groups}/{group}/{device}", link=f"{_DEVICES}/{device}")
    meaning = {f"value_{number}": str(status) for status, number in STATUS.items()}
    yield _group(STATUSES, **meaning)
    for device in layout.devices:
        yield Node(f"{STATUSES}/{device}", grows=(np.dtype(np.uint8), ()))


def _value_attrs(scan: Scan, key: Key) -> dict[str, Any]:
    # NeXus wants units on every number; a signal without one has an empty one.
    unit = scan.begin.units.get(key[1], "")
    return {"target": f"{column_path(key)}/value", "units": unit}


def _column(scan: Scan, key: Key, layout: Layout) -> Iterator[Node]:
    path, column = column_path(key), layout.columns[key]
    grows = (column.dtype, column.shape)
    yield _group(path)
    yield Node(f"{path}/value", _value_attrs(scan, key), grows=grows)
    times = {**_SECONDS, "target": f"{path}/timestamp"}
    yield Node(f"{path}/timestamp", times, grows=(np.dtype(np.float64), ()))


def _timing() -> Iterator[Node]:
    """Where the time of each point went."""
    yield _group(TIMING)
    for part in PARTS:
        seconds = (np.dtype(np.float64), ())
        yield Node(f"{TIMING}/{part}", {"units": "s"}, grows=seconds)


def _streams(
    scan: Scan, layout: Layout, streams: StreamLayout | None
) -> Iterator[Node]:
    """What devices send by themselves, and the files they write."""
    if streams is None:
        return
    known = {*layout.devices, *layout.baseline}
    for device in dict.fromkeys(name for name, _ in (*streams.columns, *streams.files)):
        if device not in known:
            yield _group(f"{_DEVICES}/{device}")
    for key, column in streams.columns.items():
        path = column_path(key)
        yield _group(path)
        attrs = {"units": units_of(scan.devices, key), "target": f"{path}/value"}
        grows = (column.dtype, column.shape)
        yield Node(f"{path}/value", attrs, grows=grows, free=True)
        seconds = (np.dtype(np.float64), ())
        yield Node(f"{path}/timestamp", _SECONDS, grows=seconds)
    for (device, name), (file, inside) in streams.files.items():
        yield Node(f"{_DEVICES}/{device}/{_safe(name)}", link=inside, file=file)


def _baseline(scan: Scan, layout: Layout) -> Iterator[Node]:
    for device, readings in layout.baseline.items():
        if device in layout.devices:
            continue  # it is read at every point
        yield _group(f"{_DEVICES}/{device}")
        for signal, reading in readings.items():
            key = (device, signal)
            path = column_path(key)
            yield _group(path)
            value = cell(reading.value)
            yield Node(f"{path}/value", _value_attrs(scan, key), value)
            yield Node(f"{path}/timestamp", _SECONDS, cell(reading.timestamp))


def _configuration(scan: Scan) -> Iterator[Node]:
    top = "/entry/collection/configuration"
    yield _group(top)
    for name in scan.begin.servers:
        device = scan.devices.get(name)
        if device is None:
            continue
        yield _group(f"{top}/{name}")
        for word in ("device_class", "readout_priority", "description"):
            yield Node(f"{top}/{name}/{word}", value=_text(getattr(device, word)))
        if device.limits:
            yield Node(f"{top}/{name}/limits", value=np.array(device.limits))


def _hinted(scan: Scan, layout: Layout, device: str) -> str:
    """Return the signal people look at; "" for a device that is not read."""
    signals = layout.signals(device)
    known = scan.devices.get(device)
    hints = [s.name for s in known.signals if s.kind == "hinted"] if known else []
    for name in (*hints, device, *signals):
        if name in signals:
            return name
    return ""


def _instrument(scan: Scan, layout: Layout) -> Iterator[Node]:
    top = "/entry/instrument"
    yield _group(top, "NXinstrument")
    yield Node(f"{top}/name", value=_text("BEC"))
    for device in layout.devices:
        motor = device in scan.begin.motors
        path, word = f"{top}/{device}", "value" if motor else "data"
        yield _group(path, "NXpositioner" if motor else "NXdetector")
        yield Node(
            f"{path}/local_name" if not motor else f"{path}/name", value=_text(device)
        )
        target = column_path((device, _hinted(scan, layout, device)))
        yield Node(f"{path}/{word}", link=f"{target}/value")


def _plot(scan: Scan, layout: Layout) -> Iterator[Node]:
    """The default plot: first detector over the first motor, or over time."""
    motors = _plotted(scan, layout, list(scan.begin.motors))
    others = [name for name in layout.devices if name not in scan.begin.motors]
    # A number is a curve, an array is an image: curves first. Without a word from
    # the asker: the device that is triggered first.
    triggered = next(iter(scan.begin.triggered), "")
    about = scan.begin.parameters.get("signal") or triggered
    signals = sorted(
        _plotted(scan, layout, others),
        key=lambda key: (len(layout.columns[key].shape), key[0] != about),
    )
    signals = signals or motors
    if not signals:
        yield _group("/entry/data", "NXdata")
        return
    links = {key[1]: f"{column_path(key)}/value" for key in (*motors, *signals)}
    axes = [key[1] for key in motors if key != signals[0]]
    if not axes:
        links["time"] = f"{column_path(signals[0])}/timestamp"
        axes = ["time"]
    attrs: dict[str, Any] = {f"{axis}_indices": np.array([0]) for axis in axes}
    free = ["."] * len(layout.columns[signals[0]].shape)
    attrs |= {"signal": signals[0][1], "axes": [axes[0], *free]}
    rest = [key[1] for key in signals[1:] if not layout.columns[key].shape]
    if rest and not free:
        attrs["auxiliary_signals"] = rest
    yield _group("/entry/data", "NXdata", **attrs)
    for name, target in links.items():
        yield Node(f"/entry/data/{_safe(name)}", link=target)


def _plotted(scan: Scan, layout: Layout, devices: list[str]) -> list[Key]:
    keys = ((device, _hinted(scan, layout, device)) for device in devices)
    return [
        key
        for key in keys
        if key in layout.columns and layout.columns[key].dtype.kind in "iuf"
    ]
