"""The streams of one scan at its points: reads what points wait for, gives their rows.

A stream is read only while a point waits for it: samples between two points stay
where they are. A new life reads it again from its begin, for the points behind its own
output.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from bec_kernel.bus import Entry, pages
from bec_kernel.bus.changes import START, Append, Change, Id
from bec_kernel.scan import streams_of
from bec_kernel.service import Life
from bec_kernel.wire import (
    Aligned,
    AlignedEnd,
    AlignedEntry,
    Begin,
    Device,
    Log,
    Point,
    SignalDescription,
    StreamEntry,
    keys,
)
from bec_services.scan_bundler.alignment import Output, StreamAlignment

_PAGE = 50  # entries of a stream, each with up to 1000 samples
_ROWS = 1000  # in one entry


@dataclass(eq=False)
class _AlignedStream:
    """One stream, the log of its rows, and how far it was read."""

    device: str
    signal: str
    log: Log[StreamEntry]
    rows: Log[AlignedEntry]
    core: StreamAlignment
    last: Id
    told: bool
    at: Id = START

    def changes(self, rows: list[Output]) -> Iterator[Change]:
        """Yield what puts rows into the log, where the last one's point stands."""
        for first in range(0, len(rows), _ROWS):
            some = rows[first : first + _ROWS]
            self.last = some[-1][0]
            refused = self.core.refused
            entry = Aligned(rows=[row for _, row in some], refused=refused)
            yield Append(self.rows, entry, self.last)


class ScanAlignment:
    """All streams of one scan that are aligned to its points.

    Attributes:
        streams: the logs of all of them.
        positions: those that a point waits for, and where to follow them from.
    """

    def __init__(self, life: Life, begin: Begin) -> None:
        self._life = life
        self._scan_id = begin.scan_id
        self.positions: dict[Log[Any], Id] = {}
        found = [self._found(*one) for one in streams_of(life.bus, begin)]
        self._streams = {one.log: one for one in found if one is not None}
        self.streams = list(self._streams)
        self._catch_up()

    def _found(
        self, device: Device, signal: SignalDescription
    ) -> _AlignedStream | None:
        """Return a stream, behind the rows that are there; None: there is no more."""
        if signal.align is None:
            return None
        place = (self._scan_id, device.name, signal.name)
        rows = keys.aligned(*place)
        last = self._life.bus.last(rows)
        if last is not None and isinstance(last.message, AlignedEnd):
            return None
        after = last.id if last else START
        told = last is not None and last.message.refused > 0
        core = StreamAlignment(signal.align, signal.name, signal.stream, after)
        log = keys.streams(*place)
        return _AlignedStream(device.name, signal.name, log, rows, core, after, told)

    @property
    def behind(self) -> list[Id]:
        """Places of points behind which rows are still to come, of each stream."""
        return [one.last for one in self._streams.values() if one.core.waits]

    def _catch_up(self) -> None:
        """Know the points that an earlier life has put out, but not their rows."""
        if not self._streams:
            return
        at = min(one.last for one in self._streams.values())
        for page in pages(self._life.bus, keys.points(self._scan_id), at):
            self._know((entry.id, entry.message) for entry in page)

    def _know(self, entries: Iterable[tuple[Id, Any]]) -> None:
        points = [one for one in entries if isinstance(one[1], Point)]
        for stream in self._streams.values():
            for place, point in points:
                stream.core.point(place, point)

    def points(self, entries: Iterable[tuple[Id, Any]]) -> list[Change]:
        """Take the next points; return what is to be appended."""
        self._know(entries)
        return [c for one in self._streams.values() for c in self._read(one)]

    def take(self, log: Log[Any], entries: list[Entry[Any]]) -> list[Change]:
        """Take what came on a stream; return what is to be appended."""
        stream = self._streams[log]
        fresh = [entry for entry in entries if entry.id > stream.at]
        out = self._feed(stream, fresh)
        self._wish(stream)
        return out

    def _read(self, stream: _AlignedStream) -> list[Change]:
        out: list[Change] = []
        while stream.core.waits:
            entries = self._life.bus.read(stream.log, stream.at, _PAGE)
            if not entries:
                break
            out += self._feed(stream, entries)
        self._wish(stream)
        return out

    def _feed(self, stream: _AlignedStream, entries: list[Entry[Any]]) -> list[Change]:
        if not entries:
            return []
        stream.at = entries[-1].id
        known = [entry.message for entry in entries if entry.message is not None]
        out = list(stream.changes(stream.core.take(known)))
        if stream.core.refused and not stream.told:
            stream.told = True
            self._life.alarm(
                f"{stream.signal} of {stream.device} sends samples that are older than "
                "those before, or than it had promised: they are in the file, but not "
                "aligned to points",
                "minor",
                scan_id=self._scan_id,
            )
        return out

    def _wish(self, stream: _AlignedStream) -> None:
        if stream.core.waits and not stream.core.ended:
            self.positions[stream.log] = stream.at
        else:
            self.positions.pop(stream.log, None)

    def finish(self) -> list[Change]:
        """Every point is known: return all that is left, with what the streams hold.

        A device that is unstaged has ended its streams before the scan ended. Of one
        that did not, nothing is waited for.
        """
        out: list[Change] = []
        for stream in self._streams.values():
            out += self._read(stream)
            out += stream.changes(stream.core.finish())
            end = AlignedEnd(refused=stream.core.refused)
            out.append(Append(stream.rows, end, Id(stream.last.major + 1)))
        self._streams.clear()
        self.positions.clear()
        return out
