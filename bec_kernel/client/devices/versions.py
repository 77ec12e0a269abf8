"""Results of device list changes and versions, as text and tables."""

import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from bec_kernel import tabulate
from bec_kernel.wire import DeviceListVersion


class Applied:
    """Result of a change of the device list.

    Attributes:
        versions: new version of the list, by device server.
        names: of the devices that were changed.
        failed: reason by name, for devices that are not connected.
        notes: definitions in the files that replace others.
    """

    def __init__(self, values: Mapping[str, Any], notes: list[str]) -> None:
        self.versions = {server: value["version"] for server, value in values.items()}
        self.names = [name for value in values.values() for name in value["names"]]
        self.failed: dict[str, str] = {}
        for value in values.values():
            self.failed |= value["failed"]
        self.notes = notes

    def __repr__(self) -> str:
        count = len(self.names)
        lines = [f"{count} device{'' if count == 1 else 's'} changed"]
        lines += self.notes
        lines += [f"{name} is kept, not connected: {w}" for name, w in self._failed()]
        return "\n".join(lines)

    def _failed(self) -> list[tuple[str, str]]:
        return sorted(self.failed.items())


class Difference(Sequence[str]):
    """Differences as lines: `+ new`, `- removed`, `~ changed`."""

    def __init__(self, lines: list[str]) -> None:
        self._lines = lines

    def __getitem__(self, index: Any) -> Any:
        return self._lines[index]

    def __len__(self) -> int:
        return len(self._lines)

    def __repr__(self) -> str:
        return "\n".join(self._lines) or "no difference"


class Versions:
    """Stored versions of the device list, the newest last."""

    _HEAD = ("version", "server", "time", "user", "action", "devices")

    def __init__(self, entries: list[tuple[str, DeviceListVersion]]) -> None:
        self._entries = entries

    def __iter__(self) -> Iterator[DeviceListVersion]:
        return (entry for _, entry in self._entries)

    def __getitem__(self, index: int) -> DeviceListVersion:
        return self._entries[index][1]

    def __len__(self) -> int:
        return len(self._entries)

    def _rows(self) -> list[tuple[str, ...]]:
        return [_row(server, entry) for server, entry in self._entries]

    def __repr__(self) -> str:
        return tabulate.text(self._HEAD, self._rows())

    def _repr_html_(self) -> str:
        return tabulate.html(self._HEAD, self._rows())


def _row(server: str, entry: DeviceListVersion) -> tuple[str, ...]:
    when = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(entry.time))
    names = ", ".join(entry.names[:3])
    more = f", … ({len(entry.names)})" if len(entry.names) > 3 else ""
    user = entry.user or "-"
    return (str(entry.version), server, when, user, entry.action, f"{names}{more}")
