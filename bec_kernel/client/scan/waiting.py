"""Wait for a scan's points and its end, as long as the servers are alive."""

import time
from collections.abc import Callable

from bec_kernel.client.connection import ScanCache
from bec_kernel.client.scan.record import ScanRecord
from bec_kernel.errors import DeadlineError
from bec_kernel.wire import ItemState, ScanState, keys

SEALING = 30.0
"""Longest time from a scan's end to its last points, s."""
SILENCE = 30.0
"""A server without a heartbeat for this long is not waited for any more, s."""


class ScanWait:
    """Waits for one scan. A cache is read with the reader's lock held.

    Args:
        record: state of the scan.
    """

    def __init__(self, record: ScanRecord) -> None:
        self._record = record

    def end(self, cache: ScanCache, timeout: float | None) -> None:
        """Wait until the scan has ended and all its points are in the cache.

        Args:
            cache: of the scan.
            timeout: s; None: as long as the servers are alive.

        Raises:
            DeadlineError: it has not ended in that time, or a server is silent.
        """
        self._long(lambda: cache.is_final, f"the end of {self._record.title}", timeout)
        self._whole(lambda: cache.is_whole, f"the last points of {self._record.title}")

    def _whole(self, ready: Callable[[], bool], what: str) -> None:
        """Wait for the bundler, which completes the points after the scan's end."""
        try:
            self._record.reader.wait_for(ready, what, SEALING)
        except DeadlineError as error:
            if why := self._record.lacking("scan_bundler"):
                raise DeadlineError(
                    f"{error}: {why}", subject=self._record.scan_id
                ) from None
            raise

    def _long(
        self, ready: Callable[[], bool], what: str, timeout: float | None
    ) -> None:
        """Wait up to `timeout` s; None: as long as the servers have a heartbeat."""
        if timeout is not None:
            self._record.reader.wait_for(ready, what, timeout)
            return
        while True:
            try:
                self._record.reader.wait_for(ready, what, SILENCE)
            except DeadlineError:
                self._record.reader.retry(lambda: self._check_alive(what))
            else:
                return

    def _check_alive(self, what: str) -> None:
        """Check the heartbeats of the scan server and the scan's device servers.

        Raises:
            DeadlineError: one of them is older than `SILENCE`.
        """
        begin = self._record.cached_begin
        servers = begin.device_servers if begin else ["main"]
        needed = [("scan_server", "main"), *(("device_server", s) for s in servers)]
        for role, name in needed:
            last = self._record.bus.get(keys.heartbeats[role](name))
            if last and time.time() - last.time > SILENCE:
                raise DeadlineError(
                    f"the {role.replace('_', ' ')} has been silent for {SILENCE:g} s "
                    f"while waiting for {what}; see: bec status",
                    subject=self._record.scan_id,
                )

    def point(self, cache: ScanCache, at: int, timeout: float | None) -> None:
        """Wait until point `at` is in the cache, or the scan has ended without it.

        Raises:
            DeadlineError: neither happens within `timeout` s, or a server is silent.
        """
        if at < cache.count:
            return
        what = f"point {at} of {self._record.title}"
        self._long(
            lambda: at < cache.count or cache.is_final,
            what,
            timeout,
        )
        self._whole(lambda: at < cache.count or cache.is_whole, what)


def ended_well(cache: ScanCache) -> bool:
    """Whether a scan that has ended has all its points, or a move its positions."""
    if cache.item is not None:
        return cache.item.state is ItemState.COMPLETED
    return cache.states[-1].state is ScanState.CLOSED
