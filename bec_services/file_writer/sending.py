"""Reads what is made of one scan besides its points: streams, aligned rows, files, fit.

All of it is read as far as it has come, and again when a file is made anew.
"""

import time
from collections.abc import Iterator, Sequence
from typing import Any, Protocol

from bec_kernel.bus import START, Change, Drop, Entry, Id, Log, Put
from bec_kernel.scan_devices import devices_of, streams_among
from bec_kernel.service import Life
from bec_kernel.wire import (
    AlignedEnd,
    Begin,
    Device,
    DeviceFile,
    Fit,
    Samples,
    StreamEnd,
    StreamRead,
    keys,
)
from bec_services.file_writer.aligned import AlignedLayout
from bec_services.file_writer.fitted import fit_patches
from bec_services.file_writer.node import Patch
from bec_services.file_writer.streams import Source, StreamLayout

_PAGE = 200
_LATE = 2.0
"""What a scan that has ended has not ended yet is waited for so long, s."""
_ALIVE = 3.0
"""Who gave a sign of life since then (s) still works."""


class _Part(Protocol):
    """What becomes of the entries of one log."""

    def grow(self, messages: Sequence[Any]) -> bool:
        """Make room for them; True: the file must be made anew."""

    def patches(self, messages: Sequence[Any]) -> Iterator[Patch]:
        """Yield what is to be written of them."""

    def ends(self, message: Any) -> bool:
        """Say whether nothing follows in the log."""


class _Stream:
    """What a device sends."""

    def __init__(self, layout: StreamLayout, source: Source) -> None:
        self._layout = layout
        self._source = source

    def grow(self, messages: Sequence[Any]) -> bool:
        news = [self._layout.grow(self._source, one) for one in _samples(messages)]
        return any(news)

    def patches(self, messages: Sequence[Any]) -> Iterator[Patch]:
        for one in _samples(messages):
            yield from self._layout.patches(self._source, one)

    def ends(self, message: Any) -> bool:
        return isinstance(message, StreamEnd)


class _Rows:
    """The same at the points of the scan."""

    def __init__(self, layout: AlignedLayout, source: Source) -> None:
        self._layout = layout
        self._source = source

    def grow(self, messages: Sequence[Any]) -> bool:
        return self._layout.grow(self._source, messages)

    def patches(self, messages: Sequence[Any]) -> Iterator[Patch]:
        yield from self._layout.patches(self._source, messages)

    def ends(self, message: Any) -> bool:
        return isinstance(message, AlignedEnd)


class _Files:
    """The files that devices of one server write: links, and nothing to be written."""

    def __init__(self, layout: StreamLayout) -> None:
        self._layout = layout

    def grow(self, messages: Sequence[Any]) -> bool:
        told = [one for one in messages if isinstance(one, DeviceFile)]
        news = [self._layout.add_file(one) for one in told]
        return any(news)

    def patches(self, messages: Sequence[Any]) -> Iterator[Patch]:
        return iter(())

    def ends(self, message: Any) -> bool:
        return True  # it has no last entry: whoever is unstaged has told all


class _Fits:
    """The last fit: those before it are only looked at while the scan runs."""

    def grow(self, messages: Sequence[Any]) -> bool:
        return False

    def patches(self, messages: Sequence[Any]) -> Iterator[Patch]:
        for one in messages:
            if isinstance(one, Fit) and one.final:
                yield from fit_patches(one)

    def ends(self, message: Any) -> bool:
        return isinstance(message, Fit) and message.final


