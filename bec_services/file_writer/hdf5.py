"""The file on disk. The only module that imports h5py."""

import contextlib
import errno
import math
import os
import shutil
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from bec_services.file_writer.core import Batch
from bec_services.file_writer.metadata import END_TIME, REASON, STATE
from bec_services.file_writer.naming import Name
from bec_services.file_writer.node import Node, Patch, column_path
from bec_services.file_writer.readings import STATUSES, TIMING

IDENTITY = "/entry/entry_identifier_uuid"
_ROWS = 512  # of numbers in one chunk
_TEXT = 1 << 15  # bytes, of text in one chunk
_CHUNK = 1 << 20  # bytes, of arrays
_TEXT_TYPE = h5py.h5t.py_create(h5py.string_dtype(), logical=True)
_SCALAR = h5py.h5s.create(h5py.h5s.SCALAR)
_ENDLESS = h5py.h5s.UNLIMITED
_LINK = h5py.h5p.create(h5py.h5p.LINK_CREATE)
_LINK.set_char_encoding(h5py.h5t.CSET_UTF8)
_ROOM = 1 << 20
"""So many bytes are left free: where HDF5 finds a full disk it may crash."""
_kept: list[Any] = []
"""Files HDF5 could not write, and what they hold: to close one, or to drop it, ends
the process."""


