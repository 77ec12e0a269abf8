"""Pure: How large a scan's file will be, roughly."""

import math
from collections.abc import Iterable, Mapping

from bec_kernel.wire import Begin, Device, SignalDescription

_SCALARS = {"number": 8, "integer": 8, "boolean": 1, "string": 64}
_NUMBER = 8
_ROWS, _CHUNK = 512, 1 << 20
"""Rows and bytes that are put on disk at once, at most."""
_FRAME = 20_000
"""Size of a file without devices, bytes."""
_COLUMN = 800
"""A dataset and its group, without what it holds."""
_PARTS = 6  # of the points' times


def file_size(begin: Begin, devices: Mapping[str, Device], points: int) -> int:
    """Return bytes of the master file: what is read at each point, and once.

    What devices write into files of their own, or send by themselves, is not in it.
    A move has no file.
    """
    if not begin.monitored and not begin.baseline:
        return 0
    read = [s for n in begin.monitored for s in _read(devices[n])]
    once = [s for n in begin.baseline for s in _read(devices[n])]
    sizes = [_size(signal) for signal in read]
    sizes += [_NUMBER] * (len(read) + _PARTS)  # timestamps
    sizes += [1] * len(begin.monitored)  # status
    columns = sum(_COLUMN + _chunks(size, points) for size in sizes)
    return _FRAME + columns + sum(2 * _COLUMN + _size(signal) for signal in once)


def _read(device: Device) -> Iterable[SignalDescription]:
    return (one for one in device.signals if one.kind != "omitted")


def _size(signal: SignalDescription) -> int:
    if signal.shape or signal.dtype == "array":
        return _NUMBER * math.prod(signal.shape)
    return _SCALARS.get(signal.dtype, _NUMBER)


def _chunks(size: int, rows: int) -> int:
    """Return bytes of a column: it is put on disk chunk by chunk."""
    a_chunk = max(1, min(_ROWS, _CHUNK // max(1, size)))
    return math.ceil(rows / a_chunk) * a_chunk * size
