"""When the items of a queue will begin and end, as far as one knows. Pure."""

from collections.abc import Iterable, Mapping

from bec_kernel.wire import Item, ItemState

Span = tuple[float | None, float | None]
"""Begin and end, s from now; None: nobody knows. What has begun began at 0."""


def left_of(item: Item, points: int) -> float | None:
    """Return how long an item still takes, s, once it has so many points."""
    if item.estimate is None or not item.points:
        return item.estimate
    return item.estimate * max(0.0, 1.0 - points / item.points)


def spans(items: Iterable[Item], points: Mapping[str, int]) -> dict[str, Span]:
    """Return begin and end of each item, by scan id.

    A scan begins behind those before it in its queue, and everything behind those
    that have its devices.

    Args:
        items: that have not ended.
        points: how many points those have that have begun, by scan id.
    """
    found: dict[str, Span] = {}
    free: dict[str, float | None] = {}  # when devices and queues are free
    waiting = sorted(items, key=lambda i: (i.state is ItemState.PENDING, i.rank))
    for item in waiting:
        needs = [*item.devices, *([f"/{item.request.queue}"] if item.is_scan else [])]
        begin: float | None = 0.0
        if item.state is ItemState.PENDING:
            begin = _latest([free.get(name, 0.0) for name in needs])
        end = _sum(begin, left_of(item, points.get(item.scan_id, 0)))
        free |= dict.fromkeys(needs, end)
        found[item.scan_id] = begin, end
    return found


def _latest(times: list[float | None]) -> float | None:
    known = [time for time in times if time is not None]
    return max(known, default=0.0) if len(known) == len(times) else None


def _sum(one: float | None, other: float | None) -> float | None:
    return None if one is None or other is None else one + other
