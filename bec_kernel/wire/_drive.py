"""An interactive scan and who drives it."""

from bec_kernel.wire._base import Message


class Wish(Message, frozen=True, kw_only=True):
    """What an interactive scan does next: move, then take a point; or end.

    Attributes:
        set: setpoint of each motor, motor units.
        point: take a point there.
        end: it is over.
    """

    set: dict[str, float] = {}
    point: bool = False
    end: bool = False


class DriveScan(Message, frozen=True, kw_only=True):
    """The next wish for an interactive scan. Written by who drives it.

    Attributes:
        request_id: unique for ever.
        scan_id: of the scan.
        number: counts the wishes from 0; -1: none, the driver only shows that it lives.
        wish: what to do.
        deadline: s since the epoch, wall clock.
    """

    request_id: str
    scan_id: str
    number: int = -1
    wish: Wish = Wish()
    deadline: float = 0.0
