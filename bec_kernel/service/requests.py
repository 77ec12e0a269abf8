"""Answer the requests of users: every request is done once and answered each time.

A service has one inbox per user. `RequestServer` reads them, calls the handler of the
service and writes one reply per entry. Rules that hold for every service:

- A `BecError` of the handler is a refusal: its text goes to the user as a `Problem`.
- Any other exception of the handler, also `SystemExit` and `KeyboardInterrupt` that
  foreign code raised, is answered with a `Problem` and published as an alarm. The
  service goes on with the next request.
- Only `BrokerError`, `FencedError`, `LifeOver` and `Shutdown` pass: they end this life,
  and the next one finds the request still without a reply.
- An entry that cannot be decoded is skipped. The bus has reported it by then, with its
  key and id (`bus.Complaint`; in a service that is an alarm).
- A request with an id that its user has used before is not done again: the new entry
  gets the earlier reply, or the reply to come if the first is still being worked on.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable
from typing import Any, Final, Generic, TypeVar

from bec_kernel.bus import Entry, encode, entries, pages
from bec_kernel.bus.changes import START, Append, Change, Id
from bec_kernel.errors import BecError, BrokerError, FencedError
from bec_kernel.service.life import Life, LifeOver, Shutdown
from bec_kernel.wire import Inbox, Log, Problem, Reply

M = TypeVar("M")

LATER: Final = object()
"""Returned by a handler that will call `Request.answer` or `Request.commit` itself."""
_ENDS_LIFE = (BrokerError, FencedError, LifeOver, Shutdown)
_FOREIGN = (Exception, SystemExit, KeyboardInterrupt)

Handle = Callable[["Request[Any]"], Any]
"""Do what is requested; return the reply's value or `LATER`; refuse by a `BecError`."""
Ended = Callable[[Problem | None], list[Change]]
"""Give the changes to commit together with the reply, from the request's problem."""


class Request(Generic[M]):
    """One request of a user, with the means to answer it.

    Attributes:
        message: what is requested.
        user: name from the inbox's key, to which only that user can write.
        inherited: an earlier life of this service may have begun with it.
    """

    def __init__(
        self,
        server: "RequestServer",
        inbox: Inbox[M, Reply],
        entry: Entry[M],
        *,
        inherited: bool,
    ) -> None:
        self.message = entry.message
        self.user = inbox.user
        self.inherited = inherited
        self._server = server
        self._inbox = inbox
        self._asked = str(entry.id)
        self._is_answered = False

    def answer(self, do: Callable[[], Any], ended: Ended | None = None) -> None:
        """Call `do` and reply with what it returns or raises; from any thread.

        Args:
            do: gives the reply's value; `LATER`: the reply is sent by other means.
            ended: gives changes that are committed together with the reply.
        """
        value, problem = self._server.attempt(self, do)
        if value is not LATER and not self._is_answered:
            changes = ended(problem) if ended else []
            self.commit(changes, value=value, problem=problem)

    def commit(self, changes: list[Change], **reply: Any) -> None:
        """Commit `changes` and the reply together: all of it or nothing.

        Args:
            changes: what the request brings about.
            reply: fields of `Reply`: value, problem, warnings.
        """
        request_id = self.message.request_id  # type: ignore[attr-defined]
        answer = Reply(request_id=request_id, asked=self._asked, **reply)
        self._server.send(self._inbox, answer, changes)
        self._is_answered = True

    def repeat(self, reply: Reply) -> None:
        """Reply as to the first request of the same id."""
        self.commit(
            [], value=reply.value, problem=reply.problem, warnings=reply.warnings
        )


