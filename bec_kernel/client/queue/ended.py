"""Ended items: the user who asked, the user who ended it, when and why."""

import time
from collections.abc import Sequence
from typing import Any

from bec_kernel import tabulate
from bec_kernel.language import summary
from bec_kernel.wire import Item


class Ended(Sequence[Item]):
    """Items in the order they ended: `[-1]` is the last one."""

    _HEAD = ("ended", "scan", "user", "request", "state", "by", "reason", "took")

    def __init__(self, items: list[Item]) -> None:
        self._items = items

    def __getitem__(self, index: Any) -> Any:
        return (
            Ended(self._items[index])
            if isinstance(index, slice)
            else (self._items[index])
        )

    def __len__(self) -> int:
        return len(self._items)

    def _rows(self) -> list[tuple[str, ...]]:
        return [_row(item) for item in self._items]

    def __repr__(self) -> str:
        return tabulate.text(self._HEAD, self._rows()) if self._items else "nothing yet"

    def _repr_html_(self) -> str:
        return tabulate.html(self._HEAD, self._rows())


def _way(item: Item) -> str:
    """Format a finished move: `samx 0 to 1`."""
    ways = [
        f"{motor} {item.before[motor]:.6g} to {at:.6g}"
        for motor, at in item.after.items()
        if motor in item.before
    ]
    reason = "" if item.reason in ("", "done") else item.reason
    return "; ".join([*ways, reason] if ways and reason else ways)


def _row(item: Item) -> tuple[str, ...]:
    took = item.time - item.begun
    return (
        time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(item.time)),
        "" if item.scan_number is None else str(item.scan_number),
        item.user,
        summary(item.request),
        str(item.state),
        item.by,
        _way(item) or item.reason,
        f"{took:.1f} s" if item.begun else "",
    )
