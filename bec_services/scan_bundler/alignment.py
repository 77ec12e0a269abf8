"""Pure: One stream at the points of a scan.

A function of the points and the samples.
"""

import math
from collections import deque
from collections.abc import Iterable, Sequence
from itertools import takewhile
from typing import Any, NamedTuple

from bec_kernel.bus.changes import START, Id
from bec_kernel.wire import (
    AlignedRow,
    Alignment,
    Point,
    Reading,
    Samples,
    StreamEnd,
    StreamEntry,
    StreamMode,
    Watermark,
)

ONE = "value"
"""Name of the value of a stream that has only one."""
Output = tuple[Id, AlignedRow]
"""A place in the log of points, and the row of the point that stands there."""
_OVER_WINDOW = (Alignment.MEAN, Alignment.SUM)


class _Window(NamedTuple):
    """When a point was taken, s since the epoch."""

    place: Id
    point_id: int
    begin: float
    middle: float
    end: float


class _Sample(NamedTuple):
    time: float
    value: Any


class StreamAlignment:
    """The rows of one stream. Samples are taken in their order, points in theirs.

    A row leaves when nothing that may follow can change it: a stream that is slow, or
    silent and does not say so, holds up its own rows only. Samples need not be given
    before a point waits for them; those that no row can need any more are forgotten.

    Attributes:
        refused: samples that were older than the one before, or than what the stream
            had said would not follow any more.
        ended: the stream has its last entry.
    """

    def __init__(
        self, rule: Alignment, signal: str, names: Sequence[str], after: Id = START
    ) -> None:
        """Begin behind the point that stands at `after` in the log of points.

        Args:
            rule: how samples become one value.
            signal: name of the stream.
            names: of its values; see `SignalDescription.stream`.
            after: rows of the points up to there are there already.
        """
        self.refused = 0
        self.ended = False
        self._rule = rule
        self._after = after
        self._windows: deque[_Window] = deque()
        self._samples: dict[str, deque[_Sample]] = {name: deque() for name in names}
        self._shown = {n: signal if n == ONE else f"{signal}_{n}" for n in names}
        self._reached = -math.inf  # no older sample follows

    @property
    def waits(self) -> bool:
        """A point has no row yet: more of the stream is wanted."""
        return bool(self._windows)

    def point(self, place: Id, point: Point) -> None:
        """Know the point at a place in the log of points, unless it is known already.

        A point that was taken again stands there twice, and gets a second row.
        """
        if place <= self._after:
            return
        self._after = place
        begin, end = point.begin, point.end
        middle = begin + (end - begin) / 2
        self._windows.append(_Window(place, point.point_id, begin, middle, end))

    def take(self, entries: Iterable[StreamEntry]) -> list[Output]:
        """Take what follows in the stream; return the rows that leave."""
        for entry in entries:
            match entry:
                case Samples(mode=mode) if mode is not StreamMode.ADD_SLICE:
                    self._add(entry)
                case Watermark(time=time) if time > self._reached:
                    self._reached = time
                case StreamEnd():
                    self.ended = True
        return self._leave(last=self.ended)

    def finish(self) -> list[Output]:
        """Nothing follows, said or not; return all rows that are left."""
        return self._leave(last=True)

    def _add(self, samples: Samples) -> None:
        numbers_only = self._rule not in (Alignment.PREVIOUS, Alignment.NEAREST)
        for sample in samples.samples:
            time = sample.timestamp
            if not (math.isfinite(time) and time >= self._reached):
                self.refused += 1
                continue
            self._reached = time
            for name, value in sample.values.items():
                kept = self._samples.get(name)
                if kept is None or value is None or hasattr(value, "shape"):
                    continue
                if isinstance(value, int | float) or not numbers_only:
                    kept.append(_Sample(time, value))

    def _leave(self, *, last: bool) -> list[Output]:
        rows = []
        while self._windows:
            window = self._windows[0]
            self._forget(window)
            if not (last or self._is_known(window)):
                break
            self._windows.popleft()
            values = {
                self._shown[name]: self._value(kept, window)
                for name, kept in self._samples.items()
            }
            rows.append((window.place, AlignedRow(window.point_id, values)))
        return rows

    def _forget(self, window: _Window) -> None:
        """Let go of samples that neither this point nor a later one needs."""
        for kept in self._samples.values():
            if self._rule in _OVER_WINDOW:
                while kept and kept[0].time < window.begin:
                    kept.popleft()
            else:
                while len(kept) > 1 and kept[1].time <= window.middle:
                    kept.popleft()

    def _is_known(self, window: _Window) -> bool:
        if self._rule in _OVER_WINDOW:
            return self._reached >= window.end
        if self._reached <= window.middle:
            return False
        if self._rule is Alignment.PREVIOUS:
            return True
        return all(self._is_decided(kept, window) for kept in self._samples.values())

    def _is_decided(self, kept: deque[_Sample], window: _Window) -> bool:
        """No later sample counts, for a rule that looks at both sides of the middle."""
        before, after = _around(kept, window.middle)
        if after is not None:
            return True
        if self._rule is Alignment.LINEAR:
            return before is None or before.time == window.middle
        if before is None:
            return False
        return self._reached - window.middle >= window.middle - before.time

    def _value(self, kept: deque[_Sample], window: _Window) -> Reading:
        if self._rule in _OVER_WINDOW:
            inside = [s.value for s in takewhile(lambda s: s.time < window.end, kept)]
            return Reading(_together(self._rule, inside), window.middle)
        before, after = _around(kept, window.middle)
        if self._rule is Alignment.LINEAR:
            return Reading(_between(before, after, window.middle), window.middle)
        if self._rule is Alignment.NEAREST and after is not None:
            distance = math.inf if before is None else window.middle - before.time
            if after.time - window.middle < distance:
                before = after
        if before is None:
            return Reading(None, window.middle)
        return Reading(before.value, before.time)


def _around(kept: deque[_Sample], time: float) -> tuple[_Sample | None, _Sample | None]:
    """Return the last sample up to a time, and the first behind it."""
    if not kept:
        return None, None
    if kept[0].time > time:
        return None, kept[0]
    return kept[0], kept[1] if len(kept) > 1 else None


def _between(before: _Sample | None, after: _Sample | None, time: float) -> Any:
    if before is None:
        return None
    if before.time == time:
        return before.value
    if after is None:
        return None
    part = (time - before.time) / (after.time - before.time)
    return before.value + (after.value - before.value) * part


def _together(rule: Alignment, values: list[Any]) -> Any:
    total = sum(values)
    if rule is Alignment.SUM:
        return total
    return total / len(values) if values else None
