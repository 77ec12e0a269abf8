"""Pure: async streams as datasets, as sent and aligned to the points of the scan."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from bec_kernel.wire import (
    Aligned,
    AlignedEntry,
    AlignedRow,
    Alignment,
    DeviceFile,
    Reading,
    Samples,
    SignalDescription,
    StreamMode,
)
from bec_services.file_writer.tree.columns import STATUS, Array, Column, Key, cell, runs
from bec_services.file_writer.tree.nodes import (
    SECONDS,
    Node,
    Patch,
    as_json,
    column_path,
    group,
    safe,
)

ONE = "value"
"""Name of the value in a stream of single values."""
ALIGNED = "/entry/collection/aligned"
_FLOAT = np.dtype(np.float64)
_DECLARED = {
    "integer": np.dtype(np.int64),
    "boolean": np.dtype(np.bool_),
    "string": np.dtype("S64"),
}
_BETWEEN = (Alignment.MEAN, Alignment.LINEAR)
"""Alignments that compute values; the others repeat a value that was sent."""
_CODES = {f"value_{STATUS[one]}": str(one) for one in list(STATUS)[:2]}
_GOOD, _MISSING = range(2)
_NOTHING = Reading(None, np.nan)


@dataclass(frozen=True)
class Source:
    """One async stream of one device.

    Attributes:
        device: name of the device.
        info: published description of the signal.
        unit: unit of its values; "" if it has none.
    """

    device: str
    info: SignalDescription
    unit: str = ""

    def key(self, name: str) -> Key:
        """Device and signal under which a value of the stream is stored."""
        tail = "" if name == ONE else f"_{name}"
        return self.device, self.info.name + tail


class StreamLayout:
    """Columns of a scan's streams, and files that its devices write; both only grow.

    Attributes:
        columns: by device and signal; shape of one row as in the first sample.
        sources: all streams of the scan, by device and signal of each value.
        files: linked datasets, by device and name: file and path in it, in order of
            arrival.
    """

    def __init__(self) -> None:
        self.columns: dict[Key, Column] = {}
        self.sources: dict[Key, Source] = {}
        self.files: dict[tuple[str, str], list[tuple[str, str]]] = {}
        self._complete: set[str] = set()
        self._filled: dict[tuple[Key, int], int] = {}

    def add(self, source: Source) -> None:
        """Add a stream, before its first sample."""
        self.sources |= {source.key(name): source for name in source.info.stream}

    def restart(self) -> None:
        """Prepare for reading all streams again from their first sample."""
        self._filled.clear()

    def add_file(self, written: DeviceFile) -> bool:
        """Add a file of a device; return True if it has a new dataset to link."""
        new = False
        for name, path in written.entries.items():
            parts = self.files.setdefault((written.device, name), [])
            if (written.path, path) not in parts:
                parts.append((written.path, path))
                new = True
        if written.done and written.path not in self._complete:
            self._complete.add(written.path)
            some = [parts for parts in self.files.values() if len(parts) > 1]
            new = new or any(written.path == one for parts in some for one, _ in parts)
        return new

    def grow(self, source: Source, samples: Samples) -> bool:
        """Widen the columns for samples; return True if the file must be made anew."""
        new = False
        for name in _names(samples):
            key = source.key(name)
            values = _together(samples, name)
            row = _row(samples.mode, values)
            old = self.columns.get(key)
            if old is None:
                self.columns[key] = Column(values.dtype, row)
                new = True
            elif not np.can_cast(values.dtype, old.dtype, "safe"):
                kind = np.promote_types(values.dtype, old.dtype)
                self.columns[key] = Column(kind, old.shape)
                new = True
        return new

    def patches(self, source: Source, samples: Samples) -> Iterator[Patch]:
        """Yield samples as patches; call `grow` with them first."""
        times = np.array([sample.timestamp for sample in samples.samples])
        for name in _names(samples):
            key = source.key(name)
            values = _together(samples, name)
            if samples.mode is StreamMode.ADD:
                start = (samples.index, *(0 for _ in values.shape[1:]))
                yield Patch(f"{column_path(key)}/value", start, values)
                yield Patch(f"{column_path(key)}/timestamp", (samples.index,), times)
            elif samples.mode is StreamMode.REPLACE:
                newest = np.atleast_1d(cell(samples.samples[-1].values.get(name)))
                start = tuple(0 for _ in newest.shape)
                yield Patch(f"{column_path(key)}/value", start, newest, whole=True)
                yield Patch(
                    f"{column_path(key)}/timestamp", (0,), times[-1:], whole=True
                )
            else:
                yield from self._slices(key, name, samples)

    def _slices(self, key: Key, name: str, samples: Samples) -> Iterator[Patch]:
        for sample in samples.samples:
            part = np.atleast_1d(cell(sample.values.get(name)))
            at = self._filled.get((key, sample.row), 0)
            self._filled[key, sample.row] = at + len(part)
            yield Patch(f"{column_path(key)}/value", (sample.row, at), part[np.newaxis])
            if at == 0:
                when = np.array([sample.timestamp])
                yield Patch(f"{column_path(key)}/timestamp", (sample.row,), when)


def _names(samples: Samples) -> list[str]:
    found: dict[str, None] = {}
    for sample in samples.samples:
        found |= dict.fromkeys(sample.values)
    return list(found)


def _row(mode: StreamMode, values: Array) -> tuple[int, ...]:
    """Shape of one row of the dataset."""
    if mode is StreamMode.ADD:
        return values.shape[1:]
    if mode is StreamMode.ADD_SLICE:
        return (max(1, values.shape[1] * 10),) if values.ndim > 1 else (1,)
    return values.shape[2:]


def _together(samples: Samples, name: str) -> Array:
    """Stack one value of each sample; pad shorter ones and missing ones with NaN."""
    cells = [cell(sample.values.get(name)) for sample in samples.samples]
    if len({(one.shape, one.dtype) for one in cells}) == 1:
        return np.stack(cells)
    rank = max(one.ndim for one in cells)
    grown = [one.reshape((1,) * (rank - one.ndim) + one.shape) for one in cells]
    shape = tuple(max(n) for n in zip(*(one.shape for one in grown), strict=True))
    kind = np.result_type(np.float64, *(one.dtype for one in cells))
    out = np.full((len(cells), *shape), np.nan, kind)
    for number, one in enumerate(grown):
        where: tuple[Any, ...] = (number, *(slice(n) for n in one.shape))
        if samples.samples[number].values.get(name) is not None:
            out[where] = one
    return out


@dataclass(eq=False)
class _AlignedColumn:
    """A value of a stream, one row per point.

    Attributes:
        source: the stream.
        key: device and signal.
        column: dtype that holds all values so far; None before the first one.
    """

    source: Source
    key: Key
    column: Column | None = None

    @property
    def path(self) -> str:
        device, signal = map(safe, self.key)
        return f"{ALIGNED}/{device}/{signal}"

    def shape(self, streams: StreamLayout) -> Column:
        """Column in the file: for the values so far, or for those expected."""
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
    """Columns of the streams of a scan that are aligned to its points.

    They exist from the scan's first entry on and are only widened, when a value of an
    unexpected kind comes.
    """

    def __init__(self, streams: StreamLayout) -> None:
        self._streams = streams
        self._columns: dict[tuple[str, str], list[_AlignedColumn]] = {}

    def add(self, source: Source) -> None:
        """Add a stream, before its first row."""
        found = [
            _AlignedColumn(source, source.key(name)) for name in source.info.stream
        ]
        self._columns[source.device, source.info.name] = found

    def grow(self, source: Source, entries: Iterable[AlignedEntry]) -> bool:
        """Widen the columns for rows; return True if the file must be made anew."""
        rows = _aligned_rows(entries)
        new = False
        for one in self._of(source):
            before = one.shape(self._streams).dtype
            one.grow(row.values.get(one.key[1], _NOTHING).value for row in rows)
            new = new or one.shape(self._streams).dtype != before
        return new

    def patches(
        self, source: Source, entries: Sequence[AlignedEntry]
    ) -> Iterator[Patch]:
        """Yield rows as patches; call `grow` with them first.

        Row n belongs to point n. Of a point that was repeated the later row counts.
        """
        rows = {row.point_id: row for row in _aligned_rows(entries)}
        for one in self._of(source):
            for run in runs(sorted(rows), int):
                start = (run[0],)
                some = [rows[n].values.get(one.key[1], _NOTHING) for n in run]
                column = one.shape(self._streams)
                yield Patch(f"{one.path}/value", start, _aligned_values(column, some))
                times = np.array([reading.timestamp for reading in some])
                yield Patch(f"{one.path}/timestamp", start, times)
                status = [_MISSING if r.value is None else _GOOD for r in some]
                yield Patch(f"{one.path}/status", start, np.array(status, np.uint8))
            refused = entries[-1].refused if entries else 0
            if refused:
                yield Patch(f"{one.path}/refused", (0,), np.array([refused]))

    def _of(self, source: Source) -> list[_AlignedColumn]:
        return self._columns[source.device, source.info.name]

    def nodes(self) -> Iterator[Node]:
        """Yield the groups and datasets of all aligned streams."""
        if not self._columns:
            return
        columns = [one for some in self._columns.values() for one in some]
        top = f"{ALIGNED}/"
        yield group(ALIGNED, signals=[one.path.removeprefix(top) for one in columns])
        for device in dict.fromkeys(one.key[0] for one in columns):
            yield group(f"{ALIGNED}/{safe(device)}")
        for one in columns:
            yield from self._column(one)

    def _column(self, one: _AlignedColumn) -> Iterator[Node]:
        column, rule = one.shape(self._streams), str(one.source.info.align)
        if column.dtype.kind == "S":  # viewers can plot numbers only
            yield group(one.path, alignment=rule)
        else:
            words = {"signal": "value", "axes": ["timestamp"], "alignment": rule}
            yield group(one.path, "NXdata", **words)
        attrs = {"units": one.source.unit, "long_name": one.key[1], "alignment": rule}
        yield Node(f"{one.path}/value", attrs, grows=(column.dtype, ()))
        yield Node(f"{one.path}/timestamp", SECONDS, grows=(_FLOAT, ()))
        yield Node(f"{one.path}/status", _CODES, grows=(np.dtype(np.uint8), ()))
        # Samples out of order: stored in the stream, not used for the alignment.
        yield Node(f"{one.path}/refused", fixed=(np.dtype(np.int64), (1,)))


def _aligned_rows(entries: Iterable[AlignedEntry]) -> list[AlignedRow]:
    return [row for one in entries if isinstance(one, Aligned) for row in one.rows]


def _scalar(value: Any) -> Array:
    found = cell(value)
    return found if found.ndim == 0 else np.asarray(as_json(value).encode())


def _aligned_values(column: Column, readings: Sequence[Reading]) -> Array:
    found = column.empty(len(readings))
    for number, reading in enumerate(readings):
        if reading.value is not None:
            found[number] = _scalar(reading.value).astype(column.dtype)
    return found
