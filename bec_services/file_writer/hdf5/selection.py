"""Check which file, which item in it and which part of a dataset a request may read."""

from collections.abc import Sequence
from pathlib import Path

from bec_kernel.errors import RefusedError
from bec_kernel.wire import ReadFile

MOST = 1 << 20
"""Maximum size of the values in one answer, bytes."""
_DEEP = 64  # names in the path of an item


def inside(base: Path, path: str | Path) -> Path:
    """Resolve a path with all links, and check that it lies in the folder of files.

    Raises:
        RefusedError: it lies elsewhere, or the file does not exist.
    """
    meant = (base / path).resolve()
    if "\x00" in str(path) or not meant.is_relative_to(base.resolve()):
        raise RefusedError(
            f"{str(path)!r:.200} does not lie in the folder of files",
            subject="path",
            value=str(path)[:200],
            allowed=f"files below {base}",
        )
    if not meant.is_file():
        raise RefusedError(
            f"the file {str(path)!r:.200} does not exist",
            subject="path",
            value=str(path)[:200],
        )
    return meant


def part(shape: Sequence[int], size: int, ask: ReadFile) -> tuple[slice, ...]:
    """Turn the request's `start` and `stop` into slices, one for each dimension.

    Args:
        shape: shape of the dataset.
        size: size of one value, bytes.
        ask: the request; missing edges mean the whole dimension, edges beyond the
            end are clipped.

    Raises:
        RefusedError: the part is larger than `MOST`, or `start` and `stop` have too
            many dimensions or negative numbers.
    """
    edges = (*ask.start, *ask.stop)
    if max(len(ask.start), len(ask.stop)) > len(shape) or any(n < 0 for n in edges):
        raise RefusedError(
            f"start {ask.start} and stop {ask.stop} do not fit {ask.item}",
            subject="start",
            allowed=f"at most {len(shape)} integers, each 0 or more",
        )
    chosen, count = [], size
    for axis, length in enumerate(shape):
        first = min(ask.start[axis] if axis < len(ask.start) else 0, length)
        last = min(ask.stop[axis] if axis < len(ask.stop) else length, length)
        chosen.append(slice(first, max(first, last)))
        count *= max(0, last - first)
    if count > MOST:
        raise RefusedError(
            f"{count / 1e6:.1f} MB of {ask.item} (shape {list(shape)}) are too much "
            "for one request",
            subject=ask.item[:200],
            value=str(count),
            allowed=f"{MOST} bytes; ask for a smaller part",
        )
    return tuple(chosen)


def steps_of(item: str) -> list[str]:
    """Split the path of an item in a file into names.

    Raises:
        RefusedError: it has too many names, or "." or ".." among them.
    """
    names = [name for name in item.split("/") if name]
    if len(names) > _DEEP or any(name in (".", "..") for name in names):
        raise RefusedError(
            f"{item!r:.200} is not a valid path in a file: at most {_DEEP} "
            "names, none of them '.' or '..'",
            subject="item",
            value=item[:200],
        )
    return names
