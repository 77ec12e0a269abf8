"""Which of a scan's signals are worth a column."""

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from bec_kernel.wire import Device

Hints = Mapping[str, Collection[str]]
"""Names of the signals people want to see, by device."""


def hints(devices: Iterable[Device]) -> dict[str, list[str]]:
    """Return the hinted signals of those devices that have some."""
    found = {
        device.name: [one.name for one in device.signals if one.kind == "hinted"]
        for device in devices
    }
    return {name: signals for name, signals in found.items() if signals}


class TableColumns:
    """Told each point's values, says in which order people want to see them."""

    def __init__(self) -> None:
        self._first: dict[str, Any] = {}
        self._varying: set[str] = set()

    def tell(self, values: Mapping[str, Any]) -> None:
        """Take in the values of one point, by signal."""
        for name, value in values.items():
            if value != self._first.setdefault(name, value):
                self._varying.add(name)

    def order(self, about: Collection[str]) -> list[str]:
        """Return all signals: what the scan is about, what varies, what stands still.

        Args:
            about: signals that come first even if they do not vary.
        """
        first = [name for name in about if name in self._first]
        others = [name for name in self._first if name not in first]
        varying = [name for name in others if name in self._varying]
        still = [name for name in others if name not in self._varying]
        return [*first, *varying, *still]
