"""Serve parts of files on the bus, for clients without access to the disk.

Runs in a thread of its own beside the writing: HDF5 lets only this process read the
files that it is writing.
"""

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

_KEEP = 8  # replies on the bus for each user, up to `selection.MOST` bytes each
Opened = dict[str, "MasterFile"]
"""Files that this process is writing, by scan id."""


def run(life: Life, opened: Opened | None = None) -> None:
    """Answer requests for parts of files until the life ends.

    Args:
        life: the life of the file writer.
        opened: files that are being written; they are read through their open
            handles, since this process cannot open them a second time.
    """
    base = Folder(life.setup.data.resolve()).files
    do = partial(_do, life.bus, base, {} if opened is None else opened)
    requests = RequestServer(life, keys.file_asks, do, keep=_KEEP)
    positions = requests.open(askers(life).names)
    for log, entries in life.follow(positions):
        requests.take(log, entries)


def _do(bus: Bus, base: Path, opened: Opened, request: Request[ReadFile]) -> FilePart:
    from bec_services.file_writer.hdf5 import inside, read  # h5py: slow to import

    ask = request.message
    file = opened.get(ask.scan_id)
    path = inside(base, file.path if file else _requested_path(bus, ask))
    try:
        return read(base, path, ask, file.handle if file else None)
    except (
        OSError,
        RuntimeError,
        ValueError,
    ) as error:  # the writer may have closed it
        raise RefusedError(
            f"{path} cannot be read: {error}", subject="path", value=str(path)
        ) from error


def _requested_path(bus: Bus, ask: ReadFile) -> str:
    """Find the path of the requested file; that of a scan is taken from the bus.

    Raises:
        RefusedError: the scan is unknown, or its file is not complete.
    """
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
