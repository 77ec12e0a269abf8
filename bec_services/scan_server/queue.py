"""Which item runs next. Decides, no IO: an index over the items on the bus.

A queue runs one scan at a time, in the order of rank. Queues run side by side when
their devices do not overlap; a move starts as soon as nobody holds its devices. Locks
are taken all or none, so nobody holds one device while waiting for another.
"""

from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator

from bec_kernel.wire import ITEM_TRANSITIONS, Item, ItemState, step_to

_MOVES = ""
"""The lane of the moves; no queue is called so."""


class Queues:
    """All items that have not ended.

    A change costs the same whatever number of items wait.

    Attributes:
        items: by scan id.
        paused: queues that begin nothing.
    """

    def __init__(self, items: Iterable[Item] = ()) -> None:
        self.items: dict[str, Item] = {}
        self.paused: set[str] = set()
        self._active: dict[str, Item] = {}
        self._lanes: dict[str, list[tuple[float, str]]] = {}
        self._rank = 0.0
        for item in sorted(items, key=lambda item: item.rank):
            self._place(item)

    def next_rank(self) -> float:
        """Return a rank behind all others."""
        self._rank += 1.0
        return self._rank

    def put(self, item: Item) -> None:
        """Take in an item, or its new state; one that has ended is forgotten.

        Raises:
            TransitionError: it cannot have this state now.
        """
        old = self.items.get(item.scan_id)
        if old is not None:
            if old.state is not item.state:
                step_to(ITEM_TRANSITIONS, old.state, item.state)
            self._take_away(old)
        if not item.state.is_final:
            self._place(item)

    def _place(self, item: Item) -> None:
        self.items[item.scan_id] = item
        self._rank = max(self._rank, item.rank)
        if item.state is ItemState.PENDING:
            insort(self._lanes.setdefault(_lane(item), []), (item.rank, item.scan_id))
        else:
            self._active[item.scan_id] = item

    def _take_away(self, item: Item) -> None:
        del self.items[item.scan_id]
        if self._active.pop(item.scan_id, None) is None:
            lane = self._lanes[_lane(item)]
            del lane[bisect_left(lane, (item.rank, item.scan_id))]
            if not lane:
                del self._lanes[_lane(item)]

    def active(self) -> Iterator[Item]:
        """Yield the items that have begun."""
        return iter(self._active.values())

    def running_in(self, queue: str) -> Item | None:
        """Return the scan that has begun in `queue`."""
        found = (i for i in self.active() if i.is_scan and i.request.queue == queue)
        return next(found, None)

    def holder_of(self, devices: Iterable[str]) -> tuple[str, Item] | None:
        """Return who holds one of `devices`, and which."""
        wanted = set(devices)
        for item in self.active():
            if shared := wanted.intersection(item.devices):
                return min(shared), item
        return None

    def startable(self) -> Item | None:
        """Return the first item that can begin now."""
        for _, scan_id in sorted(self._candidates()):
            item = self.items[scan_id]
            if self.holder_of(item.devices) is None:
                return item
        return None

    def _candidates(self) -> Iterator[tuple[float, str]]:
        """Yield the head of every queue that may begin one, and all moves."""
        for name, lane in self._lanes.items():
            if name == _MOVES:
                yield from lane
            elif name not in self.paused and self.running_in(name) is None:
                yield lane[0]


def _lane(item: Item) -> str:
    return item.request.queue if item.is_scan else _MOVES
