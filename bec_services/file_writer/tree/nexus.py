"""Pure: the NeXus groups of a scan's file: user, sample, instrument."""

from collections.abc import Iterator

from bec_services.file_writer.tree.columns import Columns
from bec_services.file_writer.tree.nodes import Node, column_path, group, text
from bec_services.file_writer.tree.readings import file_path
from bec_services.file_writer.tree.scan import ScanFacts, hinted
from bec_services.file_writer.tree.streams import StreamLayout

MONITOR = "monitor"
"""Tag of devices that measure the intensity of the beam."""
_INSTRUMENT = "/entry/instrument"


def people_and_sample(scan: ScanFacts) -> Iterator[Node]:
    """Yield NXuser and NXsample."""
    yield group("/entry/user", "NXuser")
    yield Node("/entry/user/name", value=text(scan.begin.user))
    yield group("/entry/sample", "NXsample")
    sample = scan.begin.request.metadata.get("sample")
    if isinstance(sample, str | int):
        yield Node("/entry/sample/name", value=text(str(sample)))


def instrument(
    scan: ScanFacts, columns: Columns, streams: StreamLayout
) -> Iterator[Node]:
    """Yield NXinstrument with source, positioners, detectors; and NXmonitor."""
    yield group(_INSTRUMENT, "NXinstrument")
    yield Node(f"{_INSTRUMENT}/name", value=text(scan.site.instrument))
    yield group(f"{_INSTRUMENT}/source", "NXsource")
    for name, value in scan.site.source.items():
        yield Node(f"{_INSTRUMENT}/source/{name}", value=text(value))
    for device in columns.devices:
        found = hinted(scan, device, columns.signals(device))
        value = f"{column_path((device, found))}/value"
        yield from _device(scan, device, value)
    for device, signals in columns.baseline.items():
        found = hinted(scan, device, list(signals))
        if _moves(scan, device) and device not in columns.devices and found:
            yield from _device(scan, device, f"{column_path((device, found))}/value")
    read = {*columns.devices, *columns.baseline}
    for device, value in _sent(streams).items():
        if device not in read:
            yield from _device(scan, device, value)


def _sent(streams: StreamLayout) -> dict[str, str]:
    """Path of the first stream or file of each device that has one."""
    found: dict[str, str] = {}
    for device, name in streams.files:
        found.setdefault(device, file_path(device, name))
    for key in streams.columns:
        found.setdefault(key[0], f"{column_path(key)}/value")
    return found


def _moves(scan: ScanFacts, device: str) -> bool:
    known = scan.devices.get(device)
    return device in scan.begin.motors or bool(known and known.positioner)


def _device(scan: ScanFacts, device: str, value: str) -> Iterator[Node]:
    """Yield a device as positioner, monitor or detector, with a link to its value."""
    known = scan.devices.get(device)
    path = f"{_INSTRUMENT}/{device}"
    if device in ("name", "source"):
        path += "_"
    if _moves(scan, device):
        yield group(path, "NXpositioner")
        yield Node(f"{path}/name", value=text(device))
        yield Node(f"{path}/value", link=value)
        return
    if known and MONITOR in known.tags:
        path = f"/entry/{MONITOR}_{device}"
        yield group(path, "NXmonitor")
    else:
        yield group(path, "NXdetector")
        yield Node(f"{path}/local_name", value=text(device))
    yield Node(f"{path}/data", link=value)
