"""Pure: When a scan's log of points is cut, and where."""

from collections.abc import Iterable

from bec_kernel.bus.changes import Id

_SHARE = 10  # of what stays comes and goes at once: to look costs a round trip


class Trimming:
    """One log of points: the last `keep` stay, and what is not in the file.

    Args:
        keep: number of points that stay.
    """

    def __init__(self, keep: int) -> None:
        self._keep = keep
        self._step = max(1, keep // _SHARE)
        self._due = keep + self._step

    def is_due(self, points: int) -> bool:
        """Say whether to look how far the file is, at this number of points."""
        return points >= self._due

    def place(self, points: int, filed: Id, needed: Iterable[Id]) -> Id | None:
        """Return the first place that stays; None: nothing goes.

        Args:
            points: number of points so far.
            filed: place of the last entry that is in the file, on disk.
            needed: places from which a reader goes on after a restart.
        """
        self._due = points + self._step
        first = min(points - self._keep + 1, filed.major, *(at.major for at in needed))
        return Id(first) if first > 1 else None
