"""The master file on disk, from its creation to its completion.

Invariant: an HDF5 handle is never closed after a failed write
--------------------------------------------------------------
When HDF5 cannot write (disk full, device gone), it keeps the unwritten chunks and
metadata in its cache. Closing the file, or dropping the last reference to the file or
to one of its datasets, flushes that cache once more; this second failure is not
reported as an error but ends the process (abort in the C library). All other scans of
the writer would die with it, and again after each restart while the disk is full.

It is kept in these places:

- `MasterFile._disk` wraps each operation that writes. It first checks that enough space
  is free, so that HDF5 rarely sees a full disk. After the first failure it refuses
  everything else with `OSError`, so that HDF5 is not called again for this file.
- `MasterFile.discard` closes a healthy file. Of a failed one, or when too little space
  is free, it moves all references into `_unclosed`, which lives as long as the process:
  the `h5py.File`, the cached datasets, and the exception, since its traceback refers to
  local variables that hold HDF5 objects.
- `still_open` hands out such a file for reading: this process cannot open it a second
  time while the handle exists, and the next file takes the first rows from it.

Each failed file costs its open handle until the process ends.
"""

import contextlib
import errno
import os
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from bec_services.file_writer.hdf5.file_name import FileName
from bec_services.file_writer.hdf5.objects import (
    CACHE,
    Found,
    create,
    find_dataset,
    find_group,
    image_of,
    put,
)
from bec_services.file_writer.hdf5.templates import FileTemplate, FileTemplates
from bec_services.file_writer.tree import (
    END_TIME,
    REASON,
    STATE,
    STATUSES,
    Batch,
    Node,
    Patch,
    column_path,
)

IDENTITY = "/entry/entry_identifier_uuid"
_ROOM = 1 << 20
"""Free space that is never used, bytes: a full disk can crash HDF5, see above."""
_MAGIC, _NEW, _END_AT = b"\x89HDF\r\n\x1a\n", b"\x02", 28
"""HDF5 signature, lowest superblock version of our files, offset of the end address."""
_templates = FileTemplates()
_unclosed: list[Any] = []
"""Failed files with their datasets and the error: never closed, see above."""


