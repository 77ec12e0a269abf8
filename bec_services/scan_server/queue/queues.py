"""Pure: decide which item begins next; an index over the items on the bus.

A queue runs one scan at a time, in the order of rank. Queues run side by side when
their devices do not overlap. A move begins as soon as its devices are free. An item
takes all its devices at once or none, so no item holds one device while it waits for
another. A queue exists while it has items, or is paused, locked or suspended; the
queue `primary` always exists.
"""

from collections.abc import Iterable, Iterator, Mapping

import msgspec

from bec_kernel.bus.changes import Append, Change, Drop, Put
from bec_kernel.scan import device_obstacle, item_label, queue_obstacle
from bec_kernel.wire import (
    ITEM_TRANSITIONS,
    Hold,
    Item,
    ItemState,
    Place,
    QueueState,
    QueueStatus,
    keys,
    step_to,
)
from bec_services.scan_server.queue.lane import Lane
from bec_services.scan_server.queue.moves import WaitingMoves

PRIMARY = "primary"
_DONE_KEEP = 10_000


class Queues:
    """All items that have not ended, and what holds their queues up.

    The cost of a change does not depend on the number of waiting items. Each method
    that changes something here returns the same changes for the bus.

    Attributes:
        items: by scan id.
    """

    def __init__(
        self,
        items: Iterable[Item] = (),
        statuses: Mapping[str, QueueStatus] | None = None,
    ) -> None:
        self.items: dict[str, Item] = {}
        self._statuses = dict(statuses or {})
        self._counts: dict[str, int] = {}
        self._active: dict[str, Item] = {}
        self._running: dict[str, Item] = {}
        self._held: dict[str, Item] = {}
        self._lanes: dict[str, Lane] = {}
        self._moves = WaitingMoves()
        self._rank = 0.0
        for item in sorted(items, key=lambda item: item.rank):
            self._place(item)

    def repair(self) -> list[Change]:
        """Give the changes that make the queues on the bus equal to those here."""
        names = {PRIMARY, *self._counts, *self._statuses}
        return [change for name in sorted(names) for change in self._exists(name)]

    # --- items ------------------------------------------------------------------------

    def next_rank(self) -> float:
        """Return a rank behind all others."""
        self._rank += 1.0
        return self._rank

    def first_rank(self, queue: str) -> float:
        """Return a rank before all that wait in a queue."""
        rank = self._lanes[queue].first_rank() if queue in self._lanes else None
        return self.next_rank() if rank is None else rank

    def put(self, item: Item) -> list[Change]:
        """Add an item, or its new state; an item that has ended is removed.

        Raises:
            TransitionError: it cannot have this state now.
        """
        old = self.items.get(item.scan_id)
        if old is not None:
            if old.state is not item.state:
                step_to(ITEM_TRANSITIONS, old.state, item.state)
            self._take_away(old)
        queue = item.request.queue
        if not item.state.is_final:
            self._place(item)
            made = [] if queue in self._statuses else self._exists(queue)
            return [*made, Put(keys.items(), item, item.scan_id)]
        return [
            Drop(keys.items(), item.scan_id),
            Append(keys.items_done(), item, keep=_DONE_KEEP),
            *([] if queue in {PRIMARY, *self._counts} else self._exists(queue)),
        ]

    def move(self, item: Item, place: Place, position: int) -> list[Change]:
        """Give a scan that waits another place in its queue.

        Raises:
            ValueError: it does not wait in a queue.
        """
        lane = self._lanes.get(item.request.queue, Lane())
        ranks = lane.ranks(item, lane.place(item, place, position))
        moved = [
            msgspec.structs.replace(self.items[scan_id], rank=rank)
            for scan_id, rank in ranks.items()
        ]
        return [change for one in moved for change in self.put(one)]

    def _place(self, item: Item) -> None:
        queue = item.request.queue
        self.items[item.scan_id] = item
        self._counts[queue] = self._counts.get(queue, 0) + 1
        self._rank = max(self._rank, item.rank)
        if item.state is not ItemState.PENDING:
            self._active[item.scan_id] = item
            self._held |= dict.fromkeys(item.devices, item)
            if item.is_scan:
                self._running[queue] = item
        elif item.is_scan:
            self._lanes.setdefault(queue, Lane()).add(item)
        else:
            self._moves.add(item)

    def _take_away(self, item: Item) -> None:
        queue = item.request.queue
        del self.items[item.scan_id]
        self._counts[queue] -= 1
        if not self._counts[queue]:
            del self._counts[queue]
        if self._active.pop(item.scan_id, None) is not None:
            self._let_go(item)
        elif not item.is_scan:
            self._moves.discard(item)
        else:
            self._lanes[queue].discard(item)
            if not self._lanes[queue]:
                del self._lanes[queue]

    def _let_go(self, item: Item) -> None:
        if item.is_scan:
            del self._running[item.request.queue]
        for device in item.devices:
            del self._held[device]
            self._moves.free(device)

    def active(self) -> Iterator[Item]:
        """Yield the items that have begun."""
        return iter(self._active.values())

    def running_in(self, queue: str) -> Item | None:
        """Return the scan that has begun in `queue`."""
        return self._running.get(queue)

    def waiting_in(self, queue: str) -> list[Item]:
        """List the items that have not begun in `queue`, the next one first."""
        scans = [self.items[scan_id] for scan_id in self._lanes.get(queue, ())]
        moves = [
            item
            for item in self.items.values()
            if item.scan_id in self._moves and item.request.queue == queue
        ]
        return sorted([*scans, *moves], key=lambda item: item.rank)

    def holder_of(self, devices: Iterable[str]) -> tuple[str, Item] | None:
        """Find one of `devices` that is held, and the item that holds it."""
        shared = [device for device in devices if device in self._held]
        return (min(shared), self._held[min(shared)]) if shared else None

    # --- queues -----------------------------------------------------------------------

    @property
    def names(self) -> list[str]:
        """The queues there are."""
        return sorted({PRIMARY, *self._statuses, *self._counts})

    def status(self, queue: str) -> QueueStatus:
        """Give the status of a queue: running, paused, suspended or locked."""
        return self._statuses.get(queue) or QueueStatus(name=queue)

    def hold(self, queue: str, **holds: Hold | None) -> list[Change]:
        """Set what holds a queue up: `paused`, `locked`, `suspended`."""
        status = msgspec.structs.replace(self.status(queue), **holds)
        found = [one for one in _holds(status) if one is not None]
        state = QueueState.PAUSED if found else QueueState.RUNNING
        self._statuses[queue] = msgspec.structs.replace(
            status,
            state=QueueState.LOCKED if status.locked else state,
            reason="; ".join(map(str, found)),
        )
        self._moves.free(_lock(queue))
        return self._exists(queue)

    def _exists(self, queue: str) -> list[Change]:
        """Make or remove a queue by need."""
        status = self.status(queue)
        if queue == PRIMARY or queue in self._counts or any(_holds(status)):
            self._statuses[queue] = status
            return [Put(keys.queues(), status, queue)]
        del self._statuses[queue]
        return [Drop(keys.queues(), queue)]

    # --- what begins ------------------------------------------------------------------

    def startable(self) -> Item | None:
        """Find the first item that can begin now."""
        move = self._moves.startable(self.items, self._obstacle)
        heads = (self.items[lane.head[1]] for lane in self._lanes.values())
        found = [head for head in heads if not self.why_waits(head)]
        found += [move] if move else []
        return min(found, key=lambda item: (item.rank, item.scan_id), default=None)

    def _obstacle(self, move: Item) -> str | None:
        """Name the resource that blocks a move: a device or a queue lock."""
        queue = move.request.queue
        if queue_obstacle(move, self.status(queue)):
            return _lock(queue)
        holder = self.holder_of(move.devices)
        return holder[0] if holder else None

    def why_waits(self, item: Item) -> str:
        """Explain why an item cannot begin at once; empty: it can."""
        queue = item.request.queue
        if held_up := queue_obstacle(item, self.status(queue)):
            return held_up
        if item.is_scan:
            if (running := self.running_in(queue)) is not None:
                return f"{item_label(running)} of {running.user} runs in queue {queue}"
            if queue in self._lanes and self._lanes[queue].head[1] != item.scan_id:
                return f"{len(self._lanes[queue])} wait before it in queue {queue}"
        holder = self.holder_of(item.devices)
        return device_obstacle(*holder) if holder else ""


def _holds(status: QueueStatus) -> tuple[Hold | None, ...]:
    return status.locked, status.paused, status.suspended


def _lock(queue: str) -> str:
    """Name the lock of a queue as a resource; device names contain no blank."""
    return f"queue {queue}"
