"""Pure: the changes that begin an item: first step entry, number, work of others."""

import msgspec

from bec_kernel.bus.changes import Append, Change, Id, Put
from bec_kernel.wire import Begin, Item, ItemState, Taken, keys

_KEEP = 10_000
"""Number of scans that can be found by scan number without the database."""


def begun(
    item: Item, begin: Begin, where: Id, now: float
) -> tuple[Item, Begin, list[Change]]:
    """Build the running item, its first step entry, and all changes except the item's.

    Args:
        item: that has waited.
        begin: first entry of its step log, without a number.
        where: its place in the log of all that have begun.
        now: s since the epoch, wall clock.
    """
    number = where.major if item.is_scan else None
    begin = msgspec.structs.replace(begin, scan_number=number)
    new = msgspec.structs.replace(
        item,
        state=ItemState.RUNNING,
        scan_number=number,
        reason="",
        by="",
        time=now,
        begun=now,
    )
    taken = Taken(
        scan_id=item.scan_id,
        scan_number=number,
        name=begin.request.name,
        user=item.user,
        fit=begin.fit,
    )
    return (
        new,
        begin,
        [
            Append(keys.steps(item.scan_id), begin, Id.of(0), dense=True),
            *_todos(taken, begin),
            Append(keys.scans(), taken, where, keep=_KEEP),
        ],
    )


def _todos(taken: Taken, begin: Begin) -> list[Change]:
    roles = {s: keys.todo["device_server"](s) for s in begin.servers.values()}
    todos = list(roles.values()) or [keys.todo["device_server"]("main")]
    if taken.scan_number is not None:
        names = ["scan_bundler", "file_writer", "scihub"]
        names += ["data_analysis"] if begin.fit else []
        todos += [keys.todo[name]("main") for name in names]
        todos += [keys.todo["data_analysis"](name) for name in begin.asks]
    return [Put(todo, taken, taken.scan_id) for todo in todos]
