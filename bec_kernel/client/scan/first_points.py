"""The first points of a very long scan: they leave the bus while it runs.

They are in its file, which the file writer reads for everybody, also while it is
written.
"""

import threading
import time
from collections.abc import Callable
from typing import TypeVar

from bec_kernel.bus import Bus
from bec_kernel.client.connection import Reader
from bec_kernel.client.scan.file_reader import Key, columns_of, part
from bec_kernel.client.scan.remote_file import RemoteFile
from bec_kernel.errors import DeadlineError, RefusedError
from bec_kernel.wire import Point, Written, keys

T = TypeVar("T")
PAGE = 5_000
"""So many points are read at once."""
PATIENCE = 60.0
"""A writer that was started again needs time (s) to make a long scan's file anew."""
_PAUSE = 0.25


class FirstPoints:
    """Reads points of one scan from its file, by the same index.

    Args:
        bus: of the client.
        reader: the same.
        scan_id: of the scan.
        file: returns its file, finished or not.
    """

    def __init__(
        self, bus: Bus, reader: Reader, scan_id: str, file: Callable[[], RemoteFile]
    ) -> None:
        self._bus = bus
        self._reader = reader
        self._scan_id = scan_id
        self._file = file
        self._columns: list[Key] | None = None
        self._kept: list[Point] = []
        self._skipped = 0

    @property
    def written(self) -> Written | None:
        """How far the file is; None: it is finished."""
        return self._reader.retry(lambda: self._bus.get(keys.written(), self._scan_id))

    def read(self, start: int, stop: int) -> list[Point]:
        """Return the points from `start` on, up to but without `stop`.

        Raises:
            DeadlineError: the file writer is away for longer than `PATIENCE`.
            RefusedError: the file cannot be read.
        """
        return self._patiently(lambda: self._part(start, stop))

    def _part(self, start: int, stop: int) -> list[Point]:
        if (written := self.written) is not None:
            columns = [(device, signal) for device, signal, *_ in written.columns]
            return part(self._file(), columns, start, stop)
        file = self._file()
        if self._columns is None:
            self._columns, _ = columns_of(file)
        return part(file, self._columns, start, stop)

    def _patiently(self, look: Callable[[], T]) -> T:
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                return look()
            except (DeadlineError, RefusedError):
                if time.monotonic() > deadline or self._reader.closed:
                    raise
            threading.Event().wait(_PAUSE)

    def upto(self, stop: int, skipped: int) -> list[Point]:
        """Return all points before `stop`; what was read once is kept.

        Args:
            stop: behind the last one.
            skipped: see `Track`: what was read before that may have been taken again.
        """
        if skipped != self._skipped:
            self._kept, self._skipped = [], skipped
        while len(self._kept) < stop:
            start = len(self._kept)
            self._kept += self.read(start, min(start + PAGE, stop))
        return self._kept[:stop]
