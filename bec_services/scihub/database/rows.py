"""What the database knows of a scan: a function of the scan's logs."""

from dataclasses import dataclass, replace
from typing import Any

import msgspec

from bec_kernel.wire import Begin, FileDone, Seal, StateChange


@dataclass(frozen=True)
class ScanRow:
    """One scan in the history.

    Attributes:
        scan_id: unique for ever; the primary key.
        number: counted for people.
        name: of the scan.
        user: who asked.
        state: the newest known.
        reason: why it ended so.
        start_time: s since the epoch, device server's clock; None: not known.
        end_time: the same.
        points: how many; None while it runs.
        file: path of its file; None until that is complete.
        parameters: as JSON.
        metadata: as JSON.
        request: its args and kwargs, as JSON.
        devices: names of those that take part, as JSON.
    """

    scan_id: str
    number: int
    name: str
    user: str
    state: str = ""
    reason: str = ""
    start_time: float | None = None
    end_time: float | None = None
    points: int | None = None
    file: str | None = None
    parameters: str = "{}"
    metadata: str = "{}"
    request: str = "[[],{}]"
    devices: str = "[]"


def begun(row: ScanRow, begin: Begin) -> ScanRow:
    """Return the row of a scan whose first entry is known."""
    return replace(
        row,
        user=begin.user,
        parameters=_json(begin.parameters),
        metadata=_json(begin.request.metadata),
        request=_json([begin.request.args, begin.request.kwargs]),
        devices=_json(sorted(begin.servers)),
    )


def changed(row: ScanRow, change: StateChange) -> ScanRow:
    """Return the row after a change of state; nothing changes a complete scan."""
    if row.file is not None:
        return row
    row = replace(row, state=str(change.state), reason=change.reason)
    time = change.time or None
    if row.start_time is None and not change.state.is_final:
        return replace(row, start_time=time)
    return replace(row, end_time=time) if change.state.is_final else row


def filed(row: ScanRow, seal: Seal, done: FileDone) -> ScanRow:
    """Return the row of a scan that is complete."""
    return replace(
        row,
        state=str(seal.state),
        reason=seal.reason,
        end_time=seal.time or None,
        points=seal.points,
        file=done.path,
    )


class Outbox:
    """Rows that are not delivered yet, in the order their scans began.

    A row that changes again before it is delivered is delivered once, as it is then.
    """

    def __init__(self, first_wait: float, longest_wait: float) -> None:
        """Wait so long (s) after a failure, twice as long each time, up to a limit."""
        self._rows: dict[str, ScanRow] = {}
        self._first, self._longest = first_wait, longest_wait
        self._wait = 0.0
        self._due = 0.0

    def add(self, row: ScanRow) -> None:
        """Keep a row until it is delivered."""
        self._rows[row.scan_id] = row

    def due(self, now: float) -> list[ScanRow]:
        """Return the rows to be delivered at this time (s), oldest scan first."""
        if now < self._due:
            return []
        return sorted(self._rows.values(), key=lambda row: row.number)

    def delivered(self, rows: list[ScanRow]) -> None:
        """Forget rows; all is well again."""
        self._wait = self._due = 0.0
        for row in rows:
            if self._rows.get(row.scan_id) == row:
                del self._rows[row.scan_id]

    def failed(self, now: float) -> bool:
        """Keep all and wait; return whether it is the first failure in a row."""
        first = self._wait == 0.0
        self._wait = min(2 * self._wait or self._first, self._longest)
        self._due = now + self._wait
        return first

    def idle(self, now: float, longest: float) -> float:
        """Return how long there is nothing to do, at most `longest`, s."""
        return min(longest, max(0.0, self._due - now)) if self._rows else longest


def _json(value: Any) -> str:
    def other(value: Any) -> Any:
        return value.tolist() if hasattr(value, "tolist") else str(value)

    return msgspec.json.encode(value, enc_hook=other).decode()
