"""Pure: dead times of devices, learned from earlier scans."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from statistics import median

import msgspec

from bec_kernel.wire import Begin, Learned, Point

MOST = 100
"""Number of groups of devices that are remembered: those used last."""
ENOUGH = 3
"""A scan with fewer points teaches nothing."""
_WEIGHT = 0.3  # of the newest scan


def group(begin: Begin) -> list[str]:
    """Return the devices whose dead times a scan has: motors are read in no time."""
    return sorted({*begin.monitored, *begin.triggered} - {*begin.motors})


def field(devices: Sequence[str]) -> str:
    """Return a short name of a group of devices."""
    return hashlib.sha1("\n".join(devices).encode()).hexdigest()[:12]


def learn(
    old: Learned | None, begin: Begin, points: Iterable[Point], around: float | None
) -> Learned | None:
    """Learn dead times from a scan; None where it teaches nothing.

    The middle one of the points counts, so a pause or a repeated point does no harm.

    Args:
        old: what was known of these devices.
        begin: the scan's first entry.
        points: of it, as many as one likes.
        around: before its first point and behind its last one, s.
    """
    times = [p.times for p in points if p.times is not None and p.attempt == 1]
    if len(times) < ENOUGH:
        return None
    old = old or Learned(devices=group(begin))
    exposure, asked = _exposure(begin)
    trigger = median(t.trigger for t in times)
    read = median(t.read for t in times)
    overhead = median(t.overhead for t in times[1:])
    dead = max(0.0, trigger - asked)
    first = old.scans == 0
    known = (old.trigger if asked else old.free) or 0.0
    off = abs(dead + read + overhead - known - old.read - old.overhead)
    means = {"trigger": dead if asked and begin.triggered else None, "around": around}
    return msgspec.structs.replace(
        old,
        **{k: _mean(getattr(old, k), v) for k, v in means.items() if v is not None},
        free=exposure + dead if begin.triggered else None,
        read=read if first else _mean(old.read, read),
        overhead=overhead if first else _mean(old.overhead, overhead),
        spread=0.0 if first else _mean(old.spread, off),
        scans=old.scans + 1,
        last=begin.scan_number or old.last,
    )


def _exposure(begin: Begin) -> tuple[float, float]:
    """Find the detectors' settings, and the shortest possible trigger, s."""
    words = begin.parameters
    exposure = words.get("exp_time", 0.0)
    each = exposure + words.get("readout_time", 0.0)
    return exposure, each * words.get("frames_per_trigger", 1)


def _mean(old: float | None, new: float) -> float:
    return new if old is None else old + _WEIGHT * (new - old)


def recall(known: Mapping[str, Learned], begin: Begin) -> Learned | None:
    """Find the dead times known of a scan's devices.

    Of a group that no scan had yet: the worst of the groups within it.
    """
    devices = group(begin)
    if (exact := known.get(field(devices))) is not None:
        return exact
    within = [one for one in known.values() if {*one.devices} < {*devices}]
    if not within:
        return None
    return Learned(
        devices=devices,
        trigger=_most(one.trigger for one in within),
        free=_most(one.free for one in within),
        read=max(one.read for one in within),
        overhead=max(one.overhead for one in within),
        around=_most(one.around for one in within),
        spread=max(one.spread for one in within),
    )


def _most(values: Iterable[float | None]) -> float | None:
    return max((value for value in values if value is not None), default=None)


def forgotten(known: Mapping[str, Learned]) -> list[str]:
    """Return the groups that are one too many: those that were not used for longest."""
    by_age = sorted(known, key=lambda name: known[name].last)
    return by_age[: max(0, len(known) - MOST)]


def spread_of(learned: Learned, duration: float, points: int) -> float:
    """Return by how much a duration may be wrong, s."""
    if not learned.scans:
        return 0.25 * duration
    return max(0.02 * duration, 2 * learned.spread * points)
