"""The scheduler: items are accepted, begin and end here, under one lock.

States of an item (a scan or a move), and what moves it on::

    request --accept--> pending --_begin--> running <--worker--> paused
                           |                   |                    |
                  remove, clear                +------ worker ------+
                           v                             v
                       cancelled      completed | aborted | failed | ...

A pending item of which the guard no longer approves when it should begin has failed.

Sequence of a scan:

1. `serve`: the guard accepts the request; item and reply are one commit (pending).
2. `_schedule`: the first item that can begin does so by one commit: the first entry of
   its step log, its entry in the log of all scans with its number, the work lists of
   the other services, and the item (running). Only then a worker thread is started.
3. `_told`: the worker hands over each change of state. It is committed together with
   the item, which may become paused, running again, or ended.
4. When an item ends its devices are free: `_schedule` again.

The scheduling invariant: whenever the lock is free,

- the queues in memory equal the items and queues on the bus. Everything that changes
  them holds `_lock` from the decision to the commit, so commits have the order of the
  decisions. A request that is refused raises before it has changed anything. A commit
  that fails leaves memory ahead of the bus, but its error ends this life, and the next
  life builds its queues from the bus alone;
- each queue runs at most one scan, and each device is held by at most one item. An item
  takes all its devices when it begins, or does not begin. No item holds one device
  while it waits for another, so items cannot block each other for ever;
- each item that could begin has begun. Hence every change that may free an item (a
  request, the end of an item, a change of a rule's value) calls `_schedule` before it
  releases the lock;
- each item that is running or paused has one worker. If the process dies between the
  commit and the start of the worker, `open` of the next life starts it.

A worker that commits, or a request that is served, in a life that has lost its lease is
refused by the fence of the commit.
"""

import contextlib
import re
import threading
import time
from typing import Any

import msgspec

from bec_kernel.bus.changes import Change, Id
from bec_kernel.errors import BrokerError, FencedError, RefusedError
from bec_kernel.instance import Folder, load_settings, read_stamp
from bec_kernel.scan import item_label
from bec_kernel.service import Life, LifeOver, Request, expiring
from bec_kernel.wire import (
    Begin,
    DriveScan,
    Hold,
    Item,
    ItemAction,
    ItemState,
    QueueAction,
    ScanRequest,
    ScanState,
    StateChange,
    SuspenderAction,
    Verb,
    keys,
)
from bec_services.scan_server.accept import (
    Accepted,
    BeamlineWatch,
    Catalogue,
    accept,
    check_right,
    doubts,
)
from bec_services.scan_server.forecast import Forecaster
from bec_services.scan_server.queue import (
    Queues,
    Suspenders,
    act_on_item,
    act_on_queue,
    begun,
    check_time,
    control,
    ended,
    meant,
    told,
    value_of,
)
from bec_services.scan_server.run import ITEM_STATE, Drivers, Worker, next_request

Ask = ScanRequest | ItemAction | QueueAction | SuspenderAction | DriveScan
"""Requests of users that need the scheduler's lock."""
MAX_REPEATS = 1000
_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_BY_PEOPLE = ("user", "user_completed")


