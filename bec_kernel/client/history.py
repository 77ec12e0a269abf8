"""Scans of the past, by number."""

from collections.abc import Callable, Iterator

from bec_kernel.bus import Bus, Id
from bec_kernel.client._reader import Reader
from bec_kernel.client.report import ScanReport
from bec_kernel.wire import Taken, keys

_LAST = 2**63 - 1
_SHOWN = 10


class History:
    """All scans that have begun: `history[-1]` the last one, `history[7]` scan 7."""

    def __init__(
        self, bus: Bus, reader: Reader, make: Callable[[Taken], ScanReport]
    ) -> None:
        self._bus = bus
        self._reader = reader
        self._make = make

    def __len__(self) -> int:
        """Return the newest scan's number: numbers count from 1."""
        last = self._reader.retry(lambda: self._bus.last(keys.scans()))
        return last.id.major if last else 0

    def __getitem__(self, number: int) -> ScanReport:
        """Return a scan by its number; negative ones count from the newest.

        Raises:
            IndexError: there is no scan of this number.
        """
        newest = len(self)
        wanted = newest + 1 + number if number < 0 else number
        taken = self._taken(wanted) if 1 <= wanted <= newest else None
        if taken is None:
            there = f"there are 1 to {newest}" if newest else "there is none yet"
            raise IndexError(f"no scan {number}: {there}")
        return self._make(taken)

    def _taken(self, number: int) -> Taken | None:
        behind = Id(number - 1, _LAST)
        found = self._reader.retry(lambda: self._bus.read(keys.scans(), behind, 1))
        if found and found[0].id == Id(number, 0):
            return found[0].message
        return None

    def __iter__(self) -> Iterator[ScanReport]:
        for number in range(1, len(self) + 1):
            taken = self._taken(number)
            if taken is not None:
                yield self._make(taken)

    def __repr__(self) -> str:
        newest = len(self)
        if not newest:
            return "no scans yet"
        shown = range(max(1, newest - _SHOWN + 1), newest + 1)
        reports = [self._make(taken) for n in shown if (taken := self._taken(n))]
        lines = [repr(report) for report in reports]
        return "\n".join([f"{newest} scans", *lines] if newest > _SHOWN else lines)
