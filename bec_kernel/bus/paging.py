"""Read a log from a position to its present end."""

from collections.abc import Iterator
from typing import TypeVar

from bec_kernel.bus.changes import START, Id
from bec_kernel.bus.protocol import Bus, Entry
from bec_kernel.wire import Log

M = TypeVar("M")

PAGE = 1000
"""Entries that are fetched in one go."""


def pages(
    bus: Bus, log: Log[M], after: Id = START, limit: int = PAGE
) -> Iterator[list[Entry[M]]]:
    """Yield what is behind `after`, `limit` entries at a time; none where none is.

    An entry that could not be decoded has None for its message.
    """
    while page := bus.read(log, after, limit):
        yield page
        if len(page) < limit:
            return
        after = page[-1].id


def entries(bus: Bus, log: Log[M], after: Id = START) -> list[Entry[M]]:
    """Return every entry behind `after` that can be read."""
    found = (entry for page in pages(bus, log, after) for entry in page)
    return [entry for entry in found if entry.message is not None]
