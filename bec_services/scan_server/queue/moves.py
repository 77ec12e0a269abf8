"""Moves that wait: each where it will be looked at again, and nowhere else.

A move begins as soon as nobody holds its devices, whatever waits before it. To find
those that can begin without looking at all of them, each waits for one of the things
in its way: a device that somebody holds, or a queue that is locked.
"""

from collections.abc import Callable

from bec_kernel.wire import Item
from bec_services.scan_server.queue.lane import Lane

_NEW = ""
"""Where one is that nobody has looked at."""


class WaitingMoves:
    """Moves that wait, by what is in their way."""

    def __init__(self) -> None:
        self._lanes: dict[str, Lane] = {}
        self._at: dict[str, str] = {}
        self._ready: set[str] = set()

    def add(self, item: Item) -> None:
        """Take in a move that has not begun."""
        self._put(item, _NEW)
        self._ready.add(_NEW)

    def discard(self, item: Item) -> None:
        """It has begun, or was taken away."""
        name = self._at.pop(item.scan_id)
        lane = self._lanes[name]
        lane.discard(item)
        if not lane:
            del self._lanes[name]
            self._ready.discard(name)

    def free(self, name: str) -> None:
        """What is called so is in nobody's way any more."""
        if name in self._lanes:
            self._ready.add(name)

    def startable(
        self, items: dict[str, Item], obstacle: Callable[[Item], str | None]
    ) -> Item | None:
        """Return the first that can begin now.

        Args:
            items: by scan id.
            obstacle: returns what is in the way of a move; None: nothing.
        """
        while self._ready:
            name = min(self._ready, key=lambda name: self._lanes[name].head)
            item = items[self._lanes[name].head[1]]
            found = obstacle(item)
            if found is None:
                return item
            if found == name:  # so it is for all that wait for it
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
