"""What a client knows of one scan."""

import time
from typing import Any

from bec_kernel.bus import Entry
from bec_kernel.bus.changes import START, Id
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
"""Files and fits of a scan that has ended are waited for so long, s."""


class ScanCache:
    """Everything the bus told of a scan so far. Touched with the reader's lock held.

    Attributes:
        scan_id: of the scan.
        points: whole points, in order, from `first` on; one that was taken again is as
            it was taken last.
        first: point_id of the first of them; not 0 where the log was trimmed before
            it was read: those before are in the scan's file.
        again: those before that were taken again since they left the bus, by
            `point_id`: their file may not have them yet.
        skipped: how often points left the bus before they were read; those that were
            taken again among them are only in the file.
        baseline: readings, by device.
        configuration: the same of config signals.
        seal: nothing follows in the point log.
        states: its changes of state.
        file: once it is complete.
        fit: the newest one.
        item: as it ended.
        number: scan number, once it has begun.
        has_points: its points are followed, or all here.
        positions: how far each log was read on which something may still come.
        version: rises with everything that is told.
    """

    def __init__(self, scan_id: str) -> None:
        self.scan_id = scan_id
        self.points: list[Point] = []
        self.first = 0
        self.again: dict[int, Point] = {}
        self.skipped = 0
        self.baseline: dict[str, Any] = {}
        self.configuration: dict[str, Any] = {}
        self.seal: Seal | None = None
        self.states: list[StateChange] = []
        self.file: FileDone | None = None
        self.fit: Fit | None = None
        self.item: Item | None = None
        self.number: int | None = None
        self.has_points = False
        self.positions: dict[Log[Any], Id] = {}
        self.version = 0
        self._known: set[Log[Any]] = set()
        self._ended = 0.0

    def await_begin(self) -> None:
        """Say that it is wanted, points too, once it has begun: it is one's own.

        It has no logs before, and who asks for a hundred scans follows few at a time.
        """
        self.has_points = True

    def follow(self, *, points: bool) -> None:
        """Say that it is wanted; `points` too."""
        self.has_points = self.has_points or points
        wanted = (keys.states, keys.files, keys.fits, keys.points)
        for log in [log(self.scan_id) for log in wanted[: 4 if points else 3]]:
            if log not in self._known:
                self._known.add(log)
                self.positions[log] = START

    def expect_no_fit(self) -> None:
        """Nobody fits it: none is waited for."""
        self._follow_no_more(keys.fits(self.scan_id))

    def _follow_no_more(self, *logs: Log[Any]) -> None:
        """Nothing comes on these any more."""
        for log in logs:
            self._known.add(log)
            self.positions.pop(log, None)

    @property
    def has_final_fit(self) -> bool:
        """Its fit will not change any more."""
        return self.fit is not None and self.fit.final

    @property
    def is_final(self) -> bool:
        """Its state will not change any more.

        The end of an item and the final state of its scan are one commit, but two logs:
        which of them is read first is chance.
        """
        if self.states:
            return self.states[-1].state.is_final
        return self.item is not None

    @property
    def is_whole(self) -> bool:
        """It has ended, and so have its points, if it ever had any."""
        unnumbered = self.item is not None and self.item.scan_number is None
        return self.is_final and (self.seal is not None or unnumbered)

    @property
    def is_complete(self) -> bool:
        """Nothing more is waited for."""
        if not self.is_final:
            return False
        self._ended = self._ended or time.monotonic()
        return not self.positions or time.monotonic() - self._ended > LINGER

    def store(self, log: Log[Any], entries: list[Entry[Any]]) -> None:
        """Store what is new in `entries`, if they are of this scan's logs."""
        for entry in entries:
            if log in self.positions and entry.id > self.positions[log]:
                self.positions[log] = entry.id
                self.tell(entry.message)

    def tell(self, message: Any) -> None:
        """Take in one message."""
        self.version += 1
        match message:
            case Point():
                self._add(message)
            case Baseline():
                self.baseline = {**self.baseline, **message.data}
                self.configuration = self.configuration | message.configuration
            case StateChange():
                self.states.append(message)
            case Item() | Taken():
                self._tell_item(message)
            case _:
                self._tell_last(message)
        if self.states and self.states[-1].state.is_final:
            self._follow_no_more(keys.states(self.scan_id))

    def _tell_item(self, message: Item | Taken) -> None:
        if message.scan_number is not None:
            self.number = message.scan_number
        self.follow(points=self.has_points)
        if isinstance(message, Item):
            self.item = message
            if message.scan_number is None:  # it has no logs
                self._follow_no_more(*self.positions)
        elif not message.fit:
            self.expect_no_fit()

    def _tell_last(self, message: Seal | FileDone | Fit) -> None:
        """Take in what may be the last of its log."""
        match message:
            case Seal():
                self.seal = message
                self._follow_no_more(keys.points(self.scan_id))
            case FileDone():
                self.file = message
                self._follow_no_more(keys.files(self.scan_id))
            case Fit(final=final):
                self.fit = message
                if final:
                    self._follow_no_more(keys.fits(self.scan_id))

    @property
    def count(self) -> int:
        """How many points there are, here or in the file."""
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
