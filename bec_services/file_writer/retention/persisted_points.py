"""Record which points of a long scan are safe on disk, so that the bus may drop them.

The record is `Written` under `keys.written()`. Points up to its `upto` may be removed
from the bus. A new file of the scan then copies these rows from the previous file,
which stays until they are on disk again.
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

_SHARE = 10  # a new record after a tenth of the points kept on the bus
_PAGE = 5_000  # rows copied at once


class PersistedPoints:
    """The points of one scan that are recorded as persisted in its file.

    Args:
        life: life of the writer.
        scan_id: the scan.
        keep: number of points that stay on the bus.
        alarm: raise an alarm with message and severity, once per scan.
    """

    def __init__(
        self, life: Life, scan_id: str, keep: int, alarm: Callable[[str, str], None]
    ) -> None:
        self._life = life
        self._scan_id = scan_id
        self._alarm = alarm
        self._step = max(1, keep // _SHARE)
        self._written = life.bus.get(keys.written(), scan_id)
        self._due = self._points + self._step if self._written else keep

    @property
    def _points(self) -> int:
        return self._written.upto[0] if self._written else 0

    def restore(self, columns: Columns) -> None:
        """Take over the columns of points that may have left the bus."""
        if self._written is not None:
            columns.restore(self._written.columns)
            columns.add_baseline(_once(self._written))

    def fill(self, file: "MasterFile", columns: Columns, plot: DefaultPlot) -> None:
        """Copy the persisted points into a new file that is not published yet.

        Points that the previous file lacks and that have left the bus are entered as
        missing, with an alarm.

        Raises:
            OSError: the disk failed, or the previous file cannot be read now.
        """
        if self._written is None:
            return
        self._copy(file, columns, plot)
        if file.rows < self._points:  # before more points leave the bus
            self._record(file.path, Id(file.rows), columns)
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
            # kept aside for an expert, not overwritten
            aside = f"{old_path.stem}_damaged_{self._life.token}{old_path.suffix}"
            old_path.rename(old_path.with_name(aside))

    def _whole(self, old: "PreviousFile", columns: Columns) -> Iterator[Batch]:
        """Yield the rows of a previous file, up to where it is damaged."""
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
        """Enter points that exist nowhere any more as missing, and raise an alarm."""
        self._alarm(
            f"points {file.rows} to {gone - 1} are lost: they had been removed from "
            "the bus, and the scan's previous file is missing or cannot be read; the "
            "new file marks them as missing",
            "major",
        )
        for start in range(file.rows, gone, _PAGE):
            nothing = [_unknown(n) for n in range(start, min(start + _PAGE, gone))]
            self._append(file, columns.batch(nothing), plot)

    def published(self, file: "MasterFile", columns: Columns) -> None:
        """Record the path of the published file, if it has changed."""
        if self._written is not None and self._written.path != str(file.path):
            self._record(file.path, Id(*self._written.upto), columns)

    def check(self, file: "MasterFile", batch: Batch) -> None:
        """Check that the rows of a batch leave no gap after those in the file.

        Raises:
            OSError: points between have been removed from the bus; the file must be
                made anew.
        """
        if self._written is not None and batch.point_ids[0] > file.rows:
            last = batch.point_ids[0] - 1
            raise OSError(f"points {file.rows} to {last} have just left the bus")

    def wrote(self, file: "MasterFile", columns: Columns, upto: Id) -> None:
        """Flush the file and record how far it is, each time enough points have come.

        Raises:
            OSError: the disk failed.
        """
        if upto.major < self._due:
            return
        file.sync()
        self._record(file.path, upto, columns)

    def _record(self, path: Path, upto: Id, columns: Columns) -> None:
        self._written = Written(
            path=str(path),
            upto=(upto.major, upto.minor),
            columns=columns.described(),
            baseline=columns.baseline,
            configuration=columns.configuration,
            configuration_units=columns.units,
        )
        self._life.check()
        self._due = upto.major + self._step
        put = Put(keys.written(), self._written, self._scan_id)
        self._life.bus.commit([put], self._life.fence)

    def done(self) -> Iterator[Change]:
        """Yield the change that removes the record: the file is complete."""
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
