"""The client's cache of one scan: its points and state, as far as they were read."""

import time
from typing import Any

from bec_kernel.bus import Entry
from bec_kernel.bus.changes import START, Id
from bec_kernel.scan import ScanFold
from bec_kernel.wire import (
    Baseline,
    FileDone,
    Fit,
    Item,
    Log,
    Point,
    Seal,
    StateChange,
    Taken,
    keys,
)

LINGER = 30.0
"""Time after a scan's end during which its file and fit are followed, s."""


class ScanCache(ScanFold):
    """Messages of one scan so far. Access it with the lock of `Reader.changed` held.

    `ScanFold` has state, file and fit; this adds points, the queue item, and the
    positions in the logs. `begin` stays None: the step log is not followed.

    Attributes:
        scan_id: of the scan.
        points: complete points in order, from `first` on, each as it was taken last.
        first: `point_id` of the first of them. It is not 0 if the log was trimmed
            before it was read: earlier points are in the scan's file.
        again: earlier points that were taken again since they left the bus, by
            `point_id`; the file may not have them yet.
        skipped: number of times points left the bus before they were read; those taken
            again among them are only in the file.
        baseline: readings by device: `{"samy": {"samy": Reading(0.5, t)}}`.
        configuration: readings of config signals, in the same shape.
        item: its queue item as it ended.
        number: scan number, once it has begun.
        has_points: its points are followed, or complete.
        positions: id of the last entry read, of each log that may still grow.
        version: number of messages taken in.
    """

    def __init__(self, scan_id: str) -> None:
        super().__init__()
        self.scan_id = scan_id
        self.points: list[Point] = []
        self.first = 0
        self.again: dict[int, Point] = {}
        self.skipped = 0
        self.baseline: dict[str, Any] = {}
        self.configuration: dict[str, Any] = {}
        self.item: Item | None = None
        self.number: int | None = None
        self.has_points = False
        self.positions: dict[Log[Any], Id] = {}
        self.version = 0
        self._known: set[Log[Any]] = set()
        self._ended = 0.0

    def await_begin(self) -> None:
        """Follow the scan, with points, as soon as it has begun: it is one's own.

        It has no logs before: of a hundred requested scans only a few are followed.
        """
        self.has_points = True

    def follow(self, *, points: bool) -> None:
        """Follow the logs of state, file and fit, and of `points`."""
        self.has_points = self.has_points or points
        wanted = (keys.states, keys.files, keys.fits, keys.points)
        for log in [log(self.scan_id) for log in wanted[: 4 if points else 3]]:
            if log not in self._known:
                self._known.add(log)
                self.positions[log] = START

    def expect_no_fit(self) -> None:
        """Stop following the fit log: the scan is not fitted."""
        self._follow_no_more(keys.fits(self.scan_id))

    def _follow_no_more(self, *logs: Log[Any]) -> None:
        """Stop following logs that do not grow any more."""
        for log in logs:
            self._known.add(log)
            self.positions.pop(log, None)

    @property
    def is_final(self) -> bool:
        """Its state will not change any more.

        The end of an item and the final state of its scan are one commit to two logs:
        either may be read first.
        """
        return super().is_final if self.states else self.item is not None

    @property
    def is_whole(self) -> bool:
        """It has ended, and all its points, if it has any, have arrived."""
        unnumbered = self.item is not None and self.item.scan_number is None
        return self.is_final and (self.seal is not None or unnumbered)

    @property
    def is_complete(self) -> bool:
        """It has ended, and nothing more is expected."""
        if not self.is_final:
            return False
        self._ended = self._ended or time.monotonic()
        return not self.positions or time.monotonic() - self._ended > LINGER

    def store(self, log: Log[Any], entries: list[Entry[Any]]) -> None:
        """Take in the new ones of `entries`, if the log is one of this scan's."""
        for entry in entries:
            if log in self.positions and entry.id > self.positions[log]:
                self.positions[log] = entry.id
                self.take(entry.message)

    def take(self, message: Any) -> None:
        """Take in one message."""
        self.version += 1
        self.fold(message)
        match message:
            case Point():
                self._add(message)
            case Baseline():
                self.baseline = {**self.baseline, **message.data}
                self.configuration = self.configuration | message.configuration
            case Item() | Taken():
                self._take_item(message)
            case StateChange() if message.state.is_final:
                self._follow_no_more(keys.states(self.scan_id))
            case Seal():
                self._follow_no_more(keys.points(self.scan_id))
            case FileDone():
                self._follow_no_more(keys.files(self.scan_id))
            case Fit(final=True):
                self._follow_no_more(keys.fits(self.scan_id))

    def _take_item(self, message: Item | Taken) -> None:
        if message.scan_number is not None:
            self.number = message.scan_number
        self.follow(points=self.has_points)
        if isinstance(message, Item):
            self.item = message
            if message.scan_number is None:  # it has no logs
                self._follow_no_more(*self.positions)
        elif not message.fit:
            self.expect_no_fit()

    @property
    def count(self) -> int:
        """Number of points, in the cache and before it in the file."""
        return self.first + len(self.points)

    def _add(self, point: Point) -> None:
        if not self.points or point.point_id > self.count:  # the log was trimmed
            self.points, self.again = [], {}
            self.first = point.point_id
            self.skipped += 1
        at = point.point_id - self.first
        if at < 0:
            self.again[point.point_id] = point
        elif at == len(self.points):
            self.points.append(point)
        else:  # the scan was rewound
            self.points[at] = point
