"""Pure: waiting items in order of rank, and new ranks for another order.

A change of order gives one item a rank between two others. Where no number lies between
them any more (after about 50 moves to the same place) a few neighbours are spread out.
"""

from bisect import bisect_left, insort
from collections.abc import Iterator
from itertools import pairwise

from bec_kernel.wire import Item, Place


class Lane:
    """Waiting items of one queue or resource, in order of rank."""

    def __init__(self) -> None:
        self._order: list[tuple[float, str]] = []

    def add(self, item: Item) -> None:
        """Put an item in its place."""
        insort(self._order, (item.rank, item.scan_id))

    def discard(self, item: Item) -> None:
        """Take an item out."""
        del self._order[self.index(item)]

    def index(self, item: Item) -> int:
        """Return how many stand before it.

        Raises:
            ValueError: it does not wait here.
        """
        mine = (item.rank, item.scan_id)
        at = bisect_left(self._order, mine)
        if self._order[at : at + 1] != [mine]:
            raise ValueError(f"{item.scan_id} does not wait here")
        return at

    @property
    def head(self) -> tuple[float, str]:
        """Rank and scan id of the first."""
        return self._order[0]

    def __iter__(self) -> Iterator[str]:
        return (scan_id for _, scan_id in self._order)

    def __len__(self) -> int:
        return len(self._order)

    def place(self, item: Item, place: Place, position: int) -> int:
        """Return the index `place` stands for; beyond the ends it is the end."""
        at = self.index(item)
        wanted = {
            Place.UP: at - 1,
            Place.DOWN: at + 1,
            Place.TOP: 0,
            Place.BOTTOM: len(self) - 1,
            Place.TO: position - 1,
        }[place]
        return max(0, min(wanted, len(self) - 1))

    def first_rank(self) -> float | None:
        """Give a rank before all others; None: the lane is empty."""
        return self._order[0][0] - 1.0 if self._order else None

    def ranks(self, item: Item, index: int) -> dict[str, float]:
        """Return the new ranks, by scan id, with which `item` stands at `index`."""
        own = self.index(item)
        if own == index:
            return {}
        return _spread(_Others(self._order, own), index, item.scan_id)


class _Others:
    """The order without one of its items; nothing is copied."""

    def __init__(self, order: list[tuple[float, str]], own: int) -> None:
        self._order = order
        self._own = own

    def __getitem__(self, index: int) -> tuple[float, str]:
        return self._order[index if index < self._own else index + 1]

    def __len__(self) -> int:
        return len(self._order) - 1


def _spread(others: _Others, index: int, scan_id: str) -> dict[str, float]:
    """Return ranks for one more at `index`; its neighbours' too, if they are close."""
    reach = 0
    while True:
        low, high = max(0, index - reach), min(len(others), index + reach)
        names = [others[i][1] for i in range(low, high)]
        names.insert(index - low, scan_id)
        before = others[low - 1][0] if low > 0 else None
        after = others[high][0] if high < len(others) else None
        ranks = _between(before, after, len(names))
        if ranks is not None:
            return dict(zip(names, ranks, strict=True))
        reach = reach * 2 or 1


def _between(
    before: float | None, after: float | None, count: int
) -> list[float] | None:
    """Give `count` rising numbers between two; None if floats leave no room."""
    if before is None:
        before = (0.0 if after is None else after) - count - 1
    if after is None:
        after = before + count + 1
    step = (after - before) / (count + 1)
    found = [before + step * (i + 1) for i in range(count)]
    ends = [before, *found, after]
    rising = all(a < b for a, b in pairwise(ends))
    return found if rising else None
