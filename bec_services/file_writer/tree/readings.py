"""Pure: readings and streams by device, and the readout groups."""

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from bec_services.file_writer.tree.columns import STATUS, Columns, Key, cell
from bec_services.file_writer.tree.nodes import (
    DEVICES,
    SECONDS,
    Node,
    column_path,
    group,
    safe,
)
from bec_services.file_writer.tree.point_metadata import POINTS, TIMING, kinds
from bec_services.file_writer.tree.scan import ScanFacts
from bec_services.file_writer.tree.streams import StreamLayout

STATUSES = "/entry/collection/point_status"
_GROUPS = "/entry/collection/readout_groups"
_FILES = "/entry/collection/file_references"
_FLOAT = (np.dtype(np.float64), ())


def readings(
    scan: ScanFacts, columns: Columns, streams: StreamLayout
) -> Iterator[Node]:
    """Yield the nodes of all measured data, each group before its members."""
    yield group(DEVICES)
    for device in columns.devices:
        yield _device(device)
        for signal in columns.signals(device):
            yield from _column(scan, (device, signal), columns)
    baseline = [name for name in columns.baseline if name not in columns.devices]
    for device in baseline:
        yield from _once(scan, device, columns)
    known = {*columns.devices, *baseline}
    sending = list(dict.fromkeys(device for device, _ in streams.columns))
    for device in sending:
        if device not in known:
            yield _device(device)
    for key in streams.columns:
        yield from _stream(scan, key, streams)
    yield from _references(streams)
    yield group(_GROUPS)
    once = [(name, one) for name, some in columns.baseline.items() for one in some]
    yield from _members("baseline", list(columns.baseline), once)
    yield from _members("monitored", columns.devices, columns.columns)
    yield from _members("async", sending, streams.sources)
    yield from _statuses(columns)


def file_path(device: str, name: str) -> str:
    """Path of the link to a dataset in a file that a device writes by itself."""
    return f"{_FILES}/{device}/{safe(name)}"


def _device(name: str) -> Node:
    return group(f"{DEVICES}/{name}", target=f"{DEVICES}/{name}")


def _attrs(scan: ScanFacts, key: Key) -> dict[str, Any]:
    # NeXus requires units on every number; "" if the signal has none.
    return {"target": f"{column_path(key)}/value", "units": scan.unit(key)}


def _column(scan: ScanFacts, key: Key, columns: Columns) -> Iterator[Node]:
    path, column = column_path(key), columns.columns[key]
    grows = (column.dtype, column.shape)
    yield group(path)
    yield Node(f"{path}/value", _attrs(scan, key), grows=grows)
    times = {**SECONDS, "target": f"{path}/timestamp"}
    yield Node(f"{path}/timestamp", times, grows=_FLOAT)


def _once(scan: ScanFacts, device: str, columns: Columns) -> Iterator[Node]:
    yield _device(device)
    for signal, reading in columns.baseline[device].items():
        key = (device, signal)
        path = column_path(key)
        yield group(path)
        yield Node(f"{path}/value", _attrs(scan, key), cell(reading.value))
        yield Node(f"{path}/timestamp", SECONDS, cell(reading.timestamp))


def _stream(scan: ScanFacts, key: Key, streams: StreamLayout) -> Iterator[Node]:
    path, column = column_path(key), streams.columns[key]
    yield group(path)
    grows = (column.dtype, column.shape)
    attrs = _attrs(scan, key)
    if known := streams.sources.get(key):
        attrs["units"] = known.unit
    yield Node(f"{path}/value", attrs, grows=grows, free=True)
    times = {**SECONDS, "target": f"{path}/timestamp"}
    yield Node(f"{path}/timestamp", times, grows=_FLOAT)


def _references(streams: StreamLayout) -> Iterator[Node]:
    """Yield links to files that devices write by themselves."""
    yield group(_FILES)
    for device in dict.fromkeys(device for device, _ in streams.files):
        yield group(f"{_FILES}/{device}")
    for (device, name), parts in streams.files.items():
        path = file_path(device, name)
        if len(parts) == 1:
            yield Node(path, link=parts[0][1], file=parts[0][0])
            continue
        yield Node(path, joined=tuple(parts))
        for number, (file, inside) in enumerate(parts, 1):
            yield Node(f"{path}_{number}", link=inside, file=file)


def _members(
    name: str, devices: list[str], signals: Iterable[Key] = ()
) -> Iterator[Node]:
    """Yield the nodes of readout group `name`: the group and a link to each device.

    Its attribute `signals` lists `device/signal` in order, as HDF5 keeps no order.
    Readers learn from it which signals have a value per point and which per sample.
    """
    named = ["/".join(map(safe, key)) for key in signals]
    attrs: dict[str, Any] = {"signals": named} if named else {}
    yield group(f"{_GROUPS}/{name}", **attrs)
    for device in devices:
        yield Node(f"{_GROUPS}/{name}/{device}", link=f"{DEVICES}/{device}")


def _statuses(columns: Columns) -> Iterator[Node]:
    meaning = {f"value_{number}": str(status) for status, number in STATUS.items()}
    yield group(STATUSES, **meaning)
    for device in columns.devices:
        yield Node(f"{STATUSES}/{device}", grows=(np.dtype(np.uint8), ()))
    yield group(TIMING)
    yield group(POINTS)
    for path, kind in kinds(columns.servers).items():
        yield Node(path, kind.attrs, grows=(kind.dtype, kind.shape))
