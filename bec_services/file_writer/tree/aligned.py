"""Streams at the points of a scan, as columns: one row a point. Pure."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from bec_kernel.wire import Aligned, AlignedEntry, AlignedRow, Alignment, Reading
from bec_services.file_writer.tree.columns import STATUS, Array, Column, Key, cell, runs
from bec_services.file_writer.tree.nodes import (
    SECONDS,
    Node,
    Patch,
    as_json,
    group,
    safe,
)
from bec_services.file_writer.tree.streams import Source, StreamLayout

ALIGNED = "/entry/collection/aligned"
_FLOAT = np.dtype(np.float64)
_DECLARED = {
    "integer": np.dtype(np.int64),
    "boolean": np.dtype(np.bool_),
    "string": np.dtype("S64"),
}
_BETWEEN = (Alignment.MEAN, Alignment.LINEAR)
"""They make numbers that no device sent."""
_CODES = {f"value_{STATUS[one]}": str(one) for one in list(STATUS)[:2]}
_GOOD, _MISSING = range(2)
_NOTHING = Reading(None, np.nan)


@dataclass(eq=False)
class _Column:
    """One value of a stream at every point.

    Attributes:
        source: the stream.
        key: device and signal, as outside the stream.
        column: holds all values so far; None: there is none yet.
    """

    source: Source
    key: Key
    column: Column | None = None

    @property
    def path(self) -> str:
        device, signal = map(safe, self.key)
        return f"{ALIGNED}/{device}/{signal}"

    def shape(self, streams: StreamLayout) -> Column:
        """Return the column as it is in the file: what came, or what is to come."""
        if self.column is not None:
            return self.column
        sent = streams.columns.get(self.key)
        if self.source.info.align in _BETWEEN:
            kind = _FLOAT
        elif sent is not None and not sent.shape:
            kind = sent.dtype
        else:
            kind = _DECLARED.get(self.source.info.dtype, _FLOAT)
        return Column(kind, ()).widened(np.zeros((), kind))

    def grow(self, values: Iterable[Any]) -> None:
        for value in values:
            found = None if value is None else _scalar(value)
            if found is None:
                continue
            old = self.column or Column(found.dtype, ())
            if self.column is None or not old.holds(found.dtype, ()):
                self.column = old.widened(found)


class AlignedLayout:
    """The columns of all streams of a scan that are aligned to its points.

    They are there from the scan's first entry on; a kind of value that nobody expected
    makes one wider. It only grows.
    """

    def __init__(self, streams: StreamLayout) -> None:
        self._streams = streams
        self._columns: dict[tuple[str, str], list[_Column]] = {}

    def add(self, source: Source) -> None:
        """Know a stream, before its first row."""
        found = [_Column(source, source.key(name)) for name in source.info.stream]
        self._columns[source.device, source.info.name] = found

    def grow(self, source: Source, entries: Iterable[AlignedEntry]) -> bool:
        """Make room for rows; True: the file must be made anew."""
        rows = _rows(entries)
        new = False
        for one in self._of(source):
            before = one.shape(self._streams).dtype
            one.grow(row.values.get(one.key[1], _NOTHING).value for row in rows)
            new = new or one.shape(self._streams).dtype != before
        return new

    def patches(
        self, source: Source, entries: Sequence[AlignedEntry]
    ) -> Iterator[Patch]:
        """Yield what is to be written; see `grow`, which comes first.

        A row stands where its point does. Of a point that was taken again the later
        row counts.
        """
        rows = {row.point_id: row for row in _rows(entries)}
        for one in self._of(source):
            for run in runs(sorted(rows), int):
                start = (run[0],)
                some = [rows[n].values.get(one.key[1], _NOTHING) for n in run]
                column = one.shape(self._streams)
                yield Patch(f"{one.path}/value", start, _values(column, some))
                times = np.array([reading.timestamp for reading in some])
                yield Patch(f"{one.path}/timestamp", start, times)
                status = [_MISSING if r.value is None else _GOOD for r in some]
                yield Patch(f"{one.path}/status", start, np.array(status, np.uint8))
            refused = entries[-1].refused if entries else 0
            if refused:
                yield Patch(f"{one.path}/refused", (0,), np.array([refused]))

    def _of(self, source: Source) -> list[_Column]:
        return self._columns[source.device, source.info.name]

    def nodes(self) -> Iterator[Node]:
        """Yield where all of it lies; nothing, where no stream is aligned."""
        if not self._columns:
            return
        columns = [one for some in self._columns.values() for one in some]
        top = f"{ALIGNED}/"
        yield group(ALIGNED, signals=[one.path.removeprefix(top) for one in columns])
        for device in dict.fromkeys(one.key[0] for one in columns):
            yield group(f"{ALIGNED}/{safe(device)}")
        for one in columns:
            yield from self._column(one)

    def _column(self, one: _Column) -> Iterator[Node]:
        column, rule = one.shape(self._streams), str(one.source.info.align)
        if column.dtype.kind == "S":  # a viewer plots numbers
            yield group(one.path, alignment=rule)
        else:
            words = {"signal": "value", "axes": ["timestamp"], "alignment": rule}
            yield group(one.path, "NXdata", **words)
        attrs = {"units": one.source.unit, "long_name": one.key[1], "alignment": rule}
        yield Node(f"{one.path}/value", attrs, grows=(column.dtype, ()))
        yield Node(f"{one.path}/timestamp", SECONDS, grows=(_FLOAT, ()))
        yield Node(f"{one.path}/status", _CODES, grows=(np.dtype(np.uint8), ()))
        # Samples that came out of order: they are in the stream, and take no part here.
        yield Node(f"{one.path}/refused", fixed=(np.dtype(np.int64), (1,)))


def _rows(entries: Iterable[AlignedEntry]) -> list[AlignedRow]:
    return [row for one in entries if isinstance(one, Aligned) for row in one.rows]


def _scalar(value: Any) -> Array:
    found = cell(value)
    return found if found.ndim == 0 else np.asarray(as_json(value).encode())


def _values(column: Column, readings: Sequence[Reading]) -> Array:
    found = column.empty(len(readings))
    for number, reading in enumerate(readings):
        if reading.value is not None:
            found[number] = _scalar(reading.value).astype(column.dtype)
    return found
