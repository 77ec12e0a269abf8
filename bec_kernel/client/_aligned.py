"""The streams of a scan's devices: as they came, and at its points."""

from collections.abc import Iterable
from typing import Any, NamedTuple

from bec_kernel.bus import START, Bus, Log
from bec_kernel.scan_devices import streams_of
from bec_kernel.wire import (
    Aligned,
    Begin,
    Reading,
    Samples,
    SignalInfo,
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
            for row in entry.rows if isinstance(entry, Aligned) else ():
                for name, reading in row.values.items():
                    found.readings.setdefault(name, {})[row.point_id] = reading
    return found


def unit_of(begin: Begin, signal: SignalInfo) -> str:
    """Return the unit of a stream's values, as it was when the scan began."""
    return begin.units.get(signal.name, signal.unit)


def samples(bus: Bus, scan_id: str, device: str, signal: str) -> list[Samples]:
    """Return what came on a stream so far."""
    log = keys.streams(scan_id, device, signal)
    return [one for one in entries(bus, log) if isinstance(one, Samples)]


def entries(bus: Bus, log: Log[Any]) -> Iterable[Any]:
    """Yield all entries of a log that can be read."""
    at = START
    while page := bus.read(log, at):
        at = page[-1].id
        yield from (entry.message for entry in page if entry.message is not None)
