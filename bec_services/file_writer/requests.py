"""Serves parts of files on the bus: nobody needs the disk they lie on.

It runs beside the writing, in a thread of the same life.
"""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from bec_kernel.bus import Bus
from bec_kernel.errors import RefusedError
from bec_kernel.instance import Folder
from bec_kernel.service import Life, Request, RequestServer, askers
from bec_kernel.wire import FilePart, ReadFile, keys

if TYPE_CHECKING:
    from bec_services.file_writer.hdf5 import MasterFile

MOST = 1 << 20
"""So many bytes are read at once."""
_KEEP = 8  # answers, each as large as that at most
_DEEP = 64
Opened = dict[str, "MasterFile"]
"""Files this process writes, by scan id."""


def run(life: Life, opened: Opened | None = None) -> None:
    """Answer what persons ask of files, one life long; of those that are written, too.

    Args:
        life: of the writer.
        opened: what is being written; nobody but its writer can read it here.
    """
    base = Folder(life.setup.data.resolve()).files
    do = partial(_do, life.bus, base, {} if opened is None else opened)
    requests = RequestServer(life, keys.file_asks, do, keep=_KEEP)
    positions = requests.open(askers(life).names)
    for log, entries in life.follow(positions):
        requests.take(log, entries)


def _do(bus: Bus, base: Path, opened: Opened, request: Request[ReadFile]) -> FilePart:
    from bec_services.file_writer.hdf5 import read  # h5py: slow to import

    ask = request.message
    file = opened.get(ask.scan_id)
    path = inside(base, file.path if file else _told(bus, ask))
    try:
        return read(base, path, ask, file.handle if file else None)
    except (OSError, RuntimeError, ValueError) as error:  # it was closed meanwhile
        raise RefusedError(
            f"{path} cannot be read: {error}", subject="path", value=str(path)
        ) from error


def _told(bus: Bus, ask: ReadFile) -> str:
    """Return the path that is meant: what the bus knows of a scan is what counts."""
    if not ask.scan_id:
        return ask.path
    done = bus.last(keys.files(ask.scan_id))
    if done is not None:
        return done.message.path
    if bus.last(keys.steps(ask.scan_id)) is not None or not ask.path:
        raise RefusedError(
            f"the file of the scan {ask.scan_id!r:.60} is not finished, or there is "
            "no such scan",
            subject="scan_id",
            value=ask.scan_id[:60],
        )
    return ask.path


def inside(base: Path, path: str | Path) -> Path:
    """Return a path with every link followed, if it lies in the folder of files.

    Raises:
        RefusedError: it lies elsewhere, or there is no such file.
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
            f"there is no file {str(path)!r:.200}",
            subject="path",
            value=str(path)[:200],
        )
    return meant


def part(shape: Sequence[int], size: int, ask: ReadFile) -> tuple[slice, ...]:
    """Return which part of a dataset is meant.

    Args:
        shape: of the whole.
        size: bytes of one value.
        ask: what was asked for; what lies behind the end is left out.

    Raises:
        RefusedError: it is too large, or no part of it.
    """
    edges = (*ask.start, *ask.stop)
    if max(len(ask.start), len(ask.stop)) > len(shape) or any(n < 0 for n in edges):
        raise RefusedError(
            f"start {ask.start} and stop {ask.stop} are no part of {ask.item}",
            subject="start",
            allowed=f"{len(shape)} whole numbers from 0 on, or fewer",
        )
    chosen, count = [], size
    for axis, length in enumerate(shape):
        first = min(ask.start[axis] if axis < len(ask.start) else 0, length)
        last = min(ask.stop[axis] if axis < len(ask.stop) else length, length)
        chosen.append(slice(first, max(first, last)))
        count *= max(0, last - first)
    if count > MOST:
        raise RefusedError(
            f"{count / 1e6:.1f} MB of {ask.item} (shape {list(shape)}) are too much at "
            "once",
            subject=ask.item[:200],
            value=str(count),
            allowed=f"{MOST} bytes; ask for a smaller part",
        )
    return tuple(chosen)


def steps_of(item: str) -> list[str]:
    """Return the names one goes along to an item in a file.

    Raises:
        RefusedError: it is no path.
    """
    names = [name for name in item.split("/") if name]
    if len(names) > _DEEP or any(name in (".", "..") for name in names):
        raise RefusedError(
            f"{item!r:.200} is no path in a file", subject="item", value=item[:200]
        )
    return names
