"""Scans of the past: by number, by id, and by what one remembers of them."""

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, overload

import msgspec

from bec_kernel.bus import Bus
from bec_kernel.client.connection import Reader
from bec_kernel.client.history.search import Past
from bec_kernel.client.history.table import ScanLine, ScanList
from bec_kernel.client.scan import ScanReport
from bec_kernel.errors import RefusedError
from bec_kernel.language import Moment, refuse_unknown, time_of
from bec_kernel.wire import ScanState

_SHOWN = 10
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
        return self._past.newest()

    @overload
    def __getitem__(self, key: int | str) -> ScanReport: ...

    @overload
    def __getitem__(self, key: slice) -> ScanList: ...

    def __getitem__(self, key: Any) -> ScanReport | ScanList:
        """Return a scan by its number or id, or several by a range of numbers.

        A negative number counts from the newest; of an id the beginning is enough.

        Raises:
            NoScanError: there is no such scan, or there are several; it is an
                IndexError and a KeyError, too.
            NotAScanError: it is neither a number nor an id; a TypeError, too.
        """
        if isinstance(key, slice):
            return self._several(key)
        return self._make(*self._past.which(key))

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

    def _of_line(self, line: ScanLine) -> ScanReport:
        return self._make(line.scan_id, line.number)

    def _numbered(self, number: int) -> ScanReport | None:
        scan_id = self._past.id_of(number)
        return None if scan_id is None else self._make(scan_id, number)

    def find(
        self,
        text: str = "",
        *,
        name: str = "",
        user: str = "",
        status: str = "",
        device: Any = "",
        sample: str = "",
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
            text: is somewhere: in name, request, user, metadata, comments or tags.
            name: of the scan: `line_scan`, `*grid*`.
            user: the user who asked for it.
            status: `closed`, `aborted`, `open` …
            device: takes part in it; a device or its name.
            sample: is in its metadata, as `sample` or `sample_name`.
            tag: somebody gave it.
            metadata: values, by name.
            since: it began then or later: `2026-11-26 14:00`, `yesterday`, `2h` (ago),
                s since the epoch, or a datetime.
            until: it began before; the same.
            limit: maximum number of scans, the newest ones.

        Raises:
            DeadlineError: the database does not answer.
            RefusedError: one of them is not what it must be.
        """
        _check_limit(limit)
        words = {
            "text": text,
            "name": name,
            "user": user,
            "status": status,
            "device": getattr(device, "name", device),
            "sample": sample,
            "tag": tag,
        }
        texts: dict[str, Any] = {n: _text(n, value) for n, value in words.items()}
        _check_status(texts["status"])
        now = datetime.now(UTC).astimezone()
        found = self._past.find(
            limit,
            state=texts.pop("status"),
            **texts,
            metadata=_metadata(metadata),
            since=None if since is None else time_of(since, now),
            until=None if until is None else time_of(until, now),
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


def _check_limit(limit: Any) -> None:
    is_number = isinstance(limit, int) and not isinstance(limit, bool)
    if limit is not None and not (is_number and limit >= 1):
        raise RefusedError(
            f"limit={limit!r:.40} finds nothing: it is a number of scans, from 1 on",
            subject="limit",
            value=f"{limit!r:.40}",
            allowed="1 and more",
        )


def _text(option: str, value: Any) -> str:
    if not isinstance(value, str):
        raise RefusedError(
            f"history.find({option}=…) takes a text, not {value!r:.60} "
            f"({type(value).__name__}); scan 7 is history[7]",
            subject=option,
            value=f"{value!r:.60}",
            allowed="a text",
        )
    return str(value)


def _check_status(word: str) -> None:
    """Refuse a state no scan is ever in, as that would find nothing and say nothing."""
    states = [str(state) for state in ScanState]
    if word and "*" not in word and word.lower() not in states:
        raise refuse_unknown("status of a scan", word, states)


def _metadata(wanted: Any) -> dict[str, str]:
    """Return metadata as the database compares them."""
    wanted = {} if wanted is None else wanted
    if not isinstance(wanted, Mapping) or not all(isinstance(k, str) for k in wanted):
        raise RefusedError(
            f"metadata={wanted!r:.60} is not a dict with names: {{'run': 7}}",
            subject="metadata",
            value=f"{wanted!r:.60}",
            allowed="a dict with names",
        )
    return {name: _as_text(value) for name, value in wanted.items()}


def _as_text(value: Any) -> str:
    """Return a value as the database compares it: as JSON has it, a text as it is."""

    def other(value: Any) -> Any:
        return value.tolist() if hasattr(value, "tolist") else str(value)

    if isinstance(value, str):
        return value
    return msgspec.json.encode(value, enc_hook=other).decode()
