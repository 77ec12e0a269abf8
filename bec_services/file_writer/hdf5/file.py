"""The file on disk, while it is written; `hdf5_objects` has what is in it."""

import contextlib
import errno
import os
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from bec_services.file_writer.hdf5.file_name import Name
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
"""So many bytes are left free: where HDF5 finds a full disk it may crash."""
_MAGIC, _NEW, _END_AT = b"\x89HDF\r\n\x1a\n", b"\x02", 28
"""How a file of HDF5 begins; the oldest form that ours have; where its length is."""
_templates = FileTemplates()
_unclosed: list[Any] = []
"""Files HDF5 could not write: to close one, or to drop it, ends the process. The error
belongs to it: its traceback holds what was open."""


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
        self._failed: Exception | None = None
        path.parent.mkdir(parents=True, exist_ok=True)
        self._name = Name(path, scan_id, token, lambda one: _says(one, scan_id))
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
        """Let HDF5 write so many bytes; where it cannot, it says RuntimeError.

        Raises:
            OSError: it cannot, or could not before.
        """
        if self._failed:
            raise OSError(f"HDF5: {self._failed}")
        free = free_bytes(self.path.parent)
        if free < size + self._stride + _ROOM:
            told = f"{os.strerror(errno.ENOSPC)}: {free >> 10} kB"
            raise OSError(errno.ENOSPC, told, str(self.path.parent))
        try:
            yield
        except (OSError, RuntimeError) as error:
            self._failed = error
            raise OSError(f"HDF5: {error}") from error

    def _fill(self, nodes: list[Node], template: FileTemplate) -> None:
        """Make what is not as it is in the template; the rest is there."""
        groups = Found(self._file.id, find_group)
        for node, fits in template.changes(nodes):
            if fits:
                dataset = find_dataset(self._file.id, node.path)
                put(dataset, (0,) * len(dataset.shape), np.asarray(node.value))
            else:
                del self._file[node.path]
                create(node, groups, self.path.parent)
        for node in nodes:
            if node.leads_elsewhere:  # no template holds it
                create(node, groups, self.path.parent)

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
            for path, rows in batch.own.items():
                self._write(path, rows, start)
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
                put(dataset, patch.start, patch.values)
            self._file.flush()

    def _write(self, path: str, values: Any, start: int) -> None:
        dataset, end = self._growing[path], start + len(values)
        row = dataset.shape[1:]
        if end > self._rows:
            dataset.id.set_extent((end, *row))
        put(dataset, (start, *(0 for _ in row)), values)

    def finish(self, end_time: str, state: str, reason: str) -> None:
        """Say how the scan ended; return when the file is complete on disk.

        Raises:
            OSError: it is not: the disk is full, or somebody took the file away.
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
        """Let go of the file as it is; another one will take its place."""
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
    """Create a file, as it is in its template.

    Raises:
        FileExistsError: there is one.
        OSError: the disk is full.
    """
    with path.open("xb") as file:
        file.write(template.image)
    return h5py.File(path, "r+", libver="latest", rdcc_nbytes=CACHE)


def still_open(path: Path) -> Any:
    """Return the handle of a file HDF5 could not write, if it is this one; or None."""
    for file, *_ in _unclosed:
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


def _says(path: Path, scan_id: str) -> bool:
    """Say whether a file is a scan's, as it says; one that was cut short says nothing.

    A live reader waits for what is not there yet: of such a file for ever.
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
