"""Read several entries of a fast log at once: a wake-up costs more than an entry."""

import time
from collections.abc import Mapping
from typing import Any

from bec_kernel.bus.changes import Id
from bec_kernel.bus.protocol import Bus, Entry
from bec_kernel.wire import Log

PACE = 0.004
"""Longest time (s) for which an entry of a fast log waits for further ones."""
_FAST = 8
"""Number of entries at twice that pace from which on a log counts as fast.

So the first steps of a scan are never delayed.
"""
_BEHIND = 2**32


class Gathering:
    """Follow logs; entries of fast logs are collected for a moment.

    In a log with one writer an entry's id is its number, so the broker itself can wait
    for the fourth entry from here, without a wake-up for the three before.
    """

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self._fast = 0
        self._last = 0.0

    def follow(
        self,
        positions: Mapping[Log[Any], Id],
        timeout: float,
        limit: int = 1000,
        gather: Mapping[Log[Any], int] | None = None,
    ) -> list[tuple[Log[Any], list[Entry[Any]]]]:
        """Read the entries behind the positions; see `Bus.follow`.

        Args:
            positions: of all logs.
            timeout: s.
            limit: of entries of one log.
            gather: number of entries of a log to wait for while the log is fast.
                Its ids must be numbers without a gap.
        """
        if gather and self._fast >= _FAST:
            far = {log: _far(at, gather.get(log, 1)) for log, at in positions.items()}
            self._bus.follow(far, PACE, 1)
        found = self._bus.follow(positions, timeout, limit)
        if gather:
            self._note(sum(len(entries) for log, entries in found if log in gather))
        return found

    def _note(self, entries: int) -> None:
        now = time.monotonic()
        calm = now - self._last > entries * PACE / 2
        self._fast, self._last = 0 if calm else self._fast + entries, now


def _far(at: Id, count: int) -> Id:
    return Id(at.major + count - 1, _BEHIND) if count > 1 else at
