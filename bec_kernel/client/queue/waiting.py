"""The reason why an item waits, computed from the present state of the bus."""

import time
from collections.abc import Iterable, Mapping

from bec_kernel.bus import Bus
from bec_kernel.client.queue.begins import times
from bec_kernel.scan import device_obstacle, queue_obstacle
from bec_kernel.wire import Item, ItemState, QueueStatus, keys


class Waiting:
    """All items: what runs, then what waits, the next one first.

    Attributes:
        items: in this order.
    """

    def __init__(
        self, items: Iterable[Item], queues: Mapping[str, QueueStatus]
    ) -> None:
        self.items = sorted(items, key=lambda one: (_waits(one), one.rank))
        self._queues = queues
        self._held: dict[str, Item] = {}
        self._first: dict[str, str] = {}
        for item in self.items:
            if not _waits(item):
                self._held |= dict.fromkeys(item.devices, item)
            if item.is_scan:
                self._first.setdefault(item.request.queue, item.scan_id)

    def why(self, item: Item) -> str:
        """Return why an item is where it is, or what it waits for.

        Only the first scan of a queue waits for devices, and every move.
        """
        queue = item.request.queue
        if not _waits(item):
            return item.reason or (f"paused {item.paused}" if item.paused else "")
        if item.is_scan and self._first[queue] != item.scan_id:
            return ""
        held_up = "" if item.is_scan else queue_obstacle(item, self._queues.get(queue))
        if held_up:
            return held_up
        shared = [device for device in item.devices if device in self._held]
        if not shared:
            return ""
        return device_obstacle(min(shared), self._held[min(shared)])


def why_waits(bus: Bus, scan_id: str) -> str:
    """Return why one item is where it is; of a scan without looking at all others."""
    item = bus.get(keys.items(), scan_id)
    if item is None:
        return ""
    if not item.is_scan or not _waits(item):
        everything = bus.get_all(keys.items()) if _waits(item) else {scan_id: item}
        return Waiting(everything.values(), bus.get_all(keys.queues())).why(item)
    return queue_obstacle(item, bus.get(keys.queues(), item.request.queue))


def place_in_queue(bus: Bus, scan_id: str) -> str:
    """Return the place of a scan that waits: `3rd in queue primary, begins 14:02`.

    Looks at all items. Empty: it does not wait. The time of its begin is left out where
    it is not known, and on a virtual clock.
    """
    items = bus.get_all(keys.items())
    item = items.get(scan_id)
    if item is None or not item.is_scan or not _waits(item):
        return ""
    queue = item.request.queue
    before = [
        one
        for one in items.values()
        if one.is_scan and _waits(one) and one.request.queue == queue
        if one.rank < item.rank
    ]
    said = f"{_ordinal(len(before) + 1)} in queue {queue}"
    if held := why_waits(bus, scan_id):
        return f"{said}; {held}"
    users = bus.get(keys.users())
    span = times(bus, items.values())[scan_id]
    if span.until:
        return f"{said}, begins when {span.until}"
    if span.begin is None or (users and users.virtual):
        return said
    at = time.strftime("%H:%M", time.localtime(time.time() + span.begin))
    return f"{said}, begins {at}"


def _ordinal(number: int) -> str:
    last = 0 if number % 100 in (11, 12, 13) else number % 10
    ending = {1: "st", 2: "nd", 3: "rd"}.get(last, "th")
    return f"{number}{ending}"


def _waits(item: Item) -> bool:
    return item.state is ItemState.PENDING
