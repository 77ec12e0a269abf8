"""What a client knows of one scan."""

import time
from typing import Any

from bec_kernel.bus import START, Entry, Id, Log
from bec_kernel.wire import (
    Baseline,
    FileDone,
    Fit,
    Item,
    Point,
    Seal,
    StateChange,
    Taken,
    keys,
)

LINGER = 30.0
"""Files and fits of a scan that has ended are waited for so long, s."""


class Track:
    """Everything the bus told of a scan so far. Touched with the reader's lock held.

    Attributes:
        scan_id: of the scan.
        points: whole points, in order, from `first` on.
        first: point_id of the first of them; not 0 where the log was trimmed.
        baseline: readings, by device.
        seal: nothing follows in the point log.
        states: its changes of state.
        file: once it is complete.
        fit: the newest one.
        item: as it ended.
        number: scan number, once it has begun.
        positions: how far each log was read.
        version: rises with everything that is told.
    """

    def __init__(self, scan_id: str) -> None:
        self.scan_id = scan_id
        self.points: list[Point] = []
        self.first = 0
        self.baseline: dict[str, Any] = {}
        self.seal: Seal | None = None
        self.states: list[StateChange] = []
        self.file: FileDone | None = None
        self.fit: Fit | None = None
        self.item: Item | None = None
        self.number: int | None = None
        self.positions: dict[Log[Any], Id] = {}
        self.version = 0
        self._ended = 0.0

    def follow(self, *, points: bool) -> None:
        """Say that it is wanted; `points` too."""
        for log in (keys.states, keys.files, keys.fits):
            self.positions.setdefault(log(self.scan_id), START)
        if points:
            self.positions.setdefault(keys.points(self.scan_id), START)

    @property
    def has_points(self) -> bool:
        """Its points are followed."""
        return keys.points(self.scan_id) in self.positions

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
        return time.monotonic() - self._ended > LINGER

    def store(self, log: Log[Any], entries: list[Entry[Any]]) -> None:
        """Store what is new in `entries`, if they are of this scan's logs."""
        if log not in self.positions:
            return
        for entry in entries:
            if entry.id > self.positions[log]:
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
            case Seal():
                self.seal = message
            case StateChange():
                self.states.append(message)
            case FileDone():
                self.file = message
            case Fit():
                self.fit = message
            case Item(scan_number=number) | Taken(scan_number=number):
                self.number = number if number is not None else self.number
                self.item = message if isinstance(message, Item) else self.item

    def _add(self, point: Point) -> None:
        if not self.points:
            self.first = point.point_id
        if point.point_id == self.first + len(self.points):
            self.points.append(point)
