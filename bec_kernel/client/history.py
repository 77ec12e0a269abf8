"""Scans of the past: by number, by id, and by what one remembers of them."""

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, overload

import msgspec

from bec_kernel.bus import Bus, Id
from bec_kernel.client._moments import Moment, moment
from bec_kernel.client._past import Past
from bec_kernel.client._reader import Reader
from bec_kernel.client._scan_list import ScanLine, ScanList
from bec_kernel.client.report import ScanReport
from bec_kernel.errors import RefusedError
from bec_kernel.wire import keys

_LAST = 2**63 - 1
_SHOWN = 10
_WHOLE = 32  # characters of a scan id
Make = Callable[[str, int | None], ScanReport]
"""Returns the report of a scan, by its id and number."""


class History:
    """All scans that have begun.

    `history[-1]` is the last one, `history[7]` scan 7, `history['3f2a…']` that with
    this id; `history[-5:]` the last five; `history.find(…)` those one looks for.
    """

    def __init__(self, bus: Bus, reader: Reader, make: Make) -> None:
        self._bus = bus
        self._reader = reader
        self._make = make
        self._past = Past(bus, reader)

    def __len__(self) -> int:
        """Return the newest scan's number: numbers count from 1."""
        last = self._reader.retry(lambda: self._bus.last(keys.scans()))
        return last.id.major if last else 0

    @overload
    def __getitem__(self, key: int | str) -> ScanReport: ...

    @overload
    def __getitem__(self, key: slice) -> ScanList: ...

    def __getitem__(self, key: Any) -> ScanReport | ScanList:
        """Return a scan by its number or id, or several by a range of numbers.

        A negative number counts from the newest; of an id the beginning is enough.

        Raises:
            IndexError: there is no scan of this number.
            KeyError: there is none with this id, or there are several.
            TypeError: it is neither a number nor an id.
        """
        if isinstance(key, slice):
            return self._several(key)
        if isinstance(key, str):
            return self._with_id(key)
        if isinstance(key, bool) or not hasattr(key, "__index__"):
            raise TypeError(
                f"history takes a scan's number or id, or a range of numbers, not "
                f"{key!r:.60} ({type(key).__name__}); to look for scans: "
                "history.find(name=…, user=…, device=…, since=…, text=…)"
            )
        return self._with_number(key.__index__())

    def _with_number(self, number: int) -> ScanReport:
        newest = len(self)
        wanted = newest + 1 + number if number < 0 else number
        report = self._numbered(wanted) if 1 <= wanted <= newest else None
        if report is None:
            there = f"there are 1 to {newest}" if newest else "there is none yet"
            raise IndexError(f"no scan {number}: {there}")
        return report

    def _several(self, key: slice) -> ScanList:
        """Return scans by their numbers: from `start` on, up to but without `stop`."""
        newest = len(self)
        low, high = (
            newest + 1 + edge if edge is not None and edge < 0 else edge
            for edge in (key.start, key.stop)
        )
        low = max(1, 1 if low is None else low)
        high = newest + 1 if high is None else min(high, newest + 1)
        return self._lines(range(low, high, key.step or 1))

    def _lines(self, numbers: range, title: str = "") -> ScanList:
        found = map(self._numbered, numbers)
        reports = [report for report in found if report is not None]
        return ScanList(map(ScanLine.of_report, reports), self._of_line, title)

    def _with_id(self, scan_id: str) -> ScanReport:
        if len(scan_id) >= _WHOLE:
            report = self._make(scan_id, None)
            if report.begin is not None:
                return report
        if not scan_id.strip():
            raise KeyError("an empty text is no scan's id")
        found = self._past.find(2, scan_id=scan_id)
        if len(found) != 1:
            how = "several scans have an id that begins" if found else "no scan has"
            raise KeyError(
                f"{how} {'with' if found else 'the id'} {scan_id!r:.60}; numbers are "
                "no texts, and history.find(text=…) looks for words"
            )
        return self._make(found[0].scan_id, found[0].number)

    def _of_line(self, line: ScanLine) -> ScanReport:
        return self._make(line.scan_id, line.number)

    def _numbered(self, number: int) -> ScanReport | None:
        """Return a scan by its number; one the bus has forgotten, of the database."""
        behind = Id(number - 1, _LAST)
        found = self._reader.retry(lambda: self._bus.read(keys.scans(), behind, 1))
        if found and found[0].id == Id(number, 0):
            return self._make(found[0].message.scan_id, number)
        past = self._past.find(1, below=number + 1) if found else []
        is_it = bool(past) and past[0].number == number
        return self._make(past[0].scan_id, number) if is_it else None

    def find(
        self,
        *,
        name: str = "",
        user: str = "",
        status: str = "",
        device: Any = "",
        sample: str = "",
        text: str = "",
        tag: str = "",
        metadata: Mapping[str, Any] | None = None,
        since: Moment | None = None,
        until: Moment | None = None,
        limit: int | None = None,
    ) -> ScanList:
        """Return the scans of which all this is so, as a table, the newest last.

        It asks the BEC database, which knows every scan there ever was. In `name`,
        `user` and `status` a `*` stands for anything, and case makes no difference.

        Args:
            name: of the scan: `line_scan`, `*grid*`.
            user: who asked for it.
            status: `closed`, `aborted`, `open` …
            device: takes part in it; a device or its name.
            sample: is in its metadata, as `sample` or `sample_name`.
            text: is somewhere: in name, request, user, metadata, comments or tags.
            tag: somebody gave it.
            metadata: values, by name.
            since: it began then or later: `2026-11-26 14:00`, `yesterday`, `2h` (ago),
                s since the epoch, or a datetime.
            until: it began before; the same.
            limit: so many at most, the newest ones.

        Raises:
            DeadlineError: the database does not answer.
            RefusedError: a time or a limit is none.
        """
        if limit is not None and limit < 1:
            raise RefusedError(
                f"limit={limit} finds nothing", subject="limit", allowed="1 and more"
            )
        now = datetime.now(UTC).astimezone()
        found = self._past.find(
            limit,
            name=name,
            user=user,
            state=str(status),
            device=str(getattr(device, "name", device)),
            sample=sample,
            text=text,
            tag=tag,
            metadata={k: _as_text(value) for k, value in (metadata or {}).items()},
            since=None if since is None else moment(since, now),
            until=None if until is None else moment(until, now),
        )
        return ScanList(map(ScanLine.of_past, found), self._of_line)

    def __iter__(self) -> Iterator[ScanReport]:
        for number in range(1, len(self) + 1):
            report = self._numbered(number)
            if report is not None:
                yield report

    def _newest(self) -> ScanList:
        newest = len(self)
        shown = range(max(1, newest - _SHOWN + 1), newest + 1)
        title = f"the last {len(shown)} of {newest} scans" if newest > _SHOWN else ""
        return self._lines(shown, title)

    def __repr__(self) -> str:
        return repr(self._newest()) if len(self) else "no scans yet"

    def _repr_html_(self) -> str:
        return self._newest().html() if len(self) else "<p>no scans yet</p>"


def _as_text(value: Any) -> str:
    """Return a value as the database compares it."""
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()
