"""Which scans there were: by the bus, and by what the BEC database knows of them."""

import uuid
from collections.abc import Sequence
from typing import Any

import msgspec

from bec_kernel.bus import Bus
from bec_kernel.bus.changes import START, Id
from bec_kernel.client.connection import Reader, ask, error_of, lacking
from bec_kernel.errors import DeadlineError, RefusedError
from bec_kernel.wire import (
    AnnotateScan,
    Begin,
    FindScans,
    FoundScans,
    PastScan,
    keys,
)

DATABASE = 20.0
"""Longest time the database may take to answer, s."""
_PAGE = 500
_LAST = 2**63 - 1
_WHOLE = 32  # characters of a scan id


class NoScanError(RefusedError, IndexError, KeyError):
    """There is no scan of this number or id, or there are several."""

    __str__ = Exception.__str__  # a KeyError shows its text in quotes


class NotAScanError(RefusedError, TypeError):
    """A scan is named by neither a number nor an id."""


class Past:
    """Finds scans, and keeps what is said of them.

    Raises:
        DeadlineError: SciHub or its database does not answer.
        RefusedError: it refuses.
    """

    def __init__(self, bus: Bus, reader: Reader) -> None:
        self._bus = bus
        self._reader = reader

    def newest(self) -> int:
        """Return the newest scan's number; 0 where there is none."""
        last = self._reader.retry(lambda: self._bus.last(keys.scans()))
        return last.id.major if last else 0

    def id_of(self, number: int) -> str | None:
        """Return a scan's id; that of one the bus has forgotten, of the database."""
        behind = Id(number - 1, _LAST)
        found = self._reader.retry(lambda: self._bus.read(keys.scans(), behind, 1))
        if found and found[0].id == Id(number, 0):
            return found[0].message.scan_id
        past = self.find(1, below=number + 1) if found else []
        return past[0].scan_id if past and past[0].number == number else None

    def which(self, named: Any) -> tuple[str, int | None]:
        """Return id and number (if that is known) of the scan somebody names.

        Args:
            named: a number, a negative one counting from the newest, or an id, or how
                it begins.

        Raises:
            NoScanError: there is no such scan, or there are several.
            NotAScanError: it names none.
        """
        if isinstance(named, str):
            return self._with_id(named)
        if isinstance(named, bool) or not hasattr(named, "__index__"):
            raise NotAScanError(
                f"a scan is named by its number or id, not {named!r:.60} "
                f"({type(named).__name__}); to look for scans: "
                "history.find(name=…, user=…, device=…, since=…, text=…)",
                value=f"{named!r:.60}",
            )
        number, newest = named.__index__(), self.newest()
        wanted = newest + 1 + number if number < 0 else number
        scan_id = self.id_of(wanted) if 1 <= wanted <= newest else None
        if scan_id is None:
            there = f"there are 1 to {newest}" if newest else "there is none yet"
            raise NoScanError(
                f"no scan {number}: {there}", subject="scan", value=str(number)
            )
        return scan_id, wanted

    def _with_id(self, scan_id: str) -> tuple[str, int | None]:
        if len(scan_id) >= _WHOLE:
            log = keys.steps(scan_id)
            first = self._reader.retry(lambda: self._bus.read(log, START, 1))
            if first and isinstance(first[0].message, Begin):
                return scan_id, None
        if not scan_id.strip():
            raise NoScanError("an empty text is not the id of a scan", subject="scan")
        found = self.find(2, scan_id=scan_id)
        if len(found) != 1:
            how = "several scans have an id that begins" if found else "no scan has"
            raise NoScanError(
                f"{how} {'with' if found else 'the id'} {scan_id!r:.60}; numbers are "
                "no texts, and history.find(text=…) looks for words",
                subject="scan",
                value=f"{scan_id:.60}",
            )
        return found[0].scan_id, found[0].number

    def find(
        self, limit: int | None = None, below: int = 0, **wanted: Any
    ) -> list[PastScan]:
        """Return scans, the newest last.

        Args:
            limit: maximum number of scans, the newest ones; None: all.
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
        if why := self._reader.retry(lambda: lacking(self._bus, "scihub")):
            raise DeadlineError(
                f"the BEC database cannot be asked: {why}", subject="scihub"
            )
        inbox = keys.scihub_asks(self._bus.user)
        reply = ask(self._reader, self._bus, inbox, request, DATABASE)
        if reply.problem is not None:
            raise error_of(reply.problem)
        return reply.value
