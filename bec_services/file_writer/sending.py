"""Reads the streams of one scan's devices, as far as they have come."""

from collections.abc import Iterator
from typing import Any

from bec_kernel.bus import START, Change, Drop, Entry, Id, Log, Put
from bec_kernel.scan_devices import devices_of
from bec_kernel.service import Life
from bec_kernel.wire import (
    Begin,
    Device,
    DeviceFile,
    Samples,
    StreamEnd,
    StreamRead,
    keys,
)
from bec_services.file_writer.node import Patch
from bec_services.file_writer.streams import Source, StreamLayout, sources

_PAGE = 200
_LATE = 2.0
"""A stream of a scan that has ended is waited for so long, s."""


class Sending:
    """What a scan's devices send: followed, and read again when a file is made anew.

    Attributes:
        layout: of what came so far.
        positions: of each log.
    """

    def __init__(self, life: Life, scan_id: str) -> None:
        self._life = life
        self._scan_id = scan_id
        self.layout = StreamLayout()
        self.devices: dict[str, Device] = {}
        self.positions: dict[Log[Any], Id] = {}
        self._sources: dict[str, Source] = {}
        self._ended: set[str] = set()
        self._read: dict[str, int] = {}

    def begin(self, begin: Begin) -> None:
        """Find the streams of the scan's devices."""
        self.devices |= devices_of(self._life.bus, begin)
        for server in begin.device_servers:
            self.positions[keys.device_files(self._scan_id, server)] = START
        names = {*begin.monitored, *begin.triggered, *begin.streaming}
        for one in sources(self.devices[n] for n in sorted(names & set(self.devices))):
            log = keys.streams(self._scan_id, one.device, one.signal)
            self._sources[log.name] = one
            self.positions[log] = START

    def take(self, log: Log[Any], entries: list[Entry[Any]]) -> list[Patch] | None:
        """Return what is to be written; None: the file must be made anew for it."""
        self.positions[log] = entries[-1].id
        messages = [entry.message for entry in entries if entry.message is not None]
        files = [one for one in messages if isinstance(one, DeviceFile)]
        news = [self.layout.add_file(one) for one in files]
        samples = [one for one in messages if isinstance(one, Samples)]
        source = self._sources.get(log.name)
        if source is not None:
            news += [self.layout.grow(source, one) for one in samples]
            self._read[log.name] = entries[-1].id.major
            if isinstance(messages[-1] if messages else None, StreamEnd):
                self._ended.add(log.name)
        if any(news):
            return None
        return self._patches(source, samples)

    def _patches(self, source: Source | None, samples: list[Samples]) -> list[Patch]:
        if source is None:
            return []
        return [p for one in samples for p in self.layout.patches(source, one)]

    def again(self) -> Iterator[Patch]:
        """Yield all that was ever taken, from the streams' begin."""
        self.layout.restart()
        for log, upto in self.positions.items():
            source, at = self._sources.get(log.name), START
            while source is not None and at < upto:
                entries = self._life.bus.read(log, at, _PAGE)
                if not entries:
                    raise OSError(f"entries behind {at} are missing in {log.name}")
                at = entries[-1].id
                known = [e.message for e in entries if e.id <= upto]
                samples = [one for one in known if isinstance(one, Samples)]
                yield from self._patches(source, samples)

    def rest(self) -> list[tuple[Log[Any], list[Entry[Any]]]]:
        """Return what is left when the scan has ended; waits a moment for its ends."""
        found = self._life.bus.follow(self.positions, 0.001, _PAGE)
        if found:
            return found
        begun = {log: at for log, at in self.positions.items() if self._is_open(log)}
        if not begun:
            return []
        late = self._life.bus.follow(begun, _LATE, _PAGE)
        if not late:
            names = ", ".join(log.name.rsplit("/", 1)[1] for log in begun)
            self._life.alarm(
                f"{names} was not ended by its device server: its last samples may be "
                "missing in the file",
                "minor",
                scan_id=self._scan_id,
            )
        return late

    def _is_open(self, log: Log[Any]) -> bool:
        has = log.name in self._sources and self.positions[log] > START
        return has and log.name not in self._ended

    def bookmarks(self) -> list[Change]:
        """Return what tells the device server how far this has come."""
        read, self._read = self._read, {}
        return [
            Put(keys.streams_read(), StreamRead(samples=samples), name)
            for name, samples in read.items()
        ]

    def done(self) -> list[Change]:
        """Return what takes the bookmarks away."""
        return [Drop(keys.streams_read(), name) for name in self._sources]
