"""Create, find and write groups and datasets of HDF5 files.

Uses the low-level API of h5py: a file has hundreds of objects, and the high-level calls
take four to five times as long.
"""

import math
import os
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from bec_services.file_writer.tree import Node

_ROWS = 512  # in one chunk of a dataset of numbers
_TEXT = 1 << 15  # bytes, largest chunk of text
_CHUNK = 1 << 20  # bytes, largest chunk of arrays
CACHE = 1 << 16
"""Size of the chunk cache of each dataset, bytes: only the last chunk is written to."""
_SLOTS = 101
_TEXT_TYPE = h5py.h5t.py_create(h5py.string_dtype(), logical=True)
_SCALAR = h5py.h5s.create(h5py.h5s.SCALAR)
_ENDLESS = h5py.h5s.UNLIMITED
_LINK = h5py.h5p.create(h5py.h5p.LINK_CREATE)
_LINK.set_char_encoding(h5py.h5t.CSET_UTF8)


class Found(dict[str, Any]):
    """Cache of groups or datasets of a file, by path: each lookup in HDF5 is slow."""

    def __init__(self, file: Any, look_up: Callable[[Any, str], Any]) -> None:
        super().__init__()
        self._file = file
        self._look_up = look_up

    def __missing__(self, path: str) -> Any:
        found = self[path] = self._look_up(self._file, path)
        return found


def find_dataset(file: Any, path: str) -> Any:
    """Open the dataset at an absolute path.

    Args:
        file: the h5py id of the file.
        path: absolute path.
    """
    found = h5py.h5d.open(file, path.encode())
    plan = found.get_create_plist()
    if plan.get_layout() != h5py.h5d.CHUNKED:
        return h5py.Dataset(found)
    size = found.dtype.itemsize * math.prod(plan.get_chunk())
    if size > CACHE:  # or HDF5 reads the chunk again for each row written
        del found
        access = h5py.h5p.create(h5py.h5p.DATASET_ACCESS)
        access.set_chunk_cache(_SLOTS, size, 1.0)
        found = h5py.h5d.open(file, path.encode(), access)
    return h5py.Dataset(found)


def find_group(file: Any, path: str) -> Any:
    """Open the group at an absolute path; the root is ""."""
    return h5py.Group(h5py.h5g.open(file, path.encode() or b"/"))


def put(dataset: Any, start: tuple[int, ...], values: Any) -> None:
    """Write an array into a dataset that is already large enough.

    Args:
        dataset: an `h5py.Dataset`.
        start: index of the first value, one for each dimension.
        values: array with the same number of dimensions, of a dtype that fits.
    """
    if not values.size:
        return
    array, here, there = np.asarray(values, order="C"), _SCALAR, _SCALAR
    if array.shape:
        here, there = h5py.h5s.create_simple(array.shape), dataset.id.get_space()
        there.select_hyperslab(start, array.shape)
    dataset.id.write(here, there, array, _kind(array.dtype))


def image_of(nodes: Iterable[Node]) -> tuple[bytes, int]:
    """Make a file with these nodes in memory.

    Returns:
        Content of the file without links to other files; and the sum of the chunk sizes
        of its growing datasets, bytes.
    """
    stride = 0
    with h5py.File(
        "image.h5", "w", driver="core", backing_store=False, libver="latest"
    ) as file:
        file.attrs["HDF5_Version"] = h5py.version.hdf5_version
        file.attrs["h5py_version"] = h5py.version.version
        groups = Found(file.id, find_group)
        for node in nodes:
            if node.leads_elsewhere:
                continue
            grows = create(node, groups, Path())
            if grows is not None:
                stride += grows.dtype.itemsize * math.prod(grows.chunks)
        file.flush()
        return file.id.get_file_image(), stride


def create(node: Node, groups: Found, folder: Path) -> Any:
    """Create a group, dataset or link in a file.

    Args:
        node: its description.
        groups: groups of the file, by path.
        folder: folder of the file; links to other files are relative to it.

    Returns:
        The dataset, if values are added to it later; else None.
    """
    above, _, name = node.path.rpartition("/")
    group = groups[above]
    if node.leads_elsewhere:
        _link(group, name, node, folder)
        return None
    if node.link:
        group[name] = h5py.SoftLink(node.link)
        return None
    made: Any
    if node.grows:
        made = h5py.Dataset(_new(group, name, *_growing(*node.grows, free=node.free)))
    elif node.fixed:
        made = _fixed(group, name, *node.fixed)
    elif node.value is not None:
        made = _written(group, name, node.value)
    else:
        made = groups[node.path] = _group(group, name) if name else group
    for attribute, value in node.attrs.items():
        _write_attribute(made, attribute, value)
    return made if node.grows or node.fixed else None


def _link(group: Any, name: str, node: Node, folder: Path) -> None:
    """Link a dataset of another file, or join several of them as a virtual dataset."""
    joined = _joined(node.joined, folder)
    if joined is not None:
        group.create_virtual_dataset(name, joined)
        return
    file, inside = node.joined[0] if node.joined else (node.file, node.link)
    group[name] = h5py.ExternalLink(os.path.relpath(file, folder), inside)


def _joined(parts: Iterable[tuple[str, str]], folder: Path) -> Any:
    """Join datasets along their first dimension; None if one of them cannot be read."""
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
    """Write a new attribute; text, the most frequent kind, the fast way."""
    if not isinstance(value, str):
        made.attrs[name] = value
        return
    new = h5py.h5a.create(made.id, name.encode(), _TEXT_TYPE, _SCALAR)
    new.write(np.array(value, object))


def _group(group: Any, name: str) -> Any:
    return h5py.Group(h5py.h5g.create(group.id, name.encode(), _LINK))


def _new(group: Any, name: str, kind: Any, space: Any, plan: Any = None) -> Any:
    """Create a dataset with the low-level API."""
    return h5py.h5d.create(group.id, name.encode(), kind, space, plan, _LINK)


def _written(group: Any, name: str, value: Any) -> Any:
    """Create a dataset with its final value."""
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
    """HDF5 type, space and creation properties of a dataset that grows."""
    size = max(1, dtype.itemsize * math.prod(shape))
    rows = max(1, min(_ROWS, (_TEXT if dtype.kind == "S" else _CHUNK) // size))
    most = (_ENDLESS, *(_ENDLESS if free else n or _ENDLESS for n in shape))
    plan = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    plan.set_chunk((rows, *(max(1, n) for n in shape)))
    plan.set_fill_time(h5py.h5d.FILL_TIME_IFSET)
    if dtype.kind == "f":
        plan.set_fill_value(np.full((), np.nan, dtype))
    first = (
        0,
        *(0 if free else n for n in shape),
    )  # rows of a free dataset grow with what is written
    return _kind(dtype), h5py.h5s.create_simple(first, most), plan


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
