"""Where a scan's data come from: request, definition, people, devices, programs."""

from collections.abc import Iterator

import numpy as np

from bec_kernel.wire import ScanState
from bec_services.file_writer.node import Node, as_json, group, plain, safe, text
from bec_services.file_writer.scan import Scan

STATE = "/entry/collection/metadata/state"
REASON = "/entry/collection/metadata/reason"
END_TIME = "/entry/end_time"
_ENVIRONMENT = "/entry/collection/environment"
_CONFIGURATION = "/entry/collection/configuration"
_WORDS = ("scan_id", "scan_number", "user", "account", "code")
_LISTS = ("request", "parameters", "motors", "monitored", "shape")


def metadata(scan: Scan) -> Iterator[Node]:
    """Yield what was asked for, by whom, from where, and on what."""
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
    # All that the scan's program could depend on.
    yield Node(f"{top}/bec/definition", value=text(as_json(begin)))
    yield group(f"{top}/user_metadata")
    for name, value in begin.request.metadata.items():
        yield Node(f"{top}/user_metadata/{safe(name)}", value=plain(value))
    yield group(_ENVIRONMENT)
    for name, version in scan.versions.items():
        yield Node(f"{_ENVIRONMENT}/{safe(name)}", value=text(version))


def configuration(scan: Scan) -> Iterator[Node]:
    """Yield how each device that takes part was set up."""
    yield group(_CONFIGURATION)
    for name in scan.begin.servers:
        device = scan.devices.get(name)
        if device is None:
            continue
        top = f"{_CONFIGURATION}/{name}"
        yield group(top)
        for word in ("device_class", "readout_priority", "description"):
            yield Node(f"{top}/{word}", value=text(getattr(device, word)))
        if device.limits:
            yield Node(f"{top}/limits", value=np.array(device.limits))
        if name in scan.listed:
            yield Node(f"{top}/listed", value=text(as_json(scan.listed[name])))
