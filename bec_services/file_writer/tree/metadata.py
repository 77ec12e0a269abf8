"""Pure: provenance of a scan: request, definition, user, devices, programs."""

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from bec_kernel.wire import Device, ScanState
from bec_services.file_writer.tree.columns import Columns, cell
from bec_services.file_writer.tree.nodes import (
    SECONDS,
    Node,
    as_json,
    group,
    plain,
    safe,
    text,
)
from bec_services.file_writer.tree.scan import ScanFacts, hinted

STATE = "/entry/collection/metadata/state"
REASON = "/entry/collection/metadata/reason"
END_TIME = "/entry/end_time"
_ENVIRONMENT = "/entry/collection/environment"
_ASKER = f"{_ENVIRONMENT}/asker"
_CONFIGURATION = "/entry/collection/configuration"
_WORDS = ("scan_id", "scan_number", "user", "account", "code")
_WORDS_OF_A_DEVICE = ("device_class", "readout_priority", "description")
_LISTS = ("request", "parameters", "motors", "monitored", "shape")


def metadata(scan: ScanFacts) -> Iterator[Node]:
    """Yield the request and definition of the scan, user metadata, and environment."""
    begin, top = scan.begin, "/entry/collection/metadata"
    yield group(top)
    yield Node(STATE, value=text(ScanState.OPEN, 32))
    yield Node(REASON, value=text("", 64))
    yield Node(f"{top}/start_time", link="/entry/start_time")
    yield Node(f"{top}/end_time", link=END_TIME)
    yield group(f"{top}/bec")
    for name in _WORDS:
        yield Node(f"{top}/bec/{name}", value=plain(getattr(begin, name)))
    for name in _LISTS:
        yield Node(f"{top}/bec/{name}", value=text(as_json(getattr(begin, name))))
    yield Node(f"{top}/bec/origin", value=text(as_json(begin.request.origin)))
    if scan.first:  # origin of a relative scan
        yield Node(f"{top}/bec/first", value=text(as_json(scan.first)))
    # Everything that the scan's program may depend on.
    yield Node(f"{top}/bec/definition", value=text(as_json(begin)))
    yield group(f"{top}/user_metadata")
    for name, value in begin.request.metadata.items():
        yield Node(f"{top}/user_metadata/{safe(name)}", value=plain(value))
    yield group(_ENVIRONMENT)
    for name, version in scan.versions.items():
        yield Node(f"{_ENVIRONMENT}/{safe(name)}", value=text(version))
    asker = begin.request.origin.environment if begin.request.origin else {}
    if asker:
        yield group(_ASKER)
    for name, value in asker.items():
        yield Node(f"{_ASKER}/{safe(name)}", value=text(value))


def configuration(scan: ScanFacts, columns: Columns) -> Iterator[Node]:
    """Yield how each device of the scan was set up."""
    yield group(_CONFIGURATION)
    for name in scan.begin.servers:
        device, read = scan.devices.get(name), columns.configuration.get(name, {})
        if device is None and not read:
            continue
        top = f"{_CONFIGURATION}/{name}"
        # Names the signals that were read, for readers of the file.
        signals = {_step(signal): signal for signal in read}
        yield group(top, **_if_any(signals))
        if device is not None:
            yield from _published(scan, top, device)
        if name in scan.listed:
            yield Node(f"{top}/listed", value=text(as_json(scan.listed[name])))
        for step, signal in signals.items():
            path, unit = f"{top}/{step}", columns.units.get(signal)
            attrs = {"units": scan.unit((name, signal)) if unit is None else unit}
            yield group(path)
            yield Node(f"{path}/value", attrs, cell(read[signal].value))
            yield Node(f"{path}/timestamp", SECONDS, cell(read[signal].timestamp))


def _if_any(signals: Iterable[str]) -> dict[str, Any]:
    return {"signals": found} if (found := list(signals)) else {}


def _published(scan: ScanFacts, top: str, device: Device) -> Iterator[Node]:
    for word in _WORDS_OF_A_DEVICE:
        yield Node(f"{top}/{word}", value=text(getattr(device, word)))
    if device.limits:
        known = [signal.name for signal in device.signals]
        unit = scan.unit((device.name, hinted(scan, device.name, known)))
        yield Node(f"{top}/limits", {"units": unit}, np.array(device.limits))


def _step(signal: str) -> str:
    """Make a signal's name a step of a path, different from the fixed names there."""
    taken = signal in (*_WORDS_OF_A_DEVICE, "limits", "listed")
    return f"{signal}_" if taken else safe(signal)