class MasterFile:
    """A scan's file while it is written. Any process may read it meanwhile (SWMR).

    People find it once it is published: until then the one it replaces stays.

    Args:
        path: where people are to find it.
        scan_id: whose it is: what stands there already is replaced only if it is ours.
        token: of the writer's life: every life makes a new file.
        nodes: all that will ever be in it.

    Attributes:
        path: where people find it: beside `path`, if another scan's file is there.

    Raises:
        OSError: the disk is full, the folder cannot be written.
    """

    def __init__(self, path: Path, scan_id: str, token: int, nodes: list[Node]) -> None:
        self._rows = 0
        self._growing: dict[str, Any] = {}
        self._failed = False
        self._stride = 0
        path.parent.mkdir(parents=True, exist_ok=True)
        self._name = Name(path, scan_id, token, lambda one: identity(one) == scan_id)
        self.path = path
        with self._disk():
            self._file = h5py.File(self._name.working, "w-", libver="latest")
        try:
            with self._disk():
                groups: dict[str, Any] = {"": self._file["/"]}
                self._file.attrs["HDF5_Version"] = h5py.version.hdf5_version
                self._file.attrs["h5py_version"] = h5py.version.version
                self._file.attrs["file_name"] = path.name
                for node in nodes:
                    self._create(node, groups)
                self._file.swmr_mode = True
            self._inode = self._name.working.stat().st_ino
        except BaseException:
            self.discard()
            raise

    def publish(self) -> None:
        """Let people find the file, as it is now; an older one of this scan goes.

        Raises:
            OSError: the folder cannot be written.
        """
        self.path = self._name.publish()

    @property
    def rows(self) -> int:
        """How many points there are in it."""
        return self._rows

    @property
    def handle(self) -> Any:
        """The file as h5py has it open: this process cannot open it a second time."""
        return self._file

    def sync(self) -> None:
        """Return when all that was written is on the disk, under the file's name.

        Raises:
            OSError: it is not.
        """
        with self._disk():
            self._file.flush()
        working = self._name.working
        _sync(working if working.exists() else self.path)
        _sync(self.path.parent)

    @contextlib.contextmanager
    def _disk(self, size: int = 0) -> Iterator[None]:
        """Let HDF5 write so many bytes; where it cannot, it says RuntimeError."""
        free = free_bytes(self.path.parent)
        if free < size + self._stride + _ROOM:
            told = f"{os.strerror(errno.ENOSPC)}: {free >> 10} kB"
            raise OSError(errno.ENOSPC, told, str(self.path.parent))
        try:
            yield
        except (OSError, RuntimeError) as error:
            self._failed = True
            raise OSError(f"HDF5: {error}") from error

    def _create(self, node: Node, groups: dict[str, Any]) -> None:
        """Create a node; `groups` are those that exist: to look one up is slow."""
        above, _, name = node.path.rpartition("/")
        group = groups[above]
        if node.file or node.joined:
            _link(group, name, node, self.path.parent)
            return
        if node.link:
            group[name] = h5py.SoftLink(node.link)
            return
        made: Any
        if node.grows:
            plan = _growing(*node.grows, free=node.free)
            made = h5py.Dataset(_new(group, name, *plan))
        elif node.fixed:
            made = _fixed(group, name, *node.fixed)
        elif node.value is not None:
            made = _written(group, name, node.value)
        else:
            made = groups[node.path] = _group(group, name) if name else group
        if node.grows or node.fixed:
            self._growing[node.path] = made
            self._stride += made.dtype.itemsize * math.prod(made.chunks)
        for attribute, value in node.attrs.items():
            _write_attribute(made, attribute, value)

    def append(self, batch: Batch, patches: Iterable[Patch] = ()) -> None:
        """Append rows to all columns, write patches, and let readers see both.

        Rows of points that are there already replace them: the scan was rewound.
        """
        start = min([self._rows, *batch.point_ids[:1]])
        end = start + batch.rows
        size = sum(values.nbytes for values in batch.values.values())
        with self._disk(2 * size):
            for key, values in batch.values.items():
                path = column_path(key)
                self._write(f"{path}/value", values, start)
                self._write(f"{path}/timestamp", batch.times[key], start)
            for device, status in batch.status.items():
                self._write(f"{STATUSES}/{device}", status, start)
            for part, seconds in batch.parts.items():
                self._write(f"{TIMING}/{part}", seconds, start)
        self._rows = max(self._rows, end)
        self.patch(patches)

    def patch(self, patches: Iterable[Patch]) -> None:
        """Write what belongs somewhere in datasets, and let readers see it."""
        patches = list(patches)
        with self._disk(2 * sum(patch.values.nbytes for patch in patches)):
            for patch in patches:
                dataset = self._growing[patch.path]
                ends = map(sum, zip(patch.start, patch.values.shape, strict=True))
                shape = tuple(ends)
                if not patch.whole:
                    shape = tuple(map(max, zip(shape, dataset.shape, strict=True)))
                if shape != dataset.shape:
                    dataset.resize(shape)
                where = tuple(
                    slice(at, at + n)
                    for at, n in zip(patch.start, patch.values.shape, strict=True)
                )
                dataset[where] = patch.values
            self._file.flush()

    def _write(self, path: str, values: Any, start: int) -> None:
        dataset, end = self._growing[path], start + len(values)
        if end > self._rows:
            dataset.resize(end, axis=0)
        dataset[start:end] = values

    def finish(self, end_time: str, state: str, reason: str) -> None:
        """Say how the scan ended; return when the file is complete on disk.

        Raises:
            OSError: it is not: the disk is full, or somebody took the file away.
        """
        with self._disk():
            for path, word in ((END_TIME, end_time), (STATE, state), (REASON, reason)):
                dataset = self._file[path]
                dataset[()] = word.encode()[: dataset.dtype.itemsize]
            self._file.flush()
            self._file.close()
        if self.path.stat().st_ino != self._inode:
            raise FileExistsError(f"{self.path} was replaced while it was written")
        _sync(self.path)
        self._name.done()
        _sync(self.path.parent)

    def discard(self) -> None:
        """Let go of the file as it is; another one will take its place."""
        if self._failed:
            _kept.append((self._file, self._growing))
            return
        with contextlib.suppress(OSError, RuntimeError):  # it is given up anyway
            self._file.close()


def _link(group: Any, name: str, node: Node, folder: Path) -> None:
    """Link another file's dataset, or show several of them as one."""
    joined = _joined(node.joined, folder)
    if joined is not None:
        group.create_virtual_dataset(name, joined)
        return
    file, inside = node.joined[0] if node.joined else (node.file, node.link)
    group[name] = h5py.ExternalLink(os.path.relpath(file, folder), inside)


