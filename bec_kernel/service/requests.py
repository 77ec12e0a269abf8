"""Answers what persons ask of one service, each ask once, whatever dies meanwhile.

For asks that change nothing when they are done again: who was killed between doing and
answering does it again.
"""

from collections.abc import Callable
from typing import Any

from bec_kernel.bus import Bus, Entry, entries, pages
from bec_kernel.bus.changes import START, Append, Id
from bec_kernel.errors import BecError, BrokerError, FencedError
from bec_kernel.service.life import Life
from bec_kernel.wire import Inbox, Log, Problem, Reply

Do = Callable[[str, Any], Any]
"""Does what a user asks, and returns the answer's value; raises a `BecError`."""


def answered(bus: Bus, inbox: Inbox[Any, Reply], keep: int) -> tuple[list[Reply], Id]:
    """Return an inbox's replies, and behind which ask all may lack theirs.

    Args:
        bus: it is on.
        inbox: of one user.
        keep: so many replies stay on the bus.
    """
    replies = [entry.message for entry in entries(bus, inbox.replies)]
    if len(replies) < keep:
        return replies, START
    return replies, min(Id.parse(reply.asked) for reply in replies)


class Asks:
    """All inboxes of persons of one service.

    Args:
        life: of the service.
        inboxes: gives the inbox of a user.
        do: what knows the answers.
        keep: so many answers stay on the bus, for each user.
    """

    def __init__(
        self,
        life: Life,
        inboxes: Callable[[str], Inbox[Any, Reply]],
        do: Do,
        keep: int = 100,
    ) -> None:
        self._life = life
        self._family = inboxes
        self._do = do
        self._keep = keep
        self._inboxes: dict[str, Inbox[Any, Reply]] = {}

    def open(self, users: list[str]) -> dict[Log[Any], Id]:
        """Answer what an earlier life has left; return where to follow each inbox."""
        positions: dict[Log[Any], Id] = {}
        for user in users:
            inbox = self._family(user)
            log: Log[Any] = Log(inbox.name, inbox.type)
            self._inboxes[log.name] = inbox
            replies, at = answered(self._life.bus, inbox, self._keep)
            known = {reply.asked for reply in replies}
            for page in pages(self._life.bus, log, at):
                at = page[-1].id
                left = [entry for entry in page if str(entry.id) not in known]
                self.take(log, [entry for entry in left if entry.message is not None])
            positions[log] = at
        return positions

    def take(self, log: Log[Any], entries: list[Entry[Any]]) -> bool:
        """Answer asks of one inbox; False: it is none of ours."""
        inbox = self._inboxes.get(log.name)
        if inbox is None:
            return False
        for entry in entries:
            self._answer(inbox, entry)
        return True

    def _answer(self, inbox: Inbox[Any, Reply], entry: Entry[Any]) -> None:
        value, problem = None, None
        self._life.check()
        try:
            value = self._do(inbox.name.rsplit("/", 1)[1], entry.message)
        except (BrokerError, FencedError):
            raise  # they end this life
        except BecError as error:
            problem = Problem.of(error)
        reply = Reply(
            request_id=entry.message.request_id,
            asked=str(entry.id),
            value=value,
            problem=problem,
        )
        append = Append(inbox.replies, reply, keep=self._keep)
        self._life.bus.commit([append], self._life.fence)
