"""Moves of one program, kept to undo the last one."""

from collections import deque

from bec_kernel.client.scan import ScanReport
from bec_kernel.errors import RefusedError
from bec_kernel.wire import ScanRequest

_MOST = 20
"""Maximum number of moves kept: the last may never have begun."""


class MoveHistory:
    """Moves of this program, the newest last."""

    def __init__(self) -> None:
        self._moves: deque[ScanReport] = deque(maxlen=_MOST)

    def add(self, report: ScanReport) -> None:
        """Add a move that was accepted."""
        self._moves.append(report)

    def way_back(self, *, nowait: bool = False) -> ScanRequest:
        """Return the request that undoes the last move that began.

        Raises:
            RefusedError: this program has not moved anything.
        """
        before = next((b for move in reversed(self._moves) if (b := move.before)), None)
        if before is None:
            raise RefusedError(
                "nothing to go back from: nothing was moved by bec.mv or %mv here",
                subject="mv",
            )
        words = [word for pair in before.items() for word in pair]
        return ScanRequest(request_id="", name="mv", args=words, nowait=nowait)
