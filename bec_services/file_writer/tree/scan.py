"""All that is known of a scan when its file is made. Pure data."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bec_kernel.instance import FileSettings
from bec_kernel.scan import folder_of, stem
from bec_kernel.wire import Begin, Device, Fields
from bec_services.file_writer.tree.columns import Columns, Key


@dataclass(frozen=True)
class ScanFacts:
    """All that is known of a scan before its first point.

    Attributes:
        begin: first entry of its step log.
        start: s since the epoch, device server's clock.
        devices: as published, by name.
        first: setpoints of its first point, motor units.
        listed: its devices as they stand in the device list.
        site: what files are to be like here.
        versions: of the programs that took part, by name.
    """

    begin: Begin
    start: float
    devices: Mapping[str, Device]
    first: Mapping[str, float] = field(default_factory=dict)
    listed: Mapping[str, Fields] = field(default_factory=dict)
    site: FileSettings = field(default_factory=FileSettings)
    versions: Mapping[str, str] = field(default_factory=dict)

    def unit(self, key: Key) -> str:
        """Return the unit of a signal's values; empty where it has none."""
        if key[1] in self.begin.units:
            return self.begin.units[key[1]]
        device = self.devices.get(key[0])
        found = (s.unit for s in device.signals if s.name == key[1]) if device else ()
        return next(iter(found), "")


def place(begin: Begin) -> Path:
    """Return the file's path below the folder of files."""
    return folder_of(begin) / f"{stem(begin)}_master.h5"


def hinted(scan: ScanFacts, device: str, signals: list[str]) -> str:
    """Return which of a device's signals people look at; "" where there is none."""
    known = scan.devices.get(device)
    hints = [s.name for s in known.signals if s.kind == "hinted"] if known else []
    for name in (*hints, device, *signals):
        if name in signals:
            return name
    return ""


def numbers(scan: ScanFacts, columns: Columns, devices: list[str]) -> Iterator[Key]:
    """Yield the signal people look at of each of these devices that yields numbers."""
    for device in devices:
        key = (device, hinted(scan, device, columns.signals(device)))
        column: Any = columns.columns.get(key)
        if column is not None and column.dtype.kind in "iuf":
            yield key