class Scheduler:
    """The queues of one life of the scan server, and all that changes them.

    Attributes:
        outlook: forecasts what a scan would do, and its duration.
    """

    def __init__(
        self, life: Life, catalogue: Catalogue, beamline: BeamlineWatch
    ) -> None:
        self._life = life
        self._catalogue = catalogue
        self._beamline = beamline
        self._lock = threading.RLock()  # over queues, and the order of commits on them
        items = life.bus.get_all(keys.items()).values()
        self._queues = Queues(items, life.bus.get_all(keys.queues()))
        self.outlook = Forecaster(life, catalogue, beamline, self._queues)
        self._suspenders = Suspenders(life, beamline, self._queues)
        self._begins: dict[str, Accepted] = {}
        self._drivers = Drivers()
        self._hours = load_settings(life.setup.data).keep_hours
        last = life.bus.last(keys.scans())
        self._last = last.id if last else _last_before(life)

    def open(self) -> None:
        """Start workers for items that have begun, and begin all items that can."""
        with self._lock:
            for item in list(self._queues.active()):
                self._begin_worker(item)
            self._commit([*self._queues.repair(), *self._suspenders.look()])
            self._watch()
            self._schedule()

    def serve(self, request: Request[Any]) -> None:
        """Do what is requested; the changes and the reply are one commit.

        Raises:
            BecError: the request is refused; nothing was changed.
        """
        ask: Ask = request.message
        with self._lock:
            changes, value = self._decide(ask, request.user, time.time())
            known = self._begins.get(ask.request_id)
            warnings = doubts(self._life.bus, known.begin.asks) if known else []
            request.commit(changes, value=value, warnings=warnings)
            self._watch()
            self._schedule()

    def _commit(self, changes: list[Change]) -> None:
        if changes:
            self._life.bus.commit(changes, self._life.fence)

    def _decide(self, ask: Ask, user: str, now: float) -> tuple[list[Change], Any]:
        match ask:
            case ScanRequest():
                return self._accept(ask, user, now)
            case DriveScan():
                return self._drive(ask, user), None
            case SuspenderAction():
                self._may(user, "", f"set rules of queue {ask.queue:.64}")
                return self._suspenders.act(ask, user, now), None
            case QueueAction():
                check_time(ask, now)
                self._may(user, "", f"{ask.verb} queue {ask.queue:.64}")
                return act_on_queue(self._queues, ask, user, now), None
            case ItemAction():
                check_time(ask, now)
        if ask.verb in (Verb.RESTART, Verb.REPEAT):
            return self._again(ask, user, now)
        item = meant(self._queues, ask)
        self._may(user, item.user, f"{ask.verb} {item_label(item)}")
        return act_on_item(self._queues, ask, user, now), None

    def _may(self, user: str, owner: str, what: str) -> None:
        """Refuse what a user may not do; see `check_right`."""
        check_right(user, self._beamline.users.roles, owner, what)

    def _drive(self, ask: DriveScan, user: str) -> list[Change]:
        self._drivers.hear(ask.scan_id)
        if ask.number < 0:
            return []
        item = self._queues.items.get(ask.scan_id)
        return next_request(self._life.bus, ask, item, user, self._beamline.now())

    # --- new items --------------------------------------------------------------------

    def _accept(
        self, request: ScanRequest, user: str, now: float
    ) -> tuple[list[Change], Any]:
        if self._is_known(request.request_id):
            return [], None  # asked twice: answered twice, done once
        accepted, item = self._item(request, user, now)
        doubts(self._life.bus, accepted.begin.asks)  # refused, if one is unknown
        if request.nowait:
            self._commit(self._suspenders.look())
        why = self._queues.why_waits(item)
        if request.nowait and why:
            raise RefusedError(
                f"{request.name} cannot begin at once: {why}", subject=request.name
            )
        self._begins[item.scan_id] = accepted
        return self._queues.put(item), why or None

    def _is_known(self, scan_id: str) -> bool:
        if not _ID.fullmatch(scan_id):
            raise RefusedError(
                f"{scan_id!r:.80} cannot be a request's id",
                subject="request_id",
                allowed="1 to 64 letters, digits, - and _",
            )
        known = scan_id in self._queues.items
        return known or self._life.bus.last(keys.steps(scan_id)) is not None

    def _item(
        self, request: ScanRequest, user: str, now: float
    ) -> tuple[Accepted, Item]:
        """Build a pending item behind all others.

        Raises:
            RefusedError: the guard refuses the request.
        """
        beamline = self._beamline.now()
        accepted = accept(self._catalogue, beamline, request, user, now)
        estimate, points = self.outlook.estimate(accepted, beamline)
        return accepted, Item(
            scan_id=request.request_id,
            user=user,
            request=request,
            rank=self._queues.next_rank(),
            devices=accepted.devices,
            is_scan=accepted.scan.is_scan,
            time=now,
            asked=now,
            estimate=estimate,
            points=points,
        )

    def _again(
        self, action: ItemAction, user: str, now: float
    ) -> tuple[list[Change], Any]:
        """Queue a request again: `restart` in front, `repeat` n times at the end."""
        restart = action.verb is Verb.RESTART
        if not restart and not 1 <= action.times <= MAX_REPEATS:
            raise RefusedError(
                f"an item can be repeated 1 to {MAX_REPEATS} times, not {action.times}",
                subject="times",
                value=str(action.times),
                allowed=f"1 to {MAX_REPEATS}",
            )
        name = action.request_id
        ids = [name] if restart else [f"{name}-{k + 1}" for k in range(action.times)]
        if self._is_known(ids[-1]):
            return [], ids
        old, scan_id, request = self._repeated(action)
        if old is not None and restart:
            self._may(user, old.user, f"restart {item_label(old)}")
        fresh = {"nowait": False, "deadline": 0.0}
        request = msgspec.structs.replace(request, request_id=ids[0], **fresh)
        _, item = self._item(request, user, now)
        changes: list[Change] = []
        rank = self._queues.first_rank(request.queue) if restart else item.rank
        for one in ids:
            new = msgspec.structs.replace(
                item,
                scan_id=one,
                request=msgspec.structs.replace(request, request_id=one),
                rank=rank,
                again=scan_id,
            )
            changes += self._queues.put(new)
            rank = self._queues.next_rank()
        if restart and old is not None:
            hold = Hold(user=user, reason=action.reason or "restarted", time=now)
            changes += control(self._queues, old, Verb.ABORT, hold, name)
        return changes, ids

    def _repeated(self, action: ItemAction) -> tuple[Item | None, str, ScanRequest]:
        """Find the item to run again, its id and request, also among ended items."""
        if action.scan_id in self._queues.items or not action.scan_id:
            item = meant(self._queues, action)
            if action.verb is Verb.RESTART and item.state is ItemState.PENDING:
                raise RefusedError(
                    f"{item_label(item)} has not begun: it cannot restart",
                    subject="restart",
                    allowed="move, repeat",
                )
            return item, item.scan_id, item.request
        log = keys.steps(action.scan_id) if _ID.fullmatch(action.scan_id) else None
        found = self._life.bus.read(log, limit=1) if log else []
        if not found or not isinstance(found[0].message, Begin):
            raise RefusedError(
                f"nothing to {action.verb}: {action.scan_id:.80} is not known",
                subject=action.scan_id[:80],
            )
        return None, action.scan_id, found[0].message.request

    # --- their way --------------------------------------------------------------------

    def _schedule(self) -> None:
        """Begin all items that can begin now. The lock must be held.

        A user who sees a new value of a device and then requests a scan expects that
        the rules know the value. So they are checked here before each begin, and not
        only when the thread that watches values wakes up.
        """
        self._let_time_pass()
        while (item := self._queues.startable()) is not None:
            if changes := self._suspenders.look():
                self._commit(changes)
                self._let_time_pass()
            else:
                self._begin(item)

    def _let_time_pass(self) -> None:
        """Queue a wait on a virtual clock if everything else waits for a rule."""
        if (wait := self._suspenders.wait()) is None:
            return
        with contextlib.suppress(RefusedError):  # its device is away: nothing helps
            self._commit(self._accept(wait, Hold.SUSPENDER, time.time())[0])

    def _begin(self, item: Item) -> None:
        accepted = self._begins.pop(item.scan_id, None)
        now = time.time()
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
            self._commit(self._ended(item, ItemState.FAILED, str(error), ""))
            return
        major = self._last.major
        where = Id(major + 1) if item.is_scan else Id(major, self._last.minor + 1)
        item = msgspec.structs.replace(item, before=self._where(item))
        new, begin, changes = begun(item, accepted.begin, where, now)
        self._commit([*changes, *self._queues.put(new)])
        self._last = where
        self._life.log.info("begins", item=item_label(new), user=item.user)
        self._begin_worker(new, begin)

    def _begin_worker(self, item: Item, begin: Begin | None = None) -> None:
        """Start the worker of an item; without `begin` it continues from its logs."""
        words = (self._life, item, self._catalogue, self._told, self._drivers)
        self._life.spawn(Worker(*words, begin=begin).run)

    def _told(self, item: Item, change: StateChange, changes: list[Change]) -> None:
        """Commit a worker's changes together with the new state of its item."""
        with self._lock:
            now = self._queues.items[item.scan_id]
            state = ITEM_STATE[change.state]
            if change.state.is_final:
                by = now.by if change.reason in _BY_PEOPLE else ""
                reason = change.message or change.reason
                changes += self._ended(now, state, reason, by)
                if now.user == Hold.SUSPENDER:
                    changes += self._suspenders.waited(now, state)
            else:
                changes += self._went(now, state, change)
            self._commit(changes)
            if change.state.is_final:
                self.outlook.ended(now, change)
            if change.state is not ScanState.OPEN:
                self._schedule()

    def _went(self, item: Item, state: ItemState, change: StateChange) -> list[Change]:
        paused, found = item.paused, list[Change]()
        if state is not item.state:
            is_paused = state is ItemState.PAUSED
            new = msgspec.structs.replace(
                item,
                state=state,
                time=time.time(),
                by=paused.user if is_paused and paused else "",
                reason=str(paused or change.message) if is_paused else "",
            )
            found += self._queues.put(new)
        if change.state is ScanState.OPEN and paused is not None:
            # A pause that was asked for before it was open had no effect.
            found.append(told(item, Verb.PAUSE, paused))
        return found

    def _ended(
        self, item: Item, state: ItemState, reason: str, by: str
    ) -> list[Change]:
        self._begins.pop(item.scan_id, None)
        self._drivers.forget(item.scan_id)
        if item.begun:
            item = msgspec.structs.replace(item, after=self._where(item))
        self._life.log.info("ended", item=item_label(item), state=state, reason=reason)
        now = time.time()
        changes = ended(self._queues, item, state, reason, by=by, now=now)
        if item.begun and not item.is_scan:  # a scan's logs go when its file is whole
            changes.append(expiring(item.scan_id, now, self._hours))
        return changes

    def _where(self, item: Item) -> dict[str, float]:
        """Positions of the motors of a move, `{"samx": 1.5}`; empty for a scan."""
        if item.is_scan:
            return {}
        values = self._beamline.now().values
        found = {motor: value_of(values.get(motor), motor) for motor in item.devices}
        return {motor: at for motor, at in found.items() if at is not None}

    # --- rules ------------------------------------------------------------------------

    def _watch(self) -> None:
        """Watch values while there are rules. The lock must be held."""
        if self._suspenders and not self._suspenders.watched:
            self._suspenders.watched = True
            self._life.spawn(self._suspenders.watch, self._look)

    def _look(self) -> bool:
        """Check the rules against the values; False: there are no rules any more."""
        with self._lock:
            self._suspenders.watched = bool(self._suspenders)
            self._commit(self._suspenders.look())
            self._schedule()
            return self._suspenders.watched


def _last_before(life: Life) -> Id:
    """Return the place of the last scan before the broker's log began."""
    stamp = read_stamp(Folder(life.setup.data))
    return Id(stamp.scans_before if stamp else 0)
