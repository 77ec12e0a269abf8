"""When the items of the queues begin and end, in words."""

from collections.abc import Iterable

from bec_kernel.bus import Bus
from bec_kernel.language import duration_text
from bec_kernel.scan import Span, spans
from bec_kernel.wire import Item, ItemState, keys

Words = tuple[str, str]
"""Texts of begin and end; `?` where they are not known."""


def begins(bus: Bus, items: Iterable[Item]) -> dict[str, Words]:
    """Return when each of all items begins and ends, from now, by scan id."""
    found = list(items)
    pending = {i.scan_id for i in found if i.state is ItemState.PENDING}
    return {
        scan_id: (_begin(span) if scan_id in pending else "", _from_now(span.end))
        for scan_id, span in times(bus, found).items()
    }


def times(bus: Bus, items: Iterable[Item]) -> dict[str, Span]:
    """Return the same in s from now."""
    found = list(items)
    points = {}
    for item in found:
        if item.state is not ItemState.PENDING and item.points:
            last = bus.last(keys.points(item.scan_id))
            points[item.scan_id] = last.id.major if last else 0
    return spans(found, points, bus.get_all(keys.queues()))


def _begin(span: Span) -> str:
    return f"when {span.until}" if span.until else _from_now(span.begin)


def _from_now(seconds: float | None) -> str:
    return (
        "?" if seconds is None else f"in {duration_text(seconds)}" if seconds else "now"
    )
