"""What one scan has told, wherever it is now: on the bus, or in its file."""

from collections.abc import Iterator

from bec_kernel.bus.changes import START
from bec_kernel.client.scan.file_reader import FileContent, filed
from bec_kernel.client.scan.file_streams import configuration_of, fit_of
from bec_kernel.client.scan.first_points import PAGE, FirstPoints
from bec_kernel.client.scan.record import ScanRecord
from bec_kernel.client.scan.remote_file import RemoteFile
from bec_kernel.wire import Fit, Point, Readings, keys


class FiledScan(ScanRecord):
    """One scan's points, baseline, configuration and fit."""

    _filed: FileContent | None = None
    _before: FirstPoints | None = None
    _filed_fit: Fit | None = None
    _filed_configuration: dict[str, Readings] | None = None

    def _points(self) -> list[Point]:
        track = self._track()
        if not track.points and self._is_gone:
            return list(self._from_file().points)
        with self._reader.changed:
            first, skipped, points = track.first, track.skipped, list(track.points)
        if not first:
            return points
        return [*self._newest(self._first_points.upto(first, skipped)), *points]

    def _newest(self, points: list[Point]) -> list[Point]:
        """Return points from the file, where they were taken again as the bus says."""
        track = self._track()
        with self._reader.changed:
            again = dict(track.again)
        return [again.get(point.point_id, point) for point in points]

    def filed_points(self, start: int, stop: int) -> Iterator[Point]:
        """Yield points from the scan's file: while it runs only those not on the bus.

        Args:
            start: first `point_id`.
            stop: behind the last one.

        Raises:
            DeadlineError: the file writer does not answer.
            RefusedError: the file does not have them.
        """
        for first in range(start, stop, PAGE):
            yield from self._first_points.read(first, min(first + PAGE, stop))

    @property
    def _first_points(self) -> FirstPoints:
        if self._before is None:
            args = self._bus, self._reader, self.scan_id, lambda: self.hdf5
            self._before = FirstPoints(*args)
        return self._before

    @property
    def baseline(self) -> dict[str, Readings]:
        """Readings of the baseline devices, by device; empty before they were taken."""
        if self._is_gone:
            return self._from_file().baseline
        if self._track().first and not self._track().baseline:  # it left the bus
            written = self._first_points.written
            return dict(written.baseline) if written else self._from_file().baseline
        return super().baseline

    @property
    def configuration(self) -> dict[str, Readings]:
        """How its devices were set up: readings of their config signals, by device.

        Known with the first point. A device that could not tell is not there: an alarm
        has said why.
        """
        if not self._is_gone:
            track = self._track()
            if not track.first or track.configuration:
                return super().configuration
            if written := self._first_points.written:  # it left the bus
                return dict(written.configuration)
        if self._filed_configuration is None:
            self._filed_configuration = configuration_of(self.hdf5)
        return dict(self._filed_configuration)

    @property
    def _is_gone(self) -> bool:
        """It is no longer on the bus, but the database and the file know it."""
        self._track()  # from what it told once, all of it may have expired meanwhile
        return self.past is not None and bool(self.past.file)

    @property
    def _is_emptied(self) -> bool:
        """Its logs have expired, whatever of them is still here; its file has all."""
        if self._is_gone:
            return True
        if self._track(points=False).file is None:
            return False
        log = keys.steps(self.scan_id)
        return not self._reader.retry(lambda: self._bus.read(log, START, 1))

    @property
    def fit(self) -> Fit | None:
        """The newest fit; of a scan that has ended the final one, if any."""
        found = super().fit
        if found is None and not self._track(points=False).states and self._is_gone:
            self._filed_fit = found = self._filed_fit or fit_of(self.hdf5)
        return found

    def _from_file(self) -> FileContent:
        if self._filed is None:
            self._filed = filed(self.hdf5)
        return self._filed

    @property
    def hdf5(self) -> RemoteFile:
        """Its file, once it is finished, read over the bus: no shared disk is needed.

        `report.hdf5["entry/data/samx"][10:20]` is an array; a group has `names`, and a
        dataset `shape`, `dtype` and `attrs`.
        """
        path = str(self.file or "")  # the bus forgets it, the report does not
        return RemoteFile(self._bus, self._reader, self.scan_id, path)
