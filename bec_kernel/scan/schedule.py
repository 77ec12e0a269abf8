"""Pure: estimate when the items of the queues begin and end."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from bec_kernel.wire import Item, ItemState, QueueState, QueueStatus


class Span(NamedTuple):
    """Estimated begin and end of an item, s from now; None: unknown.

    Attributes:
        begin: 0 for an item that has begun.
        end: of the item.
        until: event it waits for whose time is unknown: `queue primary goes on`.
    """

    begin: float | None
    end: float | None
    until: str = ""


def left_of(item: Item, points: int) -> float | None:
    """Return the remaining time of an item with `points` points taken, s."""
    if item.estimate is None or not item.points:
        return item.estimate
    return item.estimate * max(0.0, 1.0 - points / item.points)


def spans(
    items: Iterable[Item],
    points: Mapping[str, int],
    queues: Mapping[str, QueueStatus],
) -> dict[str, Span]:
    """Return begin and end of each item, by scan id.

    A scan begins after those before it in its queue, and each item after those that
    use its devices. The begin of an item in a paused or locked queue is unknown, and so
    is that of all items after it.

    Args:
        items: that have not ended.
        points: number of points taken, by scan id, of items that have begun.
        queues: state of the queues, by name.
    """
    found: dict[str, Span] = {}
    free: dict[str, Span] = {}  # last item of each device and queue so far
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
    """Return the event an item waits for, `queue primary goes on`; empty if none."""
    if item.state is not ItemState.PENDING:
        name = f"scan {item.scan_number}" if item.scan_number else item.request.name
        return f"{name} goes on" if item.paused else ""
    if queue is None or queue.state is QueueState.RUNNING:
        return ""
    locked = queue.locked is not None and not queue.locked.moves
    return f"queue {queue.name} goes on" if item.is_scan or locked else ""


def _behind(before: list[Span], held: str) -> tuple[float | None, str]:
    """Return the begin of an item after others, or the event it waits for."""
    unknown = [one for one in before if one.end is None]
    until = held or next((one.until for one in unknown if one.until), "")
    ends = [one.end for one in before if one.end is not None]
    return (None if until or unknown else max(ends, default=0.0)), until
