"""The scan server's shell: asks in, replies out; starts a worker for each item."""

import re
import threading
import time

import msgspec

from bec_kernel.bus import Append, Change, Drop, Id, Log, Put
from bec_kernel.errors import BecError, BrokerError, FencedError, RefusedError
from bec_kernel.service import Life, LifeOver
from bec_kernel.wire import (
    Begin,
    DriveScan,
    Inbox,
    Item,
    ItemAction,
    ItemState,
    Problem,
    Reply,
    ScanRequest,
    StateChange,
    Taken,
    Verb,
    keys,
)
from bec_kernel.wire import Control as ControlEntry
from bec_services.scan_server.assembler import Catalogue
from bec_services.scan_server.beamline import BeamlineWatch
from bec_services.scan_server.drivers import Drivers, next_wish
from bec_services.scan_server.guard import Accepted, accept
from bec_services.scan_server.queue import Queues
from bec_services.scan_server.worker import ITEM_STATE, Worker

_REPLIES_KEEP = 1000
_DONE_KEEP = 10_000
Ask = ScanRequest | ItemAction | DriveScan
_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_VERBS = (
    Verb.PAUSE,
    Verb.PAUSE_NOW,
    Verb.RESUME,
    Verb.COMPLETE,
    Verb.ABORT,
    Verb.HALT,
)


