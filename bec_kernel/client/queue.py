"""The queues of the scan server."""

from collections.abc import Callable

from bec_kernel.bus import Bus
from bec_kernel.client import _table
from bec_kernel.client._begins import begins
from bec_kernel.client._reader import Reader
from bec_kernel.client.language import summary
from bec_kernel.wire import Item, ItemState, QueueState, QueueStatus, Verb, keys

Wish = Callable[[Verb, str, str], None]
"""Sends a verb for an item (its scan id), or for what runs in a queue (its name)."""


class Queue:
    """One queue: what runs, what waits. `queue["other"]` is another one.

    Attributes:
        name: of the queue.
    """

    _HEAD = ("scan", "user", "request", "state", "begins", "ends", "reason")

    def __init__(self, bus: Bus, reader: Reader, wish: Wish, name: str) -> None:
        self.name = name
        self._bus = bus
        self._reader = reader
        self._wish = wish

    def __getitem__(self, name: str) -> "Queue":
        return Queue(self._bus, self._reader, self._wish, name)

    @property
    def items(self) -> list[Item]:
        """Items that have not ended, the next one first."""
        found = self._reader.retry(lambda: self._bus.get_all(keys.items()))
        mine = (item for item in found.values() if item.request.queue == self.name)
        return sorted(mine, key=lambda item: item.rank)

    @property
    def status(self) -> QueueState:
        """State of the queue."""
        queue: QueueStatus | None = self._reader.retry(
            lambda: self._bus.get(keys.queues(), self.name)
        )
        return queue.state if queue else QueueState.RUNNING

    def pause(self, *, now: bool = False) -> None:
        """Pause what runs, behind its point; `now`: stop motion, repeat the point."""
        self._wish(Verb.PAUSE_NOW if now else Verb.PAUSE, "", self.name)

    def resume(self) -> None:
        """Go on after a pause."""
        self._wish(Verb.RESUME, "", self.name)

    def abort(self) -> None:
        """Abort what runs; what waits goes on."""
        self._wish(Verb.ABORT, "", self.name)

    def halt(self) -> None:
        """Stop what runs at once, without cleaning up."""
        self._wish(Verb.HALT, "", self.name)

    def clear(self) -> None:
        """Take away what waits; what runs goes on."""
        for item in self.items:
            if item.state is ItemState.PENDING:
                self._wish(Verb.ABORT, item.scan_id, self.name)

    def __len__(self) -> int:
        return len(self.items)

    def _rows(self) -> list[tuple[str, ...]]:
        everything = self._reader.retry(lambda: self._bus.get_all(keys.items()))
        when = self._reader.retry(lambda: begins(self._bus, everything.values()))
        return [
            (
                "" if item.scan_number is None else str(item.scan_number),
                item.user,
                summary(item.request),
                item.state,
                *when.get(item.scan_id, ("", "")),
                item.reason,
            )
            for item in self.items
        ]

    def __repr__(self) -> str:
        rows = self._rows()
        first = f"queue {self.name}: {self.status}"
        if not rows:
            return f"{first}, empty"
        return f"{first}\n{_table.text(self._HEAD, rows)}"

    def _repr_html_(self) -> str:
        rows = self._rows()
        table = _table.html(self._HEAD, rows) if rows else "<p>empty</p>"
        return f"<p>queue {self.name}: {self.status}</p>{table}"
