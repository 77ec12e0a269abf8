"""Pure: Logs of what is long over expire, so that the broker's memory is bounded.

Only the owner of a key may change it at the broker. So each service follows the log
of messages about expiry, and lets its own logs go. The time in a message is absolute:
to read all of them again, in a new life, changes nothing. Decides, no IO.
"""

from collections.abc import Iterable

from bec_kernel.bus.changes import Append, Change, Drop, Expire
from bec_kernel.wire import Expiring, keys

HOUR = 3600.0
_KEEP = 10_000


def expiring(
    scan_id: str, now: float, hours: float, streams: Iterable[tuple[str, str]] = ()
) -> Change:
    """Build the message by which all owners let a scan's logs expire.

    Args:
        scan_id: of a scan that is in database and file, or of a move that has ended.
        now: s since the epoch, wall clock.
        hours: time for which the logs stay, h.
        streams: device and signal of each stream it had.
    """
    until = now + hours * HOUR
    one = Expiring(scan_id=scan_id, until=until, streams=list(streams))
    return Append(keys.expiring(), one, keep=_KEEP)


def let_go(
    role: str, name: str, expired: Iterable[Expiring], now: float
) -> list[Change]:
    """Build the changes by which a process lets its own logs expire.

    A process that was away until the logs had expired cannot finish such a scan: the
    scan is removed from the list of its unfinished work.

    Args:
        role: of the service.
        name: of the process in its role.
        expired: messages about the logs of scans and moves.
        now: s since the epoch, wall clock.
    """
    changes: list[Change] = []
    for one in expired:
        logs = keys.scan_logs(role, name, one.scan_id, one.streams)
        changes += [Expire(log, one.until) for log in logs]
        if one.until <= now and role in keys.todo:
            changes.append(Drop(keys.todo[role](name), one.scan_id))
    return changes
