"""Pure: index of waiting moves by the resource that each one waits for.

A move begins as soon as its devices are free, whatever waits before it. To find the
moves that can begin without a search through all of them, each move is filed under one
resource that blocks it: a device that another item holds, or the lock of its queue.
Only when that resource becomes free is the move examined again.
"""

from collections.abc import Callable

from bec_kernel.wire import Item
from bec_services.scan_server.queue.lane import Lane

_NEW = ""
"""Key of moves that have not been examined yet."""


class WaitingMoves:
    """Waiting moves by the resource that blocks each."""

    def __init__(self) -> None:
        self._lanes: dict[str, Lane] = {}
        self._at: dict[str, str] = {}
        self._ready: set[str] = set()

    def add(self, item: Item) -> None:
        """Add a move that has not begun."""
        self._put(item, _NEW)
        self._ready.add(_NEW)

    def discard(self, item: Item) -> None:
        """Remove a move that has begun or was removed from its queue."""
        name = self._at.pop(item.scan_id)
        lane = self._lanes[name]
        lane.discard(item)
        if not lane:
            del self._lanes[name]
            self._ready.discard(name)

    def free(self, name: str) -> None:
        """Note that the resource `name` (a device or a queue lock) is free again."""
        if name in self._lanes:
            self._ready.add(name)

    def startable(
        self, items: dict[str, Item], obstacle: Callable[[Item], str | None]
    ) -> Item | None:
        """Find the first move that can begin now.

        Args:
            items: by scan id.
            obstacle: names the resource that blocks a move; None: it can begin.
        """
        while self._ready:
            name = min(self._ready, key=lambda name: self._lanes[name].head)
            item = items[self._lanes[name].head[1]]
            found = obstacle(item)
            if found is None:
                return item
            if found == name:  # then it blocks all moves filed under it
                self._ready.discard(name)
            else:
                self.discard(item)
                self._put(item, found)
        return None

    def _put(self, item: Item, name: str) -> None:
        self._at[item.scan_id] = name
        self._lanes.setdefault(name, Lane()).add(item)

    def __contains__(self, scan_id: str) -> bool:
        return scan_id in self._at
