"""Reads what is made of one scan besides its points: streams, aligned rows, files, fit.

All of it is read as far as it has come, and again when a file is made anew.
"""

import time
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Protocol

from bec_kernel.bus import Entry
from bec_kernel.bus.changes import START, Change, Drop, Id, Put
from bec_kernel.scan import devices_of, streams_among
from bec_kernel.service import Life
from bec_kernel.wire import (
    AlignedEnd,
    Begin,
    Device,
    DeviceFile,
    Fit,
    Log,
    Samples,
    StreamEnd,
    StreamRead,
    keys,
)
from bec_services.file_writer.tree import (
    AlignedLayout,
    Patch,
    Source,
    StreamLayout,
    fit_patches,
)

_PAGE = 200
_LATE = 2.0
"""A stream of a scan that has ended is waited for so long, s."""
_FIT = 30.0
"""Its fit is waited for so long, s: the first one of a process has much to load."""
_SILENT = 10.0
"""Who gave no sign of life for so long (s) is not waited for: others are restarted."""


Came = tuple[Log[Any], list[Entry[Any]]]
"""A log, and what came on it."""


class _Part(Protocol):
    """What becomes of the entries of one log."""

    def grow(self, messages: Sequence[Any]) -> bool:
        """Make room for them; True: the file must be made anew."""

    def patches(self, messages: Sequence[Any]) -> Iterator[Patch]:
        """Yield what is to be written of them."""

    def ends(self, message: Any) -> bool:
        """Say whether nothing follows in the log."""


class _SideStream:
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


class SideStreams:
    """What a scan's devices send: followed, and read again when a file is made anew.

    Attributes:
        layout: of what came so far.
        aligned: of that at the points.
        positions: of each log.
        fits: the log of fits, once its last entry is all that is waited for.
    """

    def __init__(self, life: Life, scan_id: str) -> None:
        self._life = life
        self._scan_id = scan_id
        self.layout = StreamLayout()
        self.aligned = AlignedLayout(self.layout)
        self.devices: dict[str, Device] = {}
        self.positions: dict[Log[Any], Id] = {}
        self.fits: dict[Log[Any], Id] = {}
        self._parts: dict[str, _Part] = {}
        self._streams: set[str] = set()
        self._ended: set[str] = set()
        self._read: dict[str, int] = {}
        self._fit: Log[Fit] | None = None
        self._until = 0.0

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
            self._follow(keys.streams(*place), _SideStream(self.layout, one))
            if one.info.align is not None:
                self.aligned.add(one)
                self._follow(keys.aligned(*place), _Rows(self.aligned, one))
        self._fit = keys.fits(self._scan_id) if begin.fit else None

    def _follow(self, log: Log[Any], part: _Part) -> None:
        self._parts[log.name] = part
        self.positions[log] = START

    def take(self, found: Iterable[Came]) -> list[Patch] | None:
        """Return what is to be written; None: the file must be made anew for it.

        What was taken before, when the scan had ended, is let be.
        """
        fresh = [(log, self._fresh(log, entries)) for log, entries in found]
        # All must have grown before the file is made anew, once.
        news = [self._parts[log.name].grow(messages) for log, messages in fresh]
        if any(news):
            return None
        return [
            patch
            for log, messages in fresh
            for patch in self._parts[log.name].patches(messages)
        ]

    def _fresh(self, log: Log[Any], entries: list[Entry[Any]]) -> list[Any]:
        """Return what was not taken before."""
        fresh = [entry for entry in entries if entry.id > self.positions[log]]
        messages = [entry.message for entry in fresh if entry.message is not None]
        if fresh:
            self.positions[log] = fresh[-1].id
            if log.name in self._streams:
                self._read[log.name] = fresh[-1].id.major
        if messages and self._parts[log.name].ends(messages[-1]):
            self._ended.add(log.name)
        return messages

    def again(self) -> Iterator[Patch]:
        """Yield all that was ever taken, from the streams' begin."""
        self.layout.restart()
        for log, upto in self.positions.items():
            part, at = self._parts[log.name], START
            while at < upto:
                entries = self._life.bus.read(log, at, _PAGE)
                if not entries:
                    raise OSError(f"entries behind {at} are missing in {log.name}")
                at = entries[-1].id
                known = [e.message for e in entries if e.id <= upto]
                yield from part.patches([one for one in known if one is not None])

    def rest(self) -> list[Came]:
        """Return what is left when the scan has ended; waits a moment for its ends.

        Rows need no waiting: their bundler ends them together with the points.
        """
        found = self._life.bus.follow(self.positions, 0.001, _PAGE)
        if found:
            return found
        begun = {log: at for log, at in self.positions.items() if self._is_open(log)}
        if not begun:
            return []
        late = self._life.bus.follow(begun, _LATE, _PAGE)
        if not late:
            names = ", ".join(log.name.rsplit("/", 1)[1] for log in begun)
            self._warn(
                f"{names} was not ended by its device server: its last samples may be "
                "missing in the file"
            )
            self._ended.update(log.name for log in begun)  # nobody waits for it again
        return late

    def _is_open(self, log: Log[Any]) -> bool:
        is_stream = not isinstance(self._parts[log.name], _Files)
        return is_stream and self.positions[log] > START and log.name not in self._ended

    def fit(self) -> list[Patch]:
        """Return what is written of the scan's last fit; nothing, where it has none."""
        last = self._last_fit()
        return list(fit_patches(last)) if last is not None else []

    def _last_fit(self) -> Fit | None:
        last = self._life.bus.last(self._fit) if self._fit is not None else None
        found = last.message if last is not None else None
        return found if isinstance(found, Fit) and found.final else None

    def awaits_fit(self) -> bool:
        """Say whether the last fit is still to come, and somebody is about to make it.

        Then `fits` is to be followed: what comes there is a reason to ask again.
        """
        if self._fit is None or self._last_fit() is not None:
            return False
        bus, role = self._life.bus, "data_analysis"
        if bus.get(keys.todo[role]("main"), self._scan_id) is None:
            return False
        now, beat = time.monotonic(), bus.get(keys.heartbeats[role]("main"))
        self._until = self._until or now + _FIT
        if beat is not None and time.time() - beat.time < _SILENT and now < self._until:
            last = bus.last(self._fit)
            self.fits = {self._fit: last.id if last is not None else START}
            return True
        self._warn("its fit did not come in time: it is missing in the file")
        return False

    def _warn(self, message: str) -> None:
        self._life.alarm(message, "minor", scan_id=self._scan_id)

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
