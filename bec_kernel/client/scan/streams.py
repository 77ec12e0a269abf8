"""The streams of a scan's devices: as they came, and at its points."""

from typing import Any, NamedTuple

from bec_kernel.bus import Bus, entries
from bec_kernel.scan import streams_of
from bec_kernel.wire import (
    Aligned,
    Begin,
    Reading,
    Sample,
    Samples,
    SignalDescription,
    StreamMode,
    keys,
)

ByPoint = dict[str, dict[int, Reading]]
"""Readings of each signal, by point_id."""
ONE = "value"
"""Name of the value of a stream that has only one."""


def column(signal: str, name: str) -> str:
    """Return what a value of a stream is called outside it."""
    return signal if name == ONE else f"{signal}_{name}"


class AtPoints(NamedTuple):
    """What the bundler has aligned to points.

    Attributes:
        readings: by signal; None: no sample tells. A row that is not known yet is
            missing.
        units: of each signal that has one.
    """

    readings: ByPoint
    units: dict[str, str]


def aligned(bus: Bus, begin: Begin) -> AtPoints:
    """Return what has been aligned to points so far."""
    found = AtPoints({}, {})
    for device, signal in streams_of(bus, begin):
        if signal.align is None:
            continue
        for name in signal.stream:
            shown = column(signal.name, name)
            found.readings[shown] = {}
            if unit := unit_of(begin, signal):
                found.units[shown] = unit
        log = keys.aligned(begin.scan_id, device.name, signal.name)
        for entry in entries(bus, log):
            one = entry.message
            for row in one.rows if isinstance(one, Aligned) else ():
                for name, reading in row.values.items():
                    found.readings.setdefault(name, {})[row.point_id] = reading
    return found


def unit_of(begin: Begin, signal: SignalDescription) -> str:
    """Return the unit of a stream's values, as it was when the scan began."""
    return begin.units.get(signal.name, signal.unit)


def samples(
    bus: Bus, scan_id: str, device: str, signal: str, name: str
) -> list[Reading]:
    """Return what is kept of a stream so far, of one of its values.

    That is one reading a sample; but of samples that replace each other the newest, and
    of slices the rows they are put together to, as in the file.
    """
    log = keys.streams(scan_id, device, signal)
    messages = [entry.message for entry in entries(bus, log)]
    found = [one for one in messages if isinstance(one, Samples)]
    mode = found[-1].mode if found else StreamMode.ADD
    some = [sample for one in found for sample in one.samples]
    if mode is StreamMode.ADD_SLICE:
        return _put_together(some, name)
    if mode is StreamMode.REPLACE:
        some = some[-1:]
    return [Reading(one.values.get(name), one.timestamp) for one in some]


def _put_together(slices: list[Sample], name: str) -> list[Reading]:
    """Return rows of one length: what is missing is NaN, or 0 among whole numbers."""
    import numpy as np

    parts: dict[int, list[Any]] = {}
    times: dict[int, float] = {}
    for one in slices:
        parts.setdefault(one.row, []).append(np.atleast_1d(one.values[name]))
        times.setdefault(one.row, one.timestamp)
    rows = {number: np.concatenate(some) for number, some in parts.items()}
    kind = np.result_type(*rows.values()) if rows else np.dtype(float)
    width = max(map(len, rows.values()), default=0)
    hole = np.nan if kind.kind == "f" else 0
    whole = np.full((max(rows, default=-1) + 1, width), hole, kind)
    for number, row in rows.items():
        whole[number, : len(row)] = row
    return [Reading(row, times.get(n, np.nan)) for n, row in enumerate(whole)]
