"""Pure: why an item of a queue cannot begin, in the words that users read.

The scan server refuses and replies with these texts; clients show them.
"""

from bec_kernel.wire import Item, QueueState, QueueStatus


def item_label(item: Item) -> str:
    """Name an item as users know it: `scan 7 line_scan`, or `mv` for a move."""
    name = item.request.name
    return f"scan {item.scan_number} {name}" if item.scan_number else name


def queue_obstacle(item: Item, status: QueueStatus | None) -> str:
    """Explain how its queue keeps an item from beginning; empty: it does not.

    A scan waits while its queue is paused, suspended or locked. A move waits only for a
    lock that also holds moves.

    Args:
        item: a scan or a move that has not begun.
        status: of the item's queue; None: nothing holds it up.
    """
    if status is None:
        return ""
    queue = item.request.queue
    if not item.is_scan:
        locked = status.locked
        return (
            f"queue {queue} is locked {locked}" if locked and not locked.moves else ""
        )
    if status.state is QueueState.RUNNING:
        return ""
    return f"queue {queue} is {status.state} ({status.reason})"


def device_obstacle(device: str, holder: Item) -> str:
    """Explain that `device` belongs to the item `holder` until that ends."""
    return f"{device} is held by {item_label(holder)} of {holder.user}"
