"""Answers what persons ask of the BEC database, on the bus."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from bec_kernel.bus import START, Append, Entry, Id, Inbox, Log
from bec_kernel.errors import DeadlineError, RefusedError
from bec_kernel.service import Life
from bec_kernel.wire import AnnotateScan, FindScans, Problem, Reply, keys
from bec_kernel.wire.keys import ScihubAsk
from bec_services.scihub import device_lists, past

if TYPE_CHECKING:
    from bec_services.scihub.database import Database

_KEEP = 100


class Asks:
    """All inboxes of persons, and who knows the answers.

    Args:
        life: of SciHub.
        database: opens the database.
    """

    def __init__(self, life: Life, database: "Callable[[], Database]") -> None:
        self._life = life
        self._database = database
        self._inboxes: dict[str, Inbox[ScihubAsk, Reply]] = {}

    def open(self) -> dict[Log[Any], Id]:
        """Answer what an earlier life has left; return where to follow each inbox."""
        users = self._life.bus.get(keys.users())
        positions: dict[Log[Any], Id] = {}
        for user in users.names if users else []:
            inbox = keys.scihub_asks(user)
            log: Log[Any] = Log(inbox.name, inbox.type)
            self._inboxes[log.name] = inbox
            answered, at = self._answered(inbox)
            while page := self._life.bus.read(log, at):
                at = page[-1].id
                left = [entry for entry in page if str(entry.id) not in answered]
                self.take(log, [entry for entry in left if entry.message is not None])
            positions[log] = at
        return positions

    def _answered(self, inbox: Inbox[ScihubAsk, Reply]) -> tuple[set[str], Id]:
        replies = []
        at = START
        while page := self._life.bus.read(inbox.replies, at):
            at = page[-1].id
            replies += [entry.message.asked for entry in page]
        first = min(map(Id.parse, replies)) if len(replies) >= _KEEP else START
        return set(replies), first

    def take(self, log: Log[Any], entries: list[Entry[Any]]) -> bool:
        """Answer asks of one inbox; False: it is none of ours."""
        inbox = self._inboxes.get(log.name)
        if inbox is None:
            return False
        for entry in entries:
            self._answer(inbox, entry)
        return True

    def _answer(self, inbox: Inbox[ScihubAsk, Reply], entry: Entry[ScihubAsk]) -> None:
        from bec_services.scihub.database import DatabaseError  # takes a second

        value, problem = None, None
        self._life.check()
        try:
            value = self._do(inbox.name.rsplit("/", 1)[1], entry.message)
        except DatabaseError as error:
            said = f"the database does not answer: {error}"
            problem = Problem.of(DeadlineError(said, subject="database"))
        except RefusedError as error:
            problem = Problem.of(error)
        reply = Reply(
            request_id=entry.message.request_id,
            asked=str(entry.id),
            value=value,
            problem=problem,
        )
        append = Append(inbox.replies, reply, keep=_KEEP)
        self._life.bus.commit([append], self._life.fence)

    def _do(self, user: str, ask: ScihubAsk) -> Any:
        database = self._database()
        if isinstance(ask, FindScans | AnnotateScan):
            return past.do(database, user, ask)
        return device_lists.do(database, user, ask)
