"""Pure: Which of a device's readings is its own."""

from collections.abc import Mapping

from bec_kernel.wire import Reading


def own_reading(readings: Mapping[str, Reading], device: str) -> Reading | None:
    """Return a device's own reading: what is called as it is, or its first; or None."""
    found = readings.get(device)
    return next(iter(readings.values()), None) if found is None else found
