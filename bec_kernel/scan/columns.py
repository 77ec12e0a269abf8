"""Pure: choose and order the signals shown in a table of a scan."""

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from bec_kernel.wire import Device

Hints = Mapping[str, Collection[str]]
"""Names of the hinted signals, by device."""


def hints(devices: Iterable[Device]) -> dict[str, list[str]]:
    """Return the hinted signals by device; devices without any are left out."""
    found = {
        device.name: [one.name for one in device.signals if one.kind == "hinted"]
        for device in devices
    }
    return {name: signals for name, signals in found.items() if signals}


class TableColumns:
    """Orders columns: signals that vary before those that are constant."""

    def __init__(self) -> None:
        self._first: dict[str, Any] = {}
        self._varying: set[str] = set()

    def tell(self, values: Mapping[str, Any]) -> None:
        """Take in the values of one point, by signal."""
        for name, value in values.items():
            if value != self._first.setdefault(name, value):
                self._varying.add(name)

    def order(self, about: Collection[str]) -> list[str]:
        """List all signals: those in `about`, those that vary, the constant ones.

        Args:
            about: signals that come first even if they do not vary.
        """
        first = [name for name in about if name in self._first]
        others = [name for name in self._first if name not in first]
        varying = [name for name in others if name in self._varying]
        still = [name for name in others if name not in self._varying]
        return [*first, *varying, *still]
