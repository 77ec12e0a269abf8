"""Some scans of the past as a table, one row a scan."""

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bec_kernel import tabulate
from bec_kernel.client.scan import ScanReport
from bec_kernel.language import summary
from bec_kernel.wire import PastScan, ScanRequest

if TYPE_CHECKING:
    import pandas

_LONG = 60
_SAMPLE = ("sample", "sample_name")


@dataclass(frozen=True)
class ScanLine:
    """One scan as a row of the table.

    Attributes:
        scan_id: unique for ever.
        number: counted for people.
        time: when it was opened, s since the epoch; None: not known.
        user: the user who asked for it.
        request: as one types it.
        state: of the scan, with the reason where that says more.
        points: how many; None: not known.
        sample: as the metadata name it.
        tags: people gave it.
    """

    scan_id: str
    number: int | None
    time: float | None
    user: str
    request: str
    state: str
    points: int | None
    sample: str
    tags: str = ""

    @classmethod
    def of_report(cls, report: ScanReport) -> "ScanLine":
        """Make the row from the messages on the bus."""
        return cls(
            scan_id=report.scan_id,
            number=report.scan_number,
            time=report.start_time,
            user=report.user,
            request=summary(report.request),
            state=_state(str(report.status), report.reason),
            points=report.count,
            sample=_sample(report.metadata),
        )

    @classmethod
    def of_past(cls, scan: PastScan) -> "ScanLine":
        """Make the row from an entry of the database."""
        request = ScanRequest(
            request_id=scan.scan_id, name=scan.name, args=scan.args, kwargs=scan.kwargs
        )
        return cls(
            scan_id=scan.scan_id,
            number=scan.number,
            time=scan.start_time,
            user=scan.user,
            request=summary(request),
            state=_state(scan.state, scan.reason),
            points=scan.points,
            sample=_sample(scan.metadata),
            tags=" ".join(scan.tags),
        )

    def cells(self) -> tuple[str, ...]:
        """Return the row of a table."""
        when = time.localtime(self.time) if self.time is not None else None
        return (
            "" if self.number is None else str(self.number),
            time.strftime("%Y-%m-%d %H:%M:%S", when) if when else "",
            self.user,
            _short(self.request),
            self.state,
            "" if self.points is None else str(self.points),
            _short(self.sample),
            self.tags,
        )


class ScanList(Sequence[ScanReport]):
    """Scans in the order they began: `[-1]` is the newest one."""

    _HEAD = ("scan", "begun", "user", "request", "state", "points", "sample", "tags")

    def __init__(
        self,
        lines: Iterable[ScanLine],
        make: Callable[[ScanLine], ScanReport],
        title: str = "",
    ) -> None:
        self._lines = list(lines)
        self._make = make
        self._title = title

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return ScanList(self._lines[index], self._make)
        return self._make(self._lines[index])

    def __len__(self) -> int:
        return len(self._lines)

    @property
    def numbers(self) -> list[int | None]:
        """Their scan numbers."""
        return [line.number for line in self._lines]

    def to_pandas(self) -> "pandas.DataFrame":
        """Return one row a scan."""
        import pandas as pd

        names = ScanLine.__dataclass_fields__
        columns = {n: [getattr(line, n) for line in self._lines] for n in names}
        return pd.DataFrame(columns).set_index("number")

    def __repr__(self) -> str:
        if not self._lines:
            return "no scans"
        head, rows = self._shown()
        table = tabulate.text(head, rows)
        return f"{self._title}\n{table}" if self._title else table

    def _repr_html_(self) -> str:
        return self.html()

    def html(self) -> str:
        """Return the table for a notebook."""
        title = f"<p>{tabulate.escaped(self._title)}</p>" if self._title else ""
        return title + tabulate.html(*self._shown())

    def _shown(self) -> tuple[list[str], list[list[str]]]:
        """Leave out what none of them has."""
        rows = [line.cells() for line in self._lines]
        kept = [n for n in range(len(self._HEAD)) if n < 6 or any(r[n] for r in rows)]
        return [self._HEAD[n] for n in kept], [[row[n] for n in kept] for row in rows]


def _state(state: str, reason: str) -> str:
    return state if reason in ("", "done") else f"{state} ({_short(reason)})"


def _sample(metadata: dict[str, Any]) -> str:
    found = (str(metadata[name]) for name in _SAMPLE if metadata.get(name))
    return next(found, "")


def _short(words: str) -> str:
    line = " ".join(words.split())
    return line if len(line) <= _LONG else f"{line[: _LONG - 1]}…"
