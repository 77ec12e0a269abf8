"""Logs of what is long over expire, so that the broker's memory is bounded.

Only the owner of a key may change it at the broker. So each service follows the log
of messages about expiry, and lets its own logs go. The time in a message is absolute:
to read all of them again, in a new life, changes nothing. Decides, no IO.
"""

from collections.abc import Iterable, Iterator
from typing import Any

from bec_kernel.bus.changes import Append, Change, Drop, Expire
from bec_kernel.wire import Expiring, Log, keys

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


def logs_of(role: str, name: str, one: Expiring) -> Iterator[Log[Any]]:
    """Yield the logs of a scan or move that a process of a service writes.

    Args:
        role: of the service.
        name: of the process in its role.
        one: message about the logs of one scan or move.
    """
    scan_id = one.scan_id
    match role:
        case "scan_server":
            for family in (keys.steps, keys.states, keys.wishes):
                yield family(scan_id)
            yield from (keys.stops(scan_id), keys.controls(scan_id))
            yield keys.thinned(scan_id)
        case "device_server":
            yield from (keys.answers(scan_id, name), keys.device_files(scan_id, name))
            yield keys.digests(scan_id, name)
            yield from (keys.streams(scan_id, *stream) for stream in one.streams)
        case "scan_bundler":
            yield keys.points(scan_id)
            yield from (keys.aligned(scan_id, *stream) for stream in one.streams)
        case "file_writer":
            yield keys.files(scan_id)
        case "data_analysis":
            yield from (keys.fits(scan_id), keys.advice(scan_id, name))


def let_go(
    role: str, name: str, expired: Iterable[Expiring], now: float
) -> list[Change]:
    """Build the changes by which a process lets its own logs expire.

    Who was away until they were gone finds nothing to do in such a scan any more: it is
    taken off the list of what that process has not finished.

    Args:
        role: of the service.
        name: of the process in its role.
        expired: messages about the logs of scans and moves.
        now: s since the epoch, wall clock.
    """
    changes: list[Change] = []
    for one in expired:
        changes += [Expire(log, one.until) for log in logs_of(role, name, one)]
        if one.until <= now and role in keys.todo:
            changes.append(Drop(keys.todo[role](name), one.scan_id))
    return changes