class ScanServer:
    """One life of the scan server."""

    def __init__(self, life: Life, catalogue: Catalogue) -> None:
        self._life = life
        self._catalogue = catalogue
        self._beamline = BeamlineWatch(life)
        self._lock = threading.RLock()  # over queues, and the order of commits on them
        self._queues = Queues(life.bus.get_all(keys.items()).values())
        self._begins: dict[str, Accepted] = {}
        self._drivers = Drivers()
        last = life.bus.last(keys.scans())
        self._last = last.id if last else Id(0)

    def run(self) -> None:
        """Serve until the life is over."""
        self._publish()
        self._beamline.start()
        for item in list(self._queues.active()):
            self._begin_worker(item)
        self._schedule()
        asks = {self._log(inbox): self._after(inbox) for inbox in self._inboxes()}
        users = {log.name.rsplit("/", 1)[1]: log for log in asks}
        inboxes = {log: keys.scan_asks(user) for user, log in users.items()}
        self._life.serves()
        for log, entries in self._life.follow(asks):
            for entry in entries:
                self._take(inboxes[log], entry.id, entry.message)

    # --- asks -------------------------------------------------------------------------

    def _inboxes(self) -> list[Inbox[Ask, Reply]]:
        return [keys.scan_asks(user) for user in self._beamline.users.names]

    def _log(self, inbox: Inbox[Ask, Reply]) -> Log[Ask]:
        return Log(inbox.name, inbox.type)

    def _after(self, inbox: Inbox[Ask, Reply]) -> Id:
        """The newest reply tells which asks are done."""
        last = self._life.bus.last(inbox.replies)
        return Id.parse(last.message.asked) if last else Id(0)

    def _take(
        self,
        inbox: Inbox[Ask, Reply],
        at: Id,
        ask: Ask,
    ) -> None:
        user = inbox.name.rsplit("/", 1)[1]
        reply = Reply(request_id=ask.request_id, asked=str(at))
        with self._lock:
            try:
                changes = self._decide(ask, user)
            except (BrokerError, FencedError, LifeOver):
                raise  # it will be asked again in the next life
            except BecError as error:
                reply = msgspec.structs.replace(reply, problem=Problem.of(error))
                changes = []
            except Exception as error:  # noqa: BLE001 - answered, logged and alarmed
                reply = msgspec.structs.replace(reply, problem=self._odd(error, user))
                changes = []
            changes.append(Append(inbox.replies, reply, keep=_REPLIES_KEEP))
            self._life.bus.commit(changes, self._life.fence)
            self._schedule()

    def _odd(self, error: Exception, user: str) -> Problem:
        """Whatever one ask brings about: it is answered, the next one is served."""
        what = f"{type(error).__name__}: {error!s:.200}"
        self._life.log.exception("an ask cannot be served")
        self._life.alarm(f"an ask cannot be served: {what}", "minor", user=user)
        return Problem(kind="RefusedError", message=f"it cannot be served: {what}")

    def _decide(self, ask: Ask, user: str) -> list[Change]:
        match ask:
            case ScanRequest():
                return self._accept(ask, user)
            case DriveScan():
                return self._drive(ask, user)
            case ItemAction():
                return self._act(ask, user)

    def _drive(self, ask: DriveScan, user: str) -> list[Change]:
        self._drivers.hear(ask.scan_id)
        if ask.number < 0:
            return []
        item = self._queues.items.get(ask.scan_id)
        return next_wish(self._life.bus, ask, item, user, self._beamline.now())

    def _accept(self, request: ScanRequest, user: str) -> list[Change]:
        scan_id = request.request_id
        if not _ID.fullmatch(scan_id):
            raise RefusedError(
                f"{scan_id!r:.80} cannot be a request's id",
                subject="request_id",
                allowed="1 to 64 letters, digits, - and _",
            )
        if scan_id in self._queues.items or self._life.bus.last(keys.steps(scan_id)):
            return []  # asked twice: answered twice, done once
        now = time.time()
        accepted = accept(self._catalogue, self._beamline.now(), request, user, now)
        item = Item(
            scan_id=scan_id,
            user=user,
            request=request,
            rank=self._queues.next_rank(),
            devices=accepted.devices,
            is_scan=accepted.scan.is_scan,
        )
        self._queues.put(item)
        self._begins[scan_id] = accepted
        return [Put(keys.items(), item, scan_id)]

    def _act(self, action: ItemAction, user: str) -> list[Change]:
        if action.verb not in _VERBS:
            raise RefusedError(
                f"nobody can ask for {action.verb}, only for {', '.join(_VERBS)}",
                subject=action.verb,
                allowed=", ".join(_VERBS),
            )
        if action.deadline and time.time() > action.deadline:
            raise RefusedError(
                f"{action.verb} came too late: not done", subject=action.verb
            )
        item = self._meant(action)
        if item.state is ItemState.PENDING:
            if action.verb not in (Verb.ABORT, Verb.HALT):
                raise RefusedError(
                    f"{item.request.name} has not begun: it cannot {action.verb}",
                    subject=action.verb,
                    allowed="abort",
                )
            return self._ended(item, ItemState.CANCELLED, f"by {user}")
        control = ControlEntry(
            verb=action.verb, user=user, request_id=action.request_id
        )
        return [Append(keys.controls(item.scan_id), control)]

    def _meant(self, action: ItemAction) -> Item:
        if action.scan_id:
            item = self._queues.items.get(action.scan_id)
        else:
            item = self._queues.running_in(action.queue)
        if item is None:
            what = action.scan_id[:80] or f"queue {action.queue:.80}"
            raise RefusedError(
                f"nothing to {action.verb}: {what} is not running", subject=what
            )
        return item

    # --- items ------------------------------------------------------------------------

    def _schedule(self) -> None:
        """Begin all that can begin now."""
        with self._lock:
            while (item := self._queues.startable()) is not None:
                self._begin(item)

    def _begin(self, item: Item) -> None:
        accepted = self._begins.pop(item.scan_id, None)
        try:
            accepted = accepted or accept(  # it was accepted in an earlier life
                self._catalogue,
                self._beamline.now(),
                msgspec.structs.replace(item.request, deadline=0.0),
                item.user,
                0.0,
            )
        except (BrokerError, FencedError, LifeOver):
            raise
        except Exception as error:
            self._life.log.exception("an item cannot begin", scan_id=item.scan_id)
            failed = self._ended(item, ItemState.FAILED, str(error))
            self._life.bus.commit(failed, self._life.fence)
            return
        major = self._last.major
        where = Id(major + 1) if item.is_scan else Id(major, self._last.minor + 1)
        number = where.major if item.is_scan else None
        begin = msgspec.structs.replace(accepted.begin, scan_number=number)
        begun = msgspec.structs.replace(
            item, state=ItemState.RUNNING, scan_number=number
        )
        taken = Taken(
            scan_id=item.scan_id,
            scan_number=number,
            name=begin.request.name,
            user=item.user,
        )
        changes: list[Change] = [
            Append(keys.steps(item.scan_id), begin, Id.of(0), dense=True),
            Put(keys.items(), begun, item.scan_id),
            *_todos(taken, begin),
            Append(keys.scans(), taken, where),
        ]
        self._life.bus.commit(changes, self._life.fence)
        self._last = where
        self._queues.put(begun)
        self._life.log.info("begins", item=label(begun), user=item.user)
        self._begin_worker(begun)

    def _begin_worker(self, item: Item) -> None:
        worker = Worker(self._life, item, self._catalogue, self._told, self._drivers)
        self._life.spawn(worker.run)

    def _told(self, item: Item, change: StateChange, changes: list[Change]) -> None:
        with self._lock:
            state = ITEM_STATE[change.state]
            now = self._queues.items[item.scan_id]
            if change.state.is_final:
                reason = change.message or change.reason
                changes += self._ended(now, state, reason)
            elif state is not now.state:
                item = msgspec.structs.replace(now, state=state)
                self._queues.put(item)
                changes.append(Put(keys.items(), item, item.scan_id))
            self._life.bus.commit(changes, self._life.fence)
            if change.state.is_final:
                self._schedule()

    def _ended(self, item: Item, state: ItemState, reason: str) -> list[Change]:
        if item.state is ItemState.PAUSED and state is ItemState.COMPLETED:
            self._queues.put(msgspec.structs.replace(item, state=ItemState.RUNNING))
        done = msgspec.structs.replace(item, state=state, reason=reason)
        self._life.log.info("ended", item=label(done), state=state, reason=reason)
        self._queues.put(done)
        self._begins.pop(item.scan_id, None)
        self._drivers.forget(item.scan_id)
        return [
            Drop(keys.items(), item.scan_id),
            Append(keys.items_done(), done, keep=_DONE_KEEP),
        ]

    def _publish(self) -> None:
        """Put the catalogue, and take scans out of it that are gone."""
        signatures = {n: s.signature() for n, s in self._catalogue.scans.items()}
        old = self._life.bus.get_all(keys.catalogue())
        changes: list[Change] = [
            Drop(keys.catalogue(), name) for name in set(old) - set(signatures)
        ]
        changes += [Put(keys.catalogue(), s, n) for n, s in signatures.items()]
        self._life.bus.commit(changes, self._life.fence)


def _todos(taken: Taken, begin: Begin) -> list[Change]:
    roles = {s: keys.todo["device_server"](s) for s in begin.servers.values()}
    todos = list(roles.values()) or [keys.todo["device_server"]("main")]
    if taken.scan_number is not None:
        names = ["scan_bundler", "file_writer", "scihub"]
        names += ["data_analysis"] if begin.fit else []
        todos += [keys.todo[name]("main") for name in names]
        todos += [keys.todo["data_analysis"](name) for name in begin.asks]
    return [Put(todo, taken, taken.scan_id) for todo in todos]


def label(item: Item) -> str:
    """Return what people call an item."""
    name = item.request.name
    return f"scan {item.scan_number} {name}" if item.scan_number else name
