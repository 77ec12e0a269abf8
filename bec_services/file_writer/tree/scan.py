"""Pure: facts about a scan that are known when its file is made."""

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
    """Facts about a scan that are known before its first point.

    Attributes:
        begin: first entry of its step log.
        start: time of its begin, s since the epoch, clock of the device server.
        devices: published descriptions of its devices, by name.
        first: setpoints of the first point of a relative scan, motor units.
        listed: its devices' entries of the device list.
        site: the instance's settings for files.
        versions: versions of the programs that took part, by name.
    """

    begin: Begin
    start: float
    devices: Mapping[str, Device]
    first: Mapping[str, float] = field(default_factory=dict)
    listed: Mapping[str, Fields] = field(default_factory=dict)
    site: FileSettings = field(default_factory=FileSettings)
    versions: Mapping[str, str] = field(default_factory=dict)

    def unit(self, key: Key) -> str:
        """Unit of a signal's values; "" if it has none."""
        if key[1] in self.begin.units:
            return self.begin.units[key[1]]
        device = self.devices.get(key[0])
        found = (s.unit for s in device.signals if s.name == key[1]) if device else ()
        return next(iter(found), "")


def place(begin: Begin) -> Path:
    """Path of the scan's file, relative to the folder of files."""
    return folder_of(begin) / f"{stem(begin)}_master.h5"


def hinted(scan: ScanFacts, device: str, signals: list[str]) -> str:
    """Choose the signal of a device to show first; "" if there is none.

    A hinted signal, else the one named like the device, else any of `signals`.
    """
    known = scan.devices.get(device)
    hints = [s.name for s in known.signals if s.kind == "hinted"] if known else []
    for name in (*hints, device, *signals):
        if name in signals:
            return name
    return ""


def numbers(scan: ScanFacts, columns: Columns, devices: list[str]) -> Iterator[Key]:
    """Yield the hinted signal of each device, if its values are numbers."""
    for device in devices:
        key = (device, hinted(scan, device, columns.signals(device)))
        column: Any = columns.columns.get(key)
        if column is not None and column.dtype.kind in "iuf":
            yield key
