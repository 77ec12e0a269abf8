"""What the BEC database knows of scans: asked of SciHub, page by page."""

import uuid
from collections.abc import Sequence
from typing import Any

import msgspec

from bec_kernel.bus import Bus
from bec_kernel.client import health
from bec_kernel.client._problems import error_of
from bec_kernel.client._reader import Reader, ask
from bec_kernel.errors import DeadlineError
from bec_kernel.wire import AnnotateScan, FindScans, FoundScans, PastScan, keys

DATABASE = 20.0
"""The database may take so long (s) to answer."""
_PAGE = 500


class Past:
    """Finds scans, and keeps what is said of them.

    Raises:
        DeadlineError: SciHub or its database does not answer.
        RefusedError: it refuses.
    """

    def __init__(self, bus: Bus, reader: Reader) -> None:
        self._bus = bus
        self._reader = reader

    def find(
        self, limit: int | None = None, below: int = 0, **wanted: Any
    ) -> list[PastScan]:
        """Return scans, the newest last.

        Args:
            limit: the newest ones, so many at most; None: all.
            below: only scans with lower numbers; 0: all.
            wanted: the other fields of `FindScans`.
        """
        found: list[PastScan] = []
        while limit is None or len(found) < limit:
            more = _PAGE if limit is None else min(_PAGE, limit - len(found))
            request = FindScans(
                request_id=uuid.uuid4().hex, below=below, limit=more, **wanted
            )
            page = msgspec.convert(self._ask(request), FoundScans)
            found += page.scans
            below = page.below
            if not below:
                break
        return found[::-1]

    def scan(self, scan_id: str) -> PastScan | None:
        """Return one scan by its whole id."""
        found = self.find(2, scan_id=scan_id)
        return next((one for one in found if one.scan_id == scan_id), None)

    def annotate(
        self,
        scan_id: str,
        comment: str = "",
        tags: Sequence[str] = (),
        untag: Sequence[str] = (),
    ) -> None:
        """Say something of a scan."""
        request = AnnotateScan(
            request_id=uuid.uuid4().hex,
            scan_id=scan_id,
            comment=comment,
            tags=list(tags),
            untag=list(untag),
        )
        self._ask(request)

    def _ask(self, request: FindScans | AnnotateScan) -> Any:
        if why := self._reader.retry(lambda: health.lacking(self._bus, "scihub")):
            raise DeadlineError(
                f"the BEC database cannot be asked: {why}", subject="scihub"
            )
        inbox = keys.scihub_asks(self._bus.user)
        reply = ask(self._reader, self._bus, inbox, request, DATABASE)
        if reply.problem is not None:
            raise error_of(reply.problem)
        return reply.value
