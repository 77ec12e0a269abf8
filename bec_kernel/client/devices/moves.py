"""The moves of one program, so that the last one can be undone."""

from collections import deque

from bec_kernel.client.scan import ScanReport
from bec_kernel.errors import RefusedError
from bec_kernel.wire import ScanRequest

_MOST = 20
"""So many are remembered: some of them never began."""


class MoveHistory:
    """What was moved here, the newest last."""

    def __init__(self) -> None:
        self._moves: deque[ScanReport] = deque(maxlen=_MOST)

    def add(self, report: ScanReport) -> None:
        """Remember a move that was accepted."""
        self._moves.append(report)

    def way_back(self, *, nowait: bool = False) -> ScanRequest:
        """Return the request that undoes the last move that began.

        Raises:
            RefusedError: there is none.
        """
        before = next((b for move in reversed(self._moves) if (b := move.before)), None)
        if before is None:
            raise RefusedError(
                "nothing to go back from: nothing was moved by bec.mv or %mv here",
                subject="mv",
            )
        words = [word for pair in before.items() for word in pair]
        return ScanRequest(request_id="", name="mv", args=words, nowait=nowait)
