"""Read parts of HDF5 files for clients, never anything outside the folder of files."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from bec_kernel.errors import RefusedError
from bec_kernel.wire import FilePart, ReadFile
from bec_services.file_writer.hdf5.selection import inside, part, steps_of

_ATTRIBUTES = 100  # of one item in an answer
_NAMES = 10_000  # of one group in an answer
_NUMBERS = "biufcSU"
_LINKS = 16  # followed for one item


def read(base: Path, path: Path, ask: ReadFile, file: Any = None) -> FilePart:
    """Read an item of a file: names in a group, or values of a dataset.

    Args:
        base: folder of files; links that leave it are refused.
        path: absolute path of the file, below `base`.
        ask: the request: which item, and which part of it.
        file: the open `h5py.File`, if this process is writing it.

    Raises:
        RefusedError: the item or part does not exist, or is too large.
        OSError: the file is not HDF5.
    """
    with contextlib.ExitStack() as stack:
        if file is None:
            file = stack.enter_context(h5py.File(path, "r", locking=False))
        found = _find(stack, base, path, file, ask.item)
        attrs = dict(_attributes(found))
        if not isinstance(found, h5py.Dataset):
            return FilePart(names=[str(name) for name in found][:_NAMES], attrs=attrs)
        shape = list(found.shape or ())
        _check_sources(base, found)
        value = None if ask.look else _values(found, ask)
        return FilePart(shape=shape, dtype=found.dtype.str, value=value, attrs=attrs)


def _find(
    stack: contextlib.ExitStack, base: Path, path: Path, file: Any, item: str
) -> Any:
    """Find an item by its path, through links that stay in the folder of files."""
    names = steps_of(item)
    at: Any = file
    here, followed = path, 0
    while names:
        name = names.pop(0)
        if not isinstance(at, h5py.Group) or name not in at.keys():  # noqa: SIM118
            raise _missing(item, path)
        link = at.get(name, getlink=True)
        if isinstance(link, h5py.HardLink):
            at = at[name]
            continue
        followed += 1
        if followed > _LINKS:
            raise RefusedError(f"{item} goes through too many links", subject=item)
        if isinstance(link, h5py.ExternalLink):
            here = inside(base, here.parent / link.filename)
            at = stack.enter_context(h5py.File(here, "r", locking=False))
        elif link.path.startswith("/"):
            at = at.file["/"]
        names = [*steps_of(link.path), *names]
    return at


def _check_sources(base: Path, dataset: Any) -> None:
    """Refuse a dataset whose values lie outside the folder of files."""
    sources = [name for name, *_ in dataset.external or ()]
    if dataset.is_virtual:
        sources += [one.file_name for one in dataset.virtual_sources()]
    for name in sources:
        if name != ".":
            inside(base, Path(dataset.file.filename).parent / name)


def _missing(item: str, path: Path) -> RefusedError:
    return RefusedError(
        f"{item!r:.200} is not in {path.name}", subject="item", value=item[:200]
    )


def _values(dataset: Any, ask: ReadFile) -> Any:
    """Read numbers or fixed-length text as an array, other text as a list."""
    shape = dataset.shape or ()
    chosen = part(shape, dataset.dtype.itemsize, ask)
    if h5py.check_string_dtype(dataset.dtype) and dataset.dtype.kind == "O":
        return np.asarray(dataset.asstr()[chosen]).tolist()
    if dataset.dtype.kind not in _NUMBERS:
        raise RefusedError(
            f"{ask.item} holds {dataset.dtype}: only numbers and text can be read",
            subject=ask.item[:200],
        )
    return np.asarray(dataset[chosen])


def _attributes(found: Any) -> Iterator[tuple[str, Any]]:
    for name in list(found.attrs)[:_ATTRIBUTES]:
        value = found.attrs[name]
        if isinstance(value, bytes):
            yield name, value.decode(errors="replace")
        elif isinstance(value, np.ndarray) and value.dtype.kind in "OSU":
            yield name, [_text(one) for one in value.ravel()]
        elif isinstance(value, np.ndarray) and value.nbytes <= 1 << 16:
            yield name, value.tolist()
        elif isinstance(value, str | bool | int | float):
            yield name, value
        elif isinstance(value, np.generic):
            yield name, value.item()


def _text(value: Any) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)
