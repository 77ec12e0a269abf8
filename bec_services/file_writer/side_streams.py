"""Follow what belongs to a scan besides its points: streams, aligned rows, files, fit.

Each log is read as far as it has come, and again when the file is made anew.
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
"""Longest wait for the end of a stream after the scan's end, s."""
_FIT = 30.0
"""Longest wait for the fit, s: the first fit of a process loads its libraries."""
_SILENT = 10.0
"""Age of the last heartbeat (s) above which the data analysis is not waited for."""


Came = tuple[Log[Any], list[Entry[Any]]]
"""A log, and its new entries."""


class _Part(Protocol):
    """How the entries of one log are stored in the file."""

    def grow(self, messages: Sequence[Any]) -> bool:
        """Widen the columns; return True if the file must be made anew."""

    def patches(self, messages: Sequence[Any]) -> Iterator[Patch]:
        """Yield the messages as patches."""

    def ends(self, message: Any) -> bool:
        """Whether this message is the last one of the log."""


class _SideStream:
    """Samples that a device sends."""

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
    """A stream's values aligned to the points of the scan."""

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
    """Files that devices of one server write: links only, no patches."""

    def __init__(self, layout: StreamLayout) -> None:
        self._layout = layout

    def grow(self, messages: Sequence[Any]) -> bool:
        files = [one for one in messages if isinstance(one, DeviceFile)]
        news = [self._layout.add_file(one) for one in files]
        return any(news)

    def patches(self, messages: Sequence[Any]) -> Iterator[Patch]:
        return iter(())

    def ends(self, message: Any) -> bool:
        return True  # complete once its devices are unstaged, which the scan has done


class SideStreams:
    """Streams, aligned rows, files and fit of one scan.

    Attributes:
        layout: columns of the streams so far.
        aligned: columns of the aligned streams.
        positions: id of the last entry read of each log.
        fits: the log of fits, once the file waits only for its last entry.
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
        """Turn new entries into patches; None: the file must be made anew.

        Entries that were taken before are skipped.
        """
        fresh = [(log, self._fresh(log, entries)) for log, entries in found]
        # All columns grow first, so that the file is made anew only once.
        news = [self._parts[log.name].grow(messages) for log, messages in fresh]
        if any(news):
            return None
        return [
            patch
            for log, messages in fresh
            for patch in self._parts[log.name].patches(messages)
        ]

    def _fresh(self, log: Log[Any], entries: list[Entry[Any]]) -> list[Any]:
        """Messages of the entries that were not taken before."""
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
        """Read everything taken so far again, from the first entries, as patches.

        Raises:
            OSError: entries are missing on the bus.
        """
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
        """Read the rest after the scan's end; wait up to 2 s for the ends of streams.

        Aligned rows need no waiting: the bundler ends them together with the points.
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
                f"{names} was not ended by its device server: the file may lack its "
                "last samples"
            )
            self._ended.update(log.name for log in begun)  # do not wait again
        return late

    def _is_open(self, log: Log[Any]) -> bool:
        is_stream = not isinstance(self._parts[log.name], _Files)
        return is_stream and self.positions[log] > START and log.name not in self._ended

    def fit(self) -> list[Patch]:
        """The scan's final fit as patches; empty if it has none."""
        last = self._last_fit()
        return list(fit_patches(last)) if last is not None else []

    def _last_fit(self) -> Fit | None:
        last = self._life.bus.last(self._fit) if self._fit is not None else None
        found = last.message if last is not None else None
        return found if isinstance(found, Fit) and found.final else None

    def awaits_fit(self) -> bool:
        """Whether the final fit is still to come and the data analysis is alive.

        If so, `fits` has its log: follow it and ask again after each entry.
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
        self._warn("the fit did not come in time: it is missing in the file")
        return False

    def _warn(self, message: str) -> None:
        self._life.alarm(message, "minor", scan_id=self._scan_id)

    def bookmarks(self) -> list[Change]:
        """Changes that publish how far the streams were read, for the device server."""
        read, self._read = self._read, {}
        return [
            Put(keys.streams_read(), StreamRead(samples=samples), name)
            for name, samples in read.items()
        ]

    def done(self) -> list[Change]:
        """Changes that remove the bookmarks."""
        return [Drop(keys.streams_read(), name) for name in self._streams]


def _samples(messages: Sequence[Any]) -> list[Samples]:
    return [one for one in messages if isinstance(one, Samples)]
