"""The scan server's shell: asks in, replies out; the desk does what is asked."""

from collections.abc import Mapping
from typing import Any, TypeVar

import msgspec

from bec_kernel.bus.changes import Append, Change, Drop, Id, Put
from bec_kernel.errors import BecError, BrokerError, FencedError
from bec_kernel.service import Life, LifeOver
from bec_kernel.wire import DryRun, Inbox, Latest, Log, Problem, Reply, keys
from bec_services.scan_server.accept import BeamlineWatch, Catalogue
from bec_services.scan_server.scheduler import Scheduler

T = TypeVar("T")

_REPLIES_KEEP = 1000


class ScanServer:
    """One life of the scan server."""

    def __init__(self, life: Life, catalogue: Catalogue) -> None:
        self._life = life
        self._catalogue = catalogue
        self._beamline = BeamlineWatch(life)
        self._desk = Scheduler(life, catalogue, self._beamline)

    def run(self) -> None:
        """Serve until the life is over."""
        self._publish()
        self._beamline.start()
        self._life.spawn(self._desk.outlook.run)
        self._desk.open()
        found = [keys.scan_asks(user) for user in self._beamline.users.names]
        inboxes = {self._log(inbox): inbox for inbox in found}
        asks = {log: self._after(inbox) for log, inbox in inboxes.items()}
        self._life.serves()
        for log, entries in self._life.follow(asks):
            for entry in entries:
                self._take(inboxes[log], entry.id, entry.message)

    def _log(self, inbox: Inbox[keys.ScanAsk, Reply]) -> Log[keys.ScanAsk]:
        return Log(inbox.name, inbox.type)

    def _after(self, inbox: Inbox[keys.ScanAsk, Reply]) -> Id:
        """The newest reply tells which asks are done."""
        last = self._life.bus.last(inbox.replies)
        return Id.parse(last.message.asked) if last else Id(0)

    def _take(
        self, inbox: Inbox[keys.ScanAsk, Reply], at: Id, ask: keys.ScanAsk
    ) -> None:
        user = inbox.name.rsplit("/", 1)[1]
        reply = Reply(request_id=ask.request_id, asked=str(at))
        answer = Append(inbox.replies, reply, keep=_REPLIES_KEEP)
        try:
            self._serve(ask, user, answer)
            return
        except (BrokerError, FencedError, LifeOver):
            raise  # it will be asked again in the next life
        except BecError as error:
            problem = Problem.of(error)
        except Exception as error:  # noqa: BLE001 - answered, logged and alarmed
            problem = self._odd(error, user)
        self._say(answer, problem=problem)

    def _serve(self, ask: keys.ScanAsk, user: str, answer: Append[Reply]) -> None:
        if isinstance(ask, DryRun):  # takes a second, perhaps: no item waits for it
            self._say(answer, value=self._desk.outlook.forecasts(ask, user))
        else:
            self._desk.serve(ask, user, answer)

    def _say(self, answer: Append[Reply], **words: Any) -> None:
        reply = msgspec.structs.replace(answer.message, **words)
        said = Append(answer.log, reply, keep=answer.keep)
        self._life.bus.commit([said], self._life.fence)

    def _odd(self, error: Exception, user: str) -> Problem:
        """Whatever one ask brings about: it is answered, the next one is served."""
        what = f"{type(error).__name__}: {error!s:.200}"
        self._life.log.exception("an ask cannot be served")
        self._life.alarm(f"an ask cannot be served: {what}", "minor", user=user)
        return Problem(kind="RefusedError", message=f"it cannot be served: {what}")

    def _publish(self) -> None:
        """Put scans and schemas one can ask for, and take out those that are gone."""
        scans, schemas = self._catalogue.scans, self._catalogue.schemas
        shown = {name: scan for name, scan in scans.items() if scan.is_published}
        signatures = {name: scan.signature() for name, scan in shown.items()}
        wanted = {n: s.published for n, s in schemas.items()}
        changes = [
            *self._replaced(keys.catalogue(), signatures),
            *self._replaced(keys.metadata(), wanted),
        ]
        self._life.bus.commit(changes, self._life.fence)

    def _replaced(self, key: Latest[T], new: Mapping[str, T]) -> list[Change]:
        gone = set(self._life.bus.get_all(key)) - set(new)
        drops = [Drop(key, name) for name in gone]
        return [*drops, *(Put(key, one, name) for name, one in new.items())]
