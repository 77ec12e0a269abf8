"""Read a scan's file over the bus: `report.hdf5["entry/data/samx"][10:20]`."""

import math
import uuid
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import msgspec

from bec_kernel.bus import Bus
from bec_kernel.client.connection import Reader, ask, error_of, lacking
from bec_kernel.errors import DeadlineError
from bec_kernel.wire import FilePart, ReadFile, keys

if TYPE_CHECKING:
    import numpy

READING = 20.0
"""Longest time for the file writer to read a part, s."""
_PAGE = 1 << 20
"""Bytes per request: the file writer's limit."""


class RemoteFile:
    """Groups and datasets of one scan's file, by path.

    Args:
        bus: of the client.
        reader: the same.
        scan_id: of the scan.
        path: of the file, for when the bus has forgotten it.
    """

    def __init__(self, bus: Bus, reader: Reader, scan_id: str, path: str = "") -> None:
        self._bus = bus
        self._reader = reader
        self._scan_id = scan_id
        self._path = path

    def __getitem__(self, item: str) -> "RemoteItem":
        """Return a group or dataset; its values are read when it is indexed.

        Raises:
            RefusedError: there is no such item, or the file is not finished.
            DeadlineError: the file writer does not answer.
        """
        return RemoteItem(self, item, self.read(item, look=True))

    def __iter__(self) -> Iterator[str]:
        return iter(self["/"].names)

    def read(self, item: str, **fields: Any) -> FilePart:
        """Return a part of an item; see `ReadFile`."""
        request = ReadFile(
            request_id=uuid.uuid4().hex,
            scan_id=self._scan_id,
            path=self._path,
            item=item,
            **fields,
        )
        if why := self._reader.retry(lambda: lacking(self._bus, "file_writer")):
            raise DeadlineError(
                f"the scan's file cannot be read: {why}", subject=self._scan_id
            )
        inbox = keys.file_asks(self._bus.user)
        reply = ask(self._reader, self._bus, inbox, request, READING)
        if reply.problem is not None:
            raise error_of(reply.problem)
        part: FilePart = msgspec.convert(reply.value, FilePart)
        return part


class RemoteItem:
    """Group or dataset of an HDF5 file that is read through the file writer.

    Indexing reads from the file: a name gives a member, slices give a numpy array.

    Attributes:
        path: absolute path in the file.
        names: names of the members of a group; empty for a dataset.
        shape: shape of a dataset; empty for a group.
        dtype: type of a dataset's values in numpy notation; empty for a group.
        attrs: HDF5 attributes.
    """

    def __init__(self, file: RemoteFile, path: str, part: FilePart) -> None:
        self._file = file
        self.path = path
        self.names = part.names
        self.shape = tuple(part.shape)
        self.dtype = part.dtype
        self.attrs = part.attrs

    def __getitem__(self, key: Any) -> Any:
        """Return an item below a group, by name; or a part of a dataset, by slices.

        Slices have no step; `...` and `()` mean all of it. Large parts are read in
        pieces.

        Raises:
            TypeError: the key is neither a name nor a slice or index.
            IndexError: an index is outside the dataset.
            RefusedError: there is no such item.
        """
        if isinstance(key, str):
            return self._file[f"{self.path.rstrip('/')}/{key}"]
        if not self.dtype:
            raise TypeError(f"{self.path} is a group; there are {self.names}")
        start, stop, flat = self._edges(key if isinstance(key, tuple) else (key,))
        value = self._read(start, stop)
        if not flat or not hasattr(value, "reshape"):
            return value[()] if hasattr(value, "reshape") else value
        return value[tuple(0 if axis in flat else slice(None) for axis in _axes(value))]

    def _edges(self, keys: tuple[Any, ...]) -> tuple[list[int], list[int], set[int]]:
        """Return start and stop along each axis, and the axes given by one index."""
        if keys and keys[-1] is Ellipsis:
            keys = keys[:-1]
        if len(keys) > len(self.shape):
            raise IndexError(f"{self.path} has {len(self.shape)} dimensions")
        start, stop, flat = [], [], set()
        for axis, length in enumerate(self.shape):
            key = keys[axis] if axis < len(keys) else slice(None)
            if hasattr(key, "__index__"):
                place = key.__index__() % length if length else 0
                if not -length <= key.__index__() < length:
                    raise IndexError(f"{key} is not below {length} ({self.path})")
                key = slice(place, place + 1)
                flat.add(axis)
            if not isinstance(key, slice):
                raise TypeError(
                    f"{self.path} takes numbers and slices, not {key!r:.60}"
                )
            first, last, step = key.indices(length)
            if step != 1:
                raise TypeError(f"{self.path}: a slice with a step is not read")
            start.append(first)
            stop.append(max(first, last))
        return start, stop, flat

    def _read(self, start: list[int], stop: list[int]) -> Any:
        """Read a part, in pieces along its first axis longer than 1, then the next."""
        import numpy as np

        extent = [last - first for first, last in zip(start, stop, strict=True)]
        size = np.dtype(self.dtype).itemsize * math.prod(extent)
        axis = next((n for n, length in enumerate(extent) if length > 1), None)
        if size <= _PAGE or axis is None:
            return self._file.read(self.path, start=start, stop=stop).value
        rows = max(1, _PAGE * extent[axis] // size)
        parts = []
        for first in range(start[axis], stop[axis], rows):
            low, high = list(start), list(stop)
            low[axis], high[axis] = first, min(first + rows, stop[axis])
            parts.append(self._read(low, high))
        if isinstance(parts[0], list):
            return [text for part in parts for text in part]
        return np.concatenate(parts, axis)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        """Return all of it: numpy takes this for an array."""
        import numpy as np

        return np.array(self[...], dtype, copy=copy)

    def __repr__(self) -> str:
        if not self.dtype:
            return f"{self.path}: {', '.join(self.names) or 'empty'}"
        return f"{self.path}: {self.dtype} {self.shape}"


def _axes(value: "numpy.ndarray[Any, Any]") -> range:
    return range(value.ndim)
