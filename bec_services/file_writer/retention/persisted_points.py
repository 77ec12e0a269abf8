"""The first points of a long scan: in its file only, since the bus lets them go.

What is told to be on disk may leave the bus. From then on a new file takes these rows
from the old one, which stays until they are on disk again.
"""

import contextlib
import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from bec_kernel.bus.changes import START, Change, Drop, Id, Put
from bec_kernel.service import Life
from bec_kernel.wire import Baseline, Point, Written, keys
from bec_services.file_writer.tree import Batch, Columns, DefaultPlot

if TYPE_CHECKING:
    from bec_services.file_writer.hdf5 import MasterFile
    from bec_services.file_writer.retention.previous_file import PreviousFile

_SHARE = 10  # of what stays on the bus: so seldom it is told how far the file is
_PAGE = 5_000  # rows at once


class PersistedPoints:
    """What one scan's file has told to be on disk.

    Args:
        life: of the writer.
        scan_id: of the scan.
        keep: so many points stay on the bus.
        tell: raises an alarm, once a scan.
    """

    def __init__(
        self, life: Life, scan_id: str, keep: int, tell: Callable[[str, str], None]
    ) -> None:
        self._life = life
        self._scan_id = scan_id
        self._tell = tell
        self._step = max(1, keep // _SHARE)
        self._written = life.bus.get(keys.written(), scan_id)
        self._due = self._points + self._step if self._written else keep

    @property
    def _points(self) -> int:
        return self._written.upto[0] if self._written else 0

    def restore(self, columns: Columns) -> None:
        """Know the columns of points that may be on the bus no more."""
        if self._written is not None:
            columns.restore(self._written.columns)
            columns.add_baseline(_once(self._written))

    def fill(self, file: "MasterFile", columns: Columns, plot: DefaultPlot) -> None:
        """Put the first points into a new file, which nobody finds yet.

        Raises:
            OSError: the disk; or the old file cannot be read now.
        """
        if self._written is None:
            return
        self._copy(file, columns, plot)
        if file.rows < self._points:  # nothing more may leave the bus
            self._say(file.path, Id(file.rows), columns)
        first = self._life.bus.read(keys.points(self._scan_id), START, 1)
        gone = first[0].id.index if first else 0
        if file.rows < gone:
            self._lose(file, columns, plot, gone)
        file.sync()

    def _copy(self, file: "MasterFile", columns: Columns, plot: DefaultPlot) -> None:
        from bec_services.file_writer.retention.previous_file import open_previous

        old_path = Path(self._written.path) if self._written else file.path
        with open_previous([old_path, file.path], self._scan_id) as old:
            for batch in self._whole(old, columns) if old else ():
                self._append(file, batch, plot)
        if file.rows < self._points and self._may_be_ours(old_path):
            # nobody writes over it
            aside = f"{old_path.stem}_damaged_{self._life.token}{old_path.suffix}"
            old_path.rename(old_path.with_name(aside))

    def _whole(self, old: "PreviousFile", columns: Columns) -> Iterator[Batch]:
        """Yield the rows of an old file, up to where it is damaged."""
        from bec_services.file_writer.retention.reader_process import UnreadableError

        with contextlib.suppress(UnreadableError):
            have = min(old.rows(columns), self._points)
            for start in range(0, have, _PAGE):
                yield old.batch(columns, start, min(start + _PAGE, have))

    def _may_be_ours(self, path: Path) -> bool:
        from bec_services.file_writer.retention.previous_file import identity

        return path.exists() and identity(path) in ("", self._scan_id)

    def _append(
        self, file: "MasterFile", batch: Batch | None, plot: DefaultPlot
    ) -> None:
        assert batch is not None
        self._life.check()
        file.append(batch, plot.patches(batch))

    def _lose(
        self, file: "MasterFile", columns: Columns, plot: DefaultPlot, gone: int
    ) -> None:
        """Go on without points that are nowhere: they stand in the file as missing."""
        self._tell(
            f"points {file.rows} to {gone - 1} are lost: they had left the bus for the "
            "scan's file, which is not there any more or cannot be read; its new file "
            "says that they are missing",
            "major",
        )
        for start in range(file.rows, gone, _PAGE):
            nothing = [_unknown(n) for n in range(start, min(start + _PAGE, gone))]
            self._append(file, columns.batch(nothing), plot)

    def published(self, file: "MasterFile", columns: Columns) -> None:
        """Say where the file is, if it is elsewhere now."""
        if self._written is not None and self._written.path != str(file.path):
            self._say(file.path, Id(*self._written.upto), columns)

    def check(self, file: "MasterFile", batch: Batch) -> None:
        """Return if rows follow those that are in the file.

        Raises:
            OSError: points between have left the bus meanwhile: begin again.
        """
        if self._written is not None and batch.point_ids[0] > file.rows:
            last = batch.point_ids[0] - 1
            raise OSError(f"points {file.rows} to {last} have just left the bus")

    def wrote(self, file: "MasterFile", columns: Columns, upto: Id) -> None:
        """Tell now and then how far a file is, once there is much in it.

        Raises:
            OSError: the disk.
        """
        if upto.major < self._due:
            return
        file.sync()
        self._say(file.path, upto, columns)

    def _say(self, path: Path, upto: Id, columns: Columns) -> None:
        self._written = Written(
            path=str(path),
            upto=(upto.major, upto.minor),
            columns=columns.told(),
            baseline=columns.baseline,
            configuration=columns.configuration,
            configuration_units=columns.units,
        )
        self._life.check()
        self._due = upto.major + self._step
        put = Put(keys.written(), self._written, self._scan_id)
        self._life.bus.commit([put], self._life.fence)

    def done(self) -> Iterator[Change]:
        """Yield what takes back all that was told: the file is whole."""
        if self._written is not None:
            yield Drop(keys.written(), self._scan_id)


def _once(written: Written) -> Baseline:
    return Baseline(
        index=-1,
        data=written.baseline,
        configuration=written.configuration,
        configuration_units=written.configuration_units,
    )


def _unknown(point_id: int) -> Point:
    nan = math.nan
    return Point(index=-1, point_id=point_id, attempt=1, begin=nan, end=nan, data={})