class MasterFile:
    """A scan's master file while it is written; other processes can read it (SWMR).

    It becomes visible with `publish`; until then the file that it replaces stays.

    Args:
        path: wanted path.
        scan_id: the scan; an existing file is replaced only if it is of the same scan.
        token: fencing token of the writer's life: every life makes a new file.
        nodes: all groups, datasets and links of the file; none is added later.

    Attributes:
        path: published path: another name beside `path`, if another scan has that.

    Raises:
        OSError: the disk is full, or the folder is not writable.
    """

    def __init__(self, path: Path, scan_id: str, token: int, nodes: list[Node]) -> None:
        self._rows = 0
        self._failed: Exception | None = None
        path.parent.mkdir(parents=True, exist_ok=True)
        self._name = FileName(path, scan_id, token, lambda one: _says(one, scan_id))
        self.path = path
        template = _template_of(nodes)
        self._stride = template.stride
        with self._disk(len(template.image)):
            self._file = _from(template, self._name.working)
        self._growing = Found(self._file.id, find_dataset)
        try:
            with self._disk():
                self._fill(nodes, template)
                self._file.attrs["file_name"] = path.name
                self._file.swmr_mode = True
            self._inode = self._name.working.stat().st_ino
        except BaseException:
            self.discard()
            raise

    def publish(self) -> None:
        """Make the file visible under its name, in place of an older one of this scan.

        Raises:
            OSError: the folder is not writable.
        """
        self.path = self._name.publish()

    @property
    def rows(self) -> int:
        """Number of points in the file."""
        return self._rows

    @property
    def handle(self) -> Any:
        """The open `h5py.File`: this process cannot open it a second time."""
        return self._file

    def sync(self) -> None:
        """Flush file and folder to disk (fsync).

        Raises:
            OSError: the disk failed.
        """
        with self._disk():
            self._file.flush()
        working = self._name.working
        _sync(working if working.exists() else self.path)
        _sync(self.path.parent)

    @contextlib.contextmanager
    def _disk(self, size: int = 0) -> Iterator[None]:
        """Guard a block that writes `size` bytes by HDF5, see the module's invariant.

        HDF5 reports a failed write as OSError or RuntimeError.

        Raises:
            OSError: too little space is free, or this or an earlier write failed.
        """
        if self._failed:
            raise OSError(f"HDF5: {self._failed}")
        free = free_bytes(self.path.parent)
        if free < size + self._stride + _ROOM:
            problem = f"{os.strerror(errno.ENOSPC)}: {free >> 10} kB"
            raise OSError(errno.ENOSPC, problem, str(self.path.parent))
        try:
            yield
        except (OSError, RuntimeError) as error:
            self._failed = error
            raise OSError(f"HDF5: {error}") from error

    def _fill(self, nodes: list[Node], template: FileTemplate) -> None:
        """Write the values that differ from the template, and links to other files."""
        groups = Found(self._file.id, find_group)
        for node, fits in template.changes(nodes):
            if fits:
                dataset = find_dataset(self._file.id, node.path)
                put(dataset, (0,) * len(dataset.shape), np.asarray(node.value))
            else:
                del self._file[node.path]
                create(node, groups, self.path.parent)
        for node in nodes:
            if node.leads_elsewhere:  # not part of templates
                create(node, groups, self.path.parent)

    def append(self, batch: Batch, patches: Iterable[Patch] = ()) -> None:
        """Append rows to all columns, write patches, and flush for readers.

        Rows of existing points replace them, as after a rewind.

        Raises:
            OSError: the disk failed.
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
            for path, rows in batch.own.items():
                self._write(path, rows, start)
        self._rows = max(self._rows, end)
        self.patch(patches)

    def patch(self, patches: Iterable[Patch]) -> None:
        """Write patches into datasets, and flush for readers.

        Raises:
            OSError: the disk failed.
        """
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
                put(dataset, patch.start, patch.values)
            self._file.flush()

    def _write(self, path: str, values: Any, start: int) -> None:
        dataset, end = self._growing[path], start + len(values)
        row = dataset.shape[1:]
        if end > self._rows:
            dataset.id.set_extent((end, *row))
        put(dataset, (start, *(0 for _ in row)), values)

    def finish(self, end_time: str, state: str, reason: str) -> None:
        """Write how the scan ended, close the file, and wait until it is on disk.

        Args:
            end_time: ISO 8601, UTC.
            state: final state of the scan.
            reason: why it ended.

        Raises:
            OSError: the disk failed, or the file was replaced meanwhile.
        """
        with self._disk():
            for path, word in ((END_TIME, end_time), (STATE, state), (REASON, reason)):
                dataset = self._growing[path]
                put(dataset, (), np.array(word.encode(), dataset.dtype))
            self._file.flush()
            self._file.close()
        if self.path.stat().st_ino != self._inode:
            raise FileExistsError(f"{self.path} was replaced while it was written")
        _sync(self.path)
        self._name.done()
        _sync(self.path.parent)

    def discard(self) -> None:
        """Close the incomplete file; a failed one stays open, see the invariant."""
        try:
            with self._disk():
                self._file.close()
        except OSError as error:
            _unclosed.append((self._file, self._growing, self._failed or error))


def _template_of(nodes: list[Node]) -> FileTemplate:
    """Find or make the template of files with these nodes, in memory."""
    template = _templates.find(nodes)
    if template is None:
        template = FileTemplate(*image_of(nodes), nodes)
        _templates.keep(template)
    return template


def _from(template: FileTemplate, path: Path) -> Any:
    """Create a file with the content of its template.

    Raises:
        FileExistsError: the path is taken.
        OSError: the disk is full.
    """
    with path.open("xb") as file:
        file.write(template.image)
    return h5py.File(path, "r+", libver="latest", rdcc_nbytes=CACHE)


def still_open(path: Path) -> Any:
    """Find the open handle of a file that HDF5 failed to write; None: not found."""
    for file, *_ in _unclosed:
        with contextlib.suppress(OSError, ValueError):
            if Path(file.filename).samefile(path):
                return file
    return None


def free_bytes(folder: Path) -> int:
    """Free space for a folder, bytes."""
    return shutil.disk_usage(folder).free


def identity(path: Path) -> str:
    """Read the scan id from a file; "" if it has none or cannot be read."""
    try:
        with h5py.File(path, "r", swmr=True) as file:
            return bytes(file[IDENTITY][()]).decode()
    except (OSError, KeyError, RuntimeError, TypeError, ValueError):
        return ""


def _says(path: Path, scan_id: str) -> bool:
    """Whether the content of a file identifies it as this scan's.

    The length is compared with the one in the superblock first: an SWMR reader would
    wait for ever for the missing end of a truncated file.
    """
    try:
        with path.open("rb") as file:
            head = file.read(_END_AT + 8)
        size = path.stat().st_size
    except OSError:
        return False
    end = int.from_bytes(head[_END_AT:], "little")
    whole = head[:8] == _MAGIC and head[8:9] >= _NEW and size >= end
    return whole and identity(path) == scan_id


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
