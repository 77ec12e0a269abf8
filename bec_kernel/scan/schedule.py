"""When the items of a queue will begin and end, as far as one knows. Pure."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from bec_kernel.wire import Item, ItemState, QueueState, QueueStatus


class Span(NamedTuple):
    """When an item begins and ends, s from now; None: nobody knows.

    Attributes:
        begin: what has begun began at 0.
        end: its end.
        until: what has to come first, nobody knows when: `queue primary goes on`.
    """

    begin: float | None
    end: float | None
    until: str = ""


def left_of(item: Item, points: int) -> float | None:
    """Return how long an item still takes, s, once it has so many points."""
    if item.estimate is None or not item.points:
        return item.estimate
    return item.estimate * max(0.0, 1.0 - points / item.points)


def spans(
    items: Iterable[Item],
    points: Mapping[str, int],
    queues: Mapping[str, QueueStatus],
) -> dict[str, Span]:
    """Return begin and end of each item, by scan id.

    A scan begins behind those before it in its queue, and everything behind those
    that have its devices; nothing does that its queue holds up, nor behind that.

    Args:
        items: that have not ended.
        points: how many points those have that have begun, by scan id.
        queues: what holds them up, by name.
    """
    found: dict[str, Span] = {}
    free: dict[str, Span] = {}  # what devices and queues are free behind
    waiting = sorted(items, key=lambda i: (i.state is ItemState.PENDING, i.rank))
    for item in waiting:
        needs = [*item.devices, *([f"/{item.request.queue}"] if item.is_scan else [])]
        before = [free[name] for name in needs if name in free]
        held = _held(item, queues.get(item.request.queue))
        begin: float | None = 0.0
        until = held
        if item.state is ItemState.PENDING:
            begin, until = _behind(before, held)
        left = None if until else left_of(item, points.get(item.scan_id, 0))
        end = None if begin is None or left is None else begin + left
        span = found[item.scan_id] = Span(begin, end, until)
        free |= dict.fromkeys(needs, span)
    return found


def _held(item: Item, queue: QueueStatus | None) -> str:
    """Return what has to come before an item begins, or goes on; empty: nothing."""
    if item.state is not ItemState.PENDING:
        name = f"scan {item.scan_number}" if item.scan_number else item.request.name
        return f"{name} goes on" if item.paused else ""
    if queue is None or queue.state is QueueState.RUNNING:
        return ""
    locked = queue.locked is not None and not queue.locked.moves
    return f"queue {queue.name} goes on" if item.is_scan or locked else ""


def _behind(before: list[Span], held: str) -> tuple[float | None, str]:
    """Return when an item begins behind others, or what has to come first."""
    unknown = [one for one in before if one.end is None]
    until = held or next((one.until for one in unknown if one.until), "")
    ends = [one.end for one in before if one.end is not None]
    return (None if until or unknown else max(ends, default=0.0)), until
