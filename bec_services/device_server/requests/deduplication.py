"""What was asked already: asked twice, it is answered twice and done once."""

import threading
from collections import OrderedDict
from collections.abc import Callable

from bec_kernel.wire import Reply

_KEEP = 4000

Tell = Callable[[Reply], object]


class RecentRequests:
    """Requests by id, the newest of them, and what was replied."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._replies: OrderedDict[str, Reply | None] = OrderedDict()
        self._waiting: dict[str, list[Tell]] = {}

    def again(self, request_id: str, tell: Tell) -> bool:
        """Say whether this was asked before; `tell` gets the reply to it, once known.

        From now on it was.
        """
        with self._lock:
            is_known = request_id in self._replies
            reply = self._replies.setdefault(request_id, None)
            if is_known and reply is None:
                self._waiting.setdefault(request_id, []).append(tell)
            while len(self._replies) > _KEEP:
                self._waiting.pop(self._replies.popitem(last=False)[0], None)
        if reply is not None:
            tell(reply)
        return is_known

    def replied(self, reply: Reply) -> None:
        """Know what was replied to a request."""
        with self._lock:
            self._replies[reply.request_id] = reply
            waiting = self._waiting.pop(reply.request_id, ())
        for tell in waiting:
            tell(reply)
