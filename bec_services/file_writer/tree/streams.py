"""What devices send by themselves, as datasets: rows, slices, or the newest value."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from bec_kernel.wire import DeviceFile, Samples, SignalDescription, StreamMode
from bec_services.file_writer.tree.columns import Array, Column, Key, cell
from bec_services.file_writer.tree.nodes import Patch, column_path

ONE = "value"
"""Name of the value of a stream that has only one."""


@dataclass(frozen=True)
class Source:
    """One stream of one device.

    Attributes:
        device: its name.
        info: what is published of its signal.
        unit: of its values; empty where it has none.
    """

    device: str
    info: SignalDescription
    unit: str = ""

    def key(self, name: str) -> Key:
        """Return where a value of this name belongs in the file."""
        tail = "" if name == ONE else f"_{name}"
        return self.device, self.info.name + tail


class StreamLayout:
    """The columns of a scan's streams, and the files its devices write. It only grows.

    Attributes:
        columns: by device and signal; the shape of one row as it was first.
        sources: all streams, by where each of their values belongs, sent or not.
        files: what is linked, by device and name: files and paths in them, in the
            order they were told of.
    """

    def __init__(self) -> None:
        self.columns: dict[Key, Column] = {}
        self.sources: dict[Key, Source] = {}
        self.files: dict[tuple[str, str], list[tuple[str, str]]] = {}
        self._complete: set[str] = set()
        self._filled: dict[tuple[Key, int], int] = {}

    def add(self, source: Source) -> None:
        """Know a stream, before its first sample."""
        self.sources |= {source.key(name): source for name in source.info.stream}

    def restart(self) -> None:
        """All streams are read again from their begin."""
        self._filled.clear()

    def add_file(self, told: DeviceFile) -> bool:
        """Know a device's file; True: there is something new to link, or to join."""
        new = False
        for name, path in told.entries.items():
            parts = self.files.setdefault((told.device, name), [])
            if (told.path, path) not in parts:
                parts.append((told.path, path))
                new = True
        if told.done and told.path not in self._complete:
            self._complete.add(told.path)
            some = [parts for parts in self.files.values() if len(parts) > 1]
            new = new or any(told.path == one for parts in some for one, _ in parts)
        return new

    def grow(self, source: Source, samples: Samples) -> bool:
        """Make room for samples; True: a dataset must be made, or made anew."""
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
        """Yield what is to be written; see `grow`, which comes first."""
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
    """Return the shape of what follows a dataset's first dimension."""
    if mode is StreamMode.ADD:
        return values.shape[1:]
    if mode is StreamMode.ADD_SLICE:
        return (max(1, values.shape[1] * 10),) if values.ndim > 1 else (1,)
    return values.shape[2:]


def _together(samples: Samples, name: str) -> Array:
    """Return one value a sample; shorter ones are filled up, missing ones are empty."""
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