class Sending:
    """What a scan's devices send: followed, and read again when a file is made anew.

    Attributes:
        layout: of what came so far.
        aligned: of that at the points.
        positions: of each log.
    """

    def __init__(self, life: Life, scan_id: str) -> None:
        self._life = life
        self._scan_id = scan_id
        self.layout = StreamLayout()
        self.aligned = AlignedLayout(self.layout)
        self.devices: dict[str, Device] = {}
        self.positions: dict[Log[Any], Id] = {}
        self._parts: dict[str, _Part] = {}
        self._first: dict[str, Id] = {}
        self._streams: set[str] = set()
        self._ended: set[str] = set()
        self._read: dict[str, int] = {}
        self._fit: Log[Fit] | None = None

    def begin(self, begin: Begin) -> None:
        """Find the streams of the scan's devices."""
        self.devices |= devices_of(self._life.bus, begin)
        for server in begin.device_servers:
            log = keys.device_files(self._scan_id, server)
            self._follow(log, _Files(self.layout))
        for device, signal in streams_among(self.devices, begin):
            place = (self._scan_id, device.name, signal.name)
            unit = begin.units.get(signal.name, signal.unit)
            one = Source(device.name, signal, unit)
            self.layout.add(one)
            self._streams.add(keys.streams(*place).name)
            self._follow(keys.streams(*place), _Stream(self.layout, one))
            if one.info.align is not None:
                self.aligned.add(one)
                self._follow(keys.aligned(*place), _Rows(self.aligned, one))
        self._fit = keys.fits(self._scan_id) if begin.fit else None

    def _follow(self, log: Log[Any], part: _Part, after: Id = START) -> None:
        self._parts[log.name] = part
        self.positions[log] = self._first[log.name] = after

    def take(self, log: Log[Any], entries: list[Entry[Any]]) -> list[Patch] | None:
        """Return what is to be written; None: the file must be made anew for it."""
        self.positions[log] = entries[-1].id
        part = self._parts[log.name]
        messages = [entry.message for entry in entries if entry.message is not None]
        if log.name in self._streams:
            self._read[log.name] = entries[-1].id.major
        if messages and part.ends(messages[-1]):
            self._ended.add(log.name)
        return None if part.grow(messages) else list(part.patches(messages))

    def again(self) -> Iterator[Patch]:
        """Yield all that was ever taken, from the streams' begin."""
        self.layout.restart()
        for log, upto in self.positions.items():
            part, at = self._parts[log.name], self._first[log.name]
            while at < upto:
                entries = self._life.bus.read(log, at, _PAGE)
                if not entries:
                    raise OSError(f"entries behind {at} are missing in {log.name}")
                at = entries[-1].id
                known = [e.message for e in entries if e.id <= upto]
                yield from part.patches([one for one in known if one is not None])

    def rest(self) -> list[tuple[Log[Any], list[Entry[Any]]]]:
        """Return what is left when the scan has ended; waits a moment for its ends.

        Rows need no waiting: their bundler ends them together with the points.
        """
        if self._fit is not None and self._fit not in self.positions:
            self._seek_fit(self._fit)
        found = self._life.bus.follow(self.positions, 0.001, _PAGE)
        if found:
            return found
        begun = {log: at for log, at in self.positions.items() if self._is_open(log)}
        if not begun:
            return []
        late = self._life.bus.follow(begun, _LATE, _PAGE)
        if not late:
            self._miss(begun)
        return late

    def _seek_fit(self, log: Log[Fit]) -> None:
        """Follow the fits where the last one comes, or take it, if it is there."""
        last = self._life.bus.last(log)
        after = last.id if last is not None else START
        if last is not None and last.message.final:
            after = Id(after.major, after.minor - 1)
        self._follow(log, _Fits(), after)

    def _is_open(self, log: Log[Any]) -> bool:
        if log.name in self._ended:
            return False
        if log == self._fit:
            return self._is_fitted()
        is_stream = not isinstance(self._parts[log.name], _Files)
        return is_stream and self.positions[log] > START

    def _is_fitted(self) -> bool:
        """Say whether somebody is about to fit the scan."""
        bus, role = self._life.bus, "data_analysis"
        beat = bus.get(keys.heartbeats[role]("main"))
        if beat is None or time.time() - beat.time > _ALIVE:
            return False
        return bus.get(keys.todo[role]("main"), self._scan_id) is not None

    def _miss(self, logs: dict[Log[Any], Id]) -> None:
        names = ", ".join(log.name.rsplit("/", 1)[1] for log in logs)
        self._life.alarm(
            f"{names}: no end came in time; the last of it may be missing in the file",
            "minor",
            scan_id=self._scan_id,
        )

    def bookmarks(self) -> list[Change]:
        """Return what tells the device server how far this has come."""
        read, self._read = self._read, {}
        return [
            Put(keys.streams_read(), StreamRead(samples=samples), name)
            for name, samples in read.items()
        ]

    def done(self) -> list[Change]:
        """Return what takes the bookmarks away."""
        return [Drop(keys.streams_read(), name) for name in self._streams]


def _samples(messages: Sequence[Any]) -> list[Samples]:
    return [one for one in messages if isinstance(one, Samples)]
