"""Pure: rows of the history that wait for delivery to a database."""

from bec_kernel.bus import backoff
from bec_services.scihub.database import ScanRow


class Outbox:
    """Rows to be delivered, in the order in which their scans began.

    A row that changes before its delivery is delivered once, in its newest form. After
    a failure all rows are kept and delivery pauses, each time for twice as long.

    Args:
        first_wait: pause after the first failure, s.
        longest_wait: longest pause, s.
    """

    def __init__(self, first_wait: float, longest_wait: float) -> None:
        self._rows: dict[str, ScanRow] = {}
        self._first, self._longest = first_wait, longest_wait
        self._failures = 0
        self._due = 0.0

    def add(self, row: ScanRow) -> None:
        """Keep a row until it is delivered."""
        self._rows[row.scan_id] = row

    def due(self, now: float) -> list[ScanRow]:
        """Give the rows to deliver at the time `now` (s), oldest scan first."""
        if now < self._due:
            return []
        return sorted(self._rows.values(), key=lambda row: row.number)

    def delivered(self, rows: list[ScanRow]) -> None:
        """Drop delivered rows and end a pause; keep those that changed meanwhile."""
        self._failures, self._due = 0, 0.0
        for row in rows:
            if self._rows.get(row.scan_id) == row:
                del self._rows[row.scan_id]

    def failed(self, now: float) -> bool:
        """Keep all rows and pause; return True for the first failure in a row."""
        self._failures += 1
        self._due = now + backoff(self._failures, self._first, self._longest)
        return self._failures == 1

    def idle(self, now: float, longest: float) -> float:
        """Give the time until the next delivery, s; at most `longest`."""
        return min(longest, max(0.0, self._due - now)) if self._rows else longest
