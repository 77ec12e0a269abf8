"""Alarms as a table, the newest last."""

import time
from collections.abc import Iterator

from bec_kernel import tabulate
from bec_kernel.wire import Alarm


class Alarms(list[Alarm]):
    """Alarms in the order they were raised; a table in terminal and notebook."""

    _HEAD = ("time", "severity", "service", "user", "scan", "message")

    def _rows(self) -> Iterator[tuple[str, ...]]:
        for one in self:
            yield (
                time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(one.time)),
                one.severity,
                one.service,
                one.user,
                one.scan_id[:8],
                one.message,
            )

    def __repr__(self) -> str:
        return tabulate.text(self._HEAD, list(self._rows())) if self else "no alarms"

    def _repr_html_(self) -> str:
        rows = list(self._rows())
        return tabulate.html(self._HEAD, rows) if rows else "<p>no alarms</p>"

    def _repr_pretty_(self, printer: object, cycle: bool) -> None:
        printer.text(repr(self))  # type: ignore[attr-defined]
