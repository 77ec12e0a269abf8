"""Pure: The newest readings of devices.

Whoever took them and in whatever order they come.

No IO, no clock, no thread: whoever uses it holds a lock.
"""

from bec_kernel.wire import Reading, Readings

_PLAIN = (bool, int, float, str)


class ReadingCache:
    """Of two readings of a signal the one that was begun later counts.

    A reader takes a number before it reads, and returns it with the readings. So a
    device may be slow to answer, and what it says late never replaces what is newer.
    """

    def __init__(self) -> None:
        self._count = 0
        self._known: dict[str, dict[str, tuple[int, Reading]]] = {}

    def begin(self) -> int:
        """Return a number above all before it."""
        self._count += 1
        return self._count

    def merge(self, name: str, begun: int, readings: Readings) -> bool:
        """Take note of what was read of a device; tell whether it is not as it was.

        Args:
            name: of the device.
            begun: the number that was taken before it was read.
            readings: all of them, or some.
        """
        known = self._known.setdefault(name, {})
        fresh = {
            signal: (begun, reading)
            for signal, reading in readings.items()
            if signal not in known or known[signal][0] <= begun
        }
        before = {signal: known[signal][1] for signal in fresh if signal in known}
        known.update(fresh)
        return any(
            signal not in before or not _same(before[signal], reading)
            for signal, (_, reading) in fresh.items()
        )

    def knows(self, name: str) -> bool:
        """Tell whether a device was ever read."""
        return name in self._known

    def of(self, name: str) -> Readings:
        """Return the newest readings of a device, by signal."""
        known = self._known.get(name, {})
        return {signal: reading for signal, (_, reading) in known.items()}

    def forget(self, name: str) -> None:
        """It has gone, or was made anew."""
        self._known.pop(name, None)


def _same(one: Reading, other: Reading) -> bool:
    """Tell whether two readings are the same; arrays are not looked through."""
    plain = isinstance(one.value, _PLAIN) and type(one.value) is type(other.value)
    return plain and one == other
