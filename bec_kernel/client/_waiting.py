"""What an item waits for, worked out of what is on the bus: so it is never old."""

from collections.abc import Iterable, Mapping

from bec_kernel.wire import Item, ItemState, QueueStatus


def in_order(items: Iterable[Item]) -> list[Item]:
    """Return what runs, then what waits, the next one first."""
    return sorted(items, key=lambda one: (one.state is ItemState.PENDING, one.rank))


def label(item: Item) -> str:
    """Return what people call an item."""
    name = item.request.name
    return f"scan {item.scan_number} {name}" if item.scan_number else name


def why(item: Item, items: Iterable[Item], queues: Mapping[str, QueueStatus]) -> str:
    """Return why an item is where it is, or what it waits for.

    Only the first scan of a queue waits for devices, and every move.
    """
    if item.state is not ItemState.PENDING:
        return item.reason or (f"paused {item.paused}" if item.paused else "")
    status, ordered = queues.get(item.request.queue), in_order(items)
    if not item.is_scan:
        locked = status.locked if status else None
        if locked and not locked.moves:
            return f"queue {item.request.queue} is locked {locked}"
    else:
        queued = (i for i in ordered if i.request.queue == item.request.queue)
        first = next((i for i in queued if i.is_scan), None)
        if first is None or first.scan_id != item.scan_id:
            return ""
    return _holder(item, ordered)


def _holder(item: Item, ordered: list[Item]) -> str:
    for other in ordered:
        shared = set(item.devices).intersection(other.devices)
        if other.state is not ItemState.PENDING and shared:
            return f"{min(shared)} is held by {label(other)} of {other.user}"
    return ""