def _joined(parts: Iterable[tuple[str, str]], folder: Path) -> Any:
    """Return datasets one behind the other; None: not while one cannot be read."""
    found = []
    for path, inside in parts:
        try:
            with h5py.File(path, "r") as file:
                found.append((path, inside, file[inside].shape, file[inside].dtype))
        except (OSError, KeyError):
            return None
    kinds = {(shape[1:], dtype) for _, _, shape, dtype in found}
    if len(kinds) != 1 or not all(shape for _, _, shape, _ in found):
        return None
    ((row, dtype),) = kinds
    layout = h5py.VirtualLayout((sum(s[0] for _, _, s, _ in found), *row), dtype)
    at = 0
    for path, inside, shape, _ in found:
        there = os.path.relpath(path, folder)
        layout[at : at + shape[0]] = h5py.VirtualSource(there, inside, shape, dtype)
        at += shape[0]
    return layout


def _write_attribute(made: Any, name: str, value: Any) -> None:
    """Write a new attribute: a file has hundreds, and most are text."""
    if not isinstance(value, str):
        made.attrs[name] = value
        return
    new = h5py.h5a.create(made.id, name.encode(), _TEXT_TYPE, _SCALAR)
    new.write(np.array(value, object))


def _group(group: Any, name: str) -> Any:
    return h5py.Group(h5py.h5g.create(group.id, name.encode(), _LINK))


def _new(group: Any, name: str, kind: Any, space: Any, plan: Any = None) -> Any:
    """Create a dataset by few words: h5py's own way takes four times as long."""
    return h5py.h5d.create(group.id, name.encode(), kind, space, plan, _LINK)


def _written(group: Any, name: str, value: Any) -> Any:
    """Create a dataset that is written once."""
    array = np.asarray(value, order="C")
    space = h5py.h5s.create_simple(array.shape) if array.shape else _SCALAR
    new = _new(group, name, _kind(array.dtype), space)
    if array.size:
        new.write(h5py.h5s.ALL, h5py.h5s.ALL, array)
    return h5py.Dataset(new)


@cache
def _kind(dtype: Any) -> Any:
    return h5py.h5t.py_create(dtype, logical=True)


@cache
def _growing(dtype: Any, shape: tuple[int, ...], *, free: bool = False) -> Any:
    """Return kind, space and plan of a dataset that grows."""
    size = max(1, dtype.itemsize * math.prod(shape))
    rows = max(1, min(_ROWS, (_TEXT if dtype.kind == "S" else _CHUNK) // size))
    most = (_ENDLESS, *(_ENDLESS if free else n or _ENDLESS for n in shape))
    plan = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    plan.set_chunk((rows, *(max(1, n) for n in shape)))
    plan.set_fill_time(h5py.h5d.FILL_TIME_IFSET)
    if dtype.kind == "f":
        plan.set_fill_value(np.full((), np.nan, dtype))
    return _kind(dtype), h5py.h5s.create_simple((0, *shape), most), plan


def _fixed(group: Any, name: str, dtype: Any, shape: tuple[int, ...]) -> Any:
    chunk, at = [max(1, n) for n in shape], 0
    while dtype.itemsize * math.prod(chunk) > _CHUNK and at < len(chunk):
        chunk[at] = max(1, chunk[at] // 2)
        at += chunk[at] == 1
    return group.create_dataset(
        name,
        shape,
        dtype,
        chunks=tuple(chunk),
        fillvalue=np.nan if dtype.kind == "f" else None,
    )


def still_open(path: Path) -> Any:
    """Return the handle of a file HDF5 could not write, if it is this one; or None."""
    for file, _ in _kept:
        with contextlib.suppress(OSError, ValueError):
            if Path(file.filename).samefile(path):
                return file
    return None


def free_bytes(folder: Path) -> int:
    """Return how many bytes can be written into a folder."""
    return shutil.disk_usage(folder).free


def identity(path: Path) -> str:
    """Return the id of the scan whose file this is; "" where nobody can tell."""
    try:
        with h5py.File(path, "r", swmr=True) as file:
            return bytes(file[IDENTITY][()]).decode()
    except (OSError, KeyError, RuntimeError, TypeError, ValueError):
        return ""


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
