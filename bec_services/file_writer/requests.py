"""Serves parts of files on the bus: nobody needs the disk they lie on.

It runs beside the writing, in a thread of the same life.
"""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from bec_kernel.bus import Bus
from bec_kernel.errors import RefusedError
from bec_kernel.instance import Folder
from bec_kernel.service import Asks, Life, askers
from bec_kernel.wire import FilePart, ReadFile, keys

if TYPE_CHECKING:
    from bec_services.file_writer.hdf5 import MasterFile

_KEEP = 8  # answers, each as large as that at most
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
    asks = Asks(life, keys.file_asks, do, _KEEP)
    positions = asks.open(askers(life).names)
    for log, entries in life.follow(positions):
        asks.take(log, entries)


def _do(bus: Bus, base: Path, opened: Opened, user: str, ask: ReadFile) -> FilePart:
    from bec_services.file_writer.hdf5 import inside, read  # h5py: slow to import

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