class RequestServer:
    """All inboxes of users of one service.

    Args:
        life: of the service.
        inboxes: give the inbox of a user.
        handle: does what is requested.
        keep: number of replies that stay on the bus for each user; the ids of as many
            requests are remembered.
        failure: kind of the `Problem` for an unexpected exception.
        always: message types that are done each time, also with a known id.
    """

    def __init__(
        self,
        life: Life,
        inboxes: Callable[[str], Inbox[Any, Reply]],
        handle: Handle,
        *,
        keep: int = 100,
        failure: type[BecError] = BecError,
        always: tuple[type, ...] = (),
    ) -> None:
        self._life = life
        self._inbox_of = inboxes
        self._handle = handle
        self._keep = keep
        self._failure = failure.__name__
        self._always = always
        self._inboxes: dict[Log[Any], Inbox[Any, Reply]] = {}
        self._recent: dict[str, _RecentRequests] = {}

    def open(self, users: Iterable[str]) -> dict[Log[Any], Id]:
        """Answer what an earlier life has left; return where to follow each inbox."""
        return {
            inbox.requests: self._open(inbox) for inbox in map(self._inbox_of, users)
        }

    def _open(self, inbox: Inbox[Any, Reply]) -> Id:
        log = inbox.requests
        self._inboxes[log] = inbox
        recent = self._recent[inbox.user] = _RecentRequests(self._keep)
        replies, at = self._replies(inbox)
        for reply in replies:
            recent.replied(reply)
        answered = {reply.asked for reply in replies}
        for page in pages(self._life.bus, log, at):
            at = page[-1].id
            left = [entry for entry in page if str(entry.id) not in answered]
            self._take(inbox, left, inherited=True)
        return at

    def _replies(self, inbox: Inbox[Any, Reply]) -> tuple[list[Reply], Id]:
        """Return an inbox's replies, and the entry behind which some may be missing."""
        replies = [e.message for e in entries(self._life.bus, inbox.replies)]
        if len(replies) < self._keep:
            return replies, START
        return replies, min(Id.parse(reply.asked) for reply in replies)

    def take(self, log: Log[Any], found: list[Entry[Any]]) -> bool:
        """Serve new entries of one inbox; return False if `log` is not an inbox."""
        inbox = self._inboxes.get(log)
        if inbox is not None:
            self._take(inbox, found, inherited=False)
        return inbox is not None

    def _take(
        self, inbox: Inbox[Any, Reply], found: list[Entry[Any]], *, inherited: bool
    ) -> None:
        for entry in found:
            if entry.message is not None:  # else the bus has reported it
                self._serve(Request(self, inbox, entry, inherited=inherited))

    def _serve(self, request: Request[Any]) -> None:
        self._life.check()
        message, recent = request.message, self._recent[request.user]
        if not isinstance(message, self._always) and recent.again(
            message.request_id, request.repeat
        ):
            return
        request.answer(lambda: self._handle(request))

    def attempt(
        self, request: Request[Any], do: Callable[[], Any]
    ) -> tuple[Any, Problem | None]:
        """Call `do`; return its value, or None and what went wrong."""
        try:
            value = do()
            if value is not LATER:
                encode(value)
        except _ENDS_LIFE:
            raise
        except BecError as error:
            if error.__cause__ is not None:  # where it happened is for the log only
                self._life.log.info("a request failed", exc_info=error)
            return None, Problem.of(error)
        except _FOREIGN as error:
            return None, self._unexpected(request, error)
        return value, None

    def _unexpected(self, request: Request[Any], error: BaseException) -> Problem:
        what = f"{type(error).__name__}: {error!s:.200}"
        shown = repr(request.message)[:500]
        self._life.log.error("a request failed", exc_info=error, request=shown)
        self._life.alarm(
            f"a request of {request.user} failed: {what}",
            "minor",
            user=request.user,
            request_id=request.message.request_id,
        )
        return Problem(kind=self._failure, message=f"the request failed: {what}")

    def send(
        self, inbox: Inbox[Any, Reply], reply: Reply, changes: list[Change]
    ) -> None:
        """Commit `changes` and a reply, and remember the reply."""
        append = Append(inbox.replies, reply, keep=self._keep)
        self._life.bus.commit([*changes, append], self._life.fence)
        self._recent[inbox.user].replied(reply)


class _RecentRequests:
    """The newest requests of one user by id, with their replies.

    Args:
        keep: number of requests to remember.
    """

    def __init__(self, keep: int) -> None:
        self._keep = keep
        self._lock = threading.Lock()
        self._replies: OrderedDict[str, Reply | None] = OrderedDict()
        self._waiting: dict[str, list[Callable[[Reply], object]]] = {}

    def again(self, request_id: str, repeat: Callable[[Reply], object]) -> bool:
        """Remember a request; return True if its id was known before.

        Args:
            request_id: of the request.
            repeat: called with the first request's reply, now or once there is one.
        """
        with self._lock:
            is_known = request_id in self._replies
            reply = self._replies.setdefault(request_id, None)
            if is_known and reply is None:
                self._waiting.setdefault(request_id, []).append(repeat)
            while len(self._replies) > self._keep:
                self._waiting.pop(self._replies.popitem(last=False)[0], None)
        if reply is not None:
            repeat(reply)
        return is_known

    def replied(self, reply: Reply) -> None:
        """Remember the reply to a request and repeat it to those that wait for it."""
        with self._lock:
            self._replies[reply.request_id] = reply
            waiting = self._waiting.pop(reply.request_id, ())
        for repeat in waiting:
            repeat(reply)
