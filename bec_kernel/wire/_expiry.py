"""What is whole in database and file needs no room on the bus any more."""

from bec_kernel.wire._base import Message


class Expiring(Message, frozen=True, kw_only=True):
    """The logs of a scan or move are not needed any more, and when they go.

    Written by SciHub once a scan is in the database and its file is complete, by the
    scan server when a move has ended; each owner of such logs obeys.

    Attributes:
        scan_id: of the scan or move.
        until: they stay so long, s since the epoch, wall clock.
        streams: device and signal of each stream it had.
    """

    scan_id: str
    until: float
    streams: list[tuple[str, str]] = []
