"""Pure: actions of users on items and queues; each gives changes or a refusal."""

import msgspec

from bec_kernel.bus.changes import Append, Change
from bec_kernel.errors import RefusedError
from bec_kernel.language import closest, refuse_unknown
from bec_kernel.scan import item_label
from bec_kernel.wire import (
    VERB_RULES,
    Control,
    Hold,
    Item,
    ItemAction,
    ItemState,
    QueueAction,
    QueueVerb,
    Verb,
    keys,
)
from bec_services.scan_server.queue.queues import Queues

ITEM_VERBS = [verb for verb, rule in VERB_RULES.items() if rule.asked]
_OF_WAITING = [verb for verb, rule in VERB_RULES.items() if rule.waiting]
_OF_MOVES = [verb for verb, rule in VERB_RULES.items() if rule.of_moves]
_LONGEST = 64
_SHOWN = 80


def check_time(action: ItemAction | QueueAction, now: float) -> None:
    """Refuse an action whose deadline has passed.

    Raises:
        RefusedError: it came too late.
    """
    if action.deadline and now > action.deadline:
        raise RefusedError(
            f"{action.verb} came {now - action.deadline:.1f} s too late: not done",
            subject=action.verb,
        )


def meant(queues: Queues, action: ItemAction) -> Item:
    """Return the item an action is about.

    Raises:
        RefusedError: there is none, or people cannot ask for this.
    """
    if action.verb not in ITEM_VERBS:
        raise RefusedError(
            f"{action.verb} cannot be requested, only {', '.join(ITEM_VERBS)}",
            subject=action.verb,
            allowed=", ".join(ITEM_VERBS),
        )
    if action.scan_id:
        item = queues.items.get(action.scan_id)
    else:
        item = queues.running_in(action.queue)
    if item is None:
        what = action.scan_id[:_SHOWN] or f"queue {action.queue:.80}"
        state = "neither runs nor waits" if action.scan_id else "is not running"
        raise RefusedError(f"nothing to {action.verb}: {what} {state}", subject=what)
    return item


# --- items ----------------------------------------------------------------------------


def act_on_item(
    queues: Queues, action: ItemAction, user: str, now: float
) -> list[Change]:
    """Act on an item; return the changes. Not for `restart` and `repeat`.

    Args:
        queues: they are changed, too.
        action: the requested action.
        user: name from the inbox's key.
        now: s since the epoch, wall clock.

    Raises:
        RefusedError: it cannot be done; nothing was changed.
    """
    item = meant(queues, action)
    if item.state is ItemState.PENDING:
        return _act_on_waiting(queues, item, action, user, now)
    effect = action.verb.rule.running
    if not effect:
        raise RefusedError(
            f"{item_label(item)} has begun: it can no longer {action.verb}",
            subject=action.verb,
            allowed="abort, complete",
        )
    hold = Hold(user=user, reason=action.reason, time=now)
    if effect == "rewind":
        return _rewind(item, action, hold)
    return control(queues, item, action.verb, hold, action.request_id)


def _rewind(item: Item, action: ItemAction, hold: Hold) -> list[Change]:
    if not item.is_scan or action.point < 0:
        what = f"point {action.point}" if item.is_scan else item_label(item)
        raise RefusedError(
            f"a scan is rewound to a point it has taken, from 0 on, not to {what}",
            subject="point",
            value=str(action.point),
            allowed="0 …",
        )
    return [told(item, action.verb, hold, action.request_id, point=action.point)]


def _act_on_waiting(
    queues: Queues, item: Item, action: ItemAction, user: str, now: float
) -> list[Change]:
    name = item.request.name
    if action.verb not in _OF_WAITING:
        raise RefusedError(
            f"{name} has not begun: it cannot {action.verb}",
            subject=action.verb,
            allowed=", ".join(_OF_WAITING),
        )
    if action.verb.rule.waiting == "cancel":
        hold = Hold(user=user, reason=action.reason, time=now)
        return cancelled(queues, item, hold)
    if action.place is None:
        raise RefusedError(
            "a move needs a place: up, down, top, bottom or to",
            subject="place",
            allowed="up, down, top, bottom, to",
        )
    if not item.is_scan:
        raise RefusedError(
            f"{name} stands in no queue: it begins as soon as its devices are free",
            subject=name,
        )
    return queues.move(item, action.place, action.position)


def cancelled(queues: Queues, item: Item, hold: Hold) -> list[Change]:
    """Build the changes that cancel a waiting item."""
    by, now = hold.user, hold.time
    return ended(queues, item, ItemState.CANCELLED, str(hold), by=by, now=now)


def ended(
    queues: Queues, item: Item, state: ItemState, reason: str, *, by: str, now: float
) -> list[Change]:
    """Build the changes with which an item ends."""
    if item.state is ItemState.PAUSED and state is ItemState.COMPLETED:
        queues.put(msgspec.structs.replace(item, state=ItemState.RUNNING))
    done = msgspec.structs.replace(
        item, state=state, reason=reason, by=by, time=now, paused=None
    )
    return queues.put(done)


def control(
    queues: Queues, item: Item, verb: Verb, hold: Hold, request_id: str = ""
) -> list[Change]:
    """Build the control message for the worker of an item that has begun.

    The item records by whom it is paused: a rule resumes only what a rule has paused,
    and never what a user has paused.

    Raises:
        RefusedError: it cannot be done now.
    """
    if not item.is_scan and verb not in _OF_MOVES:
        raise RefusedError(
            f"{item_label(item)} is not a scan: it cannot {verb}",
            subject=verb,
            allowed=", ".join(_OF_MOVES),
        )
    if verb.rule.running == "resume":
        return _resume(queues, item, hold, request_id)
    if verb.rule.running == "pause":
        new = msgspec.structs.replace(item, paused=hold)
    else:
        new = msgspec.structs.replace(item, paused=None, by=hold.user)
    return [*queues.put(new), told(item, verb, hold, request_id)]


def _resume(
    queues: Queues, item: Item, hold: Hold, request_id: str = ""
) -> list[Change]:
    queue = item.request.queue
    if item.paused is None and item.state is not ItemState.PAUSED:
        raise RefusedError(f"{item_label(item)} is not paused", subject="resume")
    suspended = queues.status(queue).suspended
    if suspended is None:
        # Shown until the worker goes on.
        why = "resuming" if item.state is ItemState.PAUSED else item.reason
        new = msgspec.structs.replace(item, paused=None, reason=why)
        return [*queues.put(new), told(item, Verb.RESUME, hold, request_id)]
    if _by_rule(item):
        raise RefusedError(
            f"{item_label(item)} goes on by itself: queue {queue} is {suspended}",
            subject="resume",
            allowed="to take the rule away first",
        )
    # The user wants to go on: the queue will, once no rule suspends it.
    return queues.put(msgspec.structs.replace(item, paused=suspended))


def _by_rule(item: Item) -> bool:
    return item.paused is not None and item.paused.user == Hold.SUSPENDER


def told(
    item: Item, verb: Verb, hold: Hold, request_id: str = "", *, point: int = 0
) -> Change:
    """Build the control entry for a worker."""
    reason = str(hold) if hold.reason and verb is not Verb.RESUME else hold.reason
    one = Control(
        verb=verb, user=hold.user, request_id=request_id, reason=reason, point=point
    )
    return Append(keys.controls(item.scan_id), one)


# --- queues ---------------------------------------------------------------------------


def act_on_queue(
    queues: Queues, action: QueueAction, user: str, now: float
) -> list[Change]:
    """Act on a queue; return the changes.

    Raises:
        RefusedError: it cannot be done; nothing was changed.
    """
    _check_name(queues, action)
    hold = Hold(user=user, reason=action.reason, time=now)
    match action.verb:
        case QueueVerb.PAUSE | QueueVerb.PAUSE_NOW:
            return _pause(queues, action, hold)
        case QueueVerb.RESUME:
            return _resume_queue(queues, action.queue, hold)
        case QueueVerb.LOCK:
            return _lock(queues, action, hold)
        case QueueVerb.UNLOCK:
            if queues.status(action.queue).locked is None:
                raise RefusedError(
                    f"queue {action.queue} is not locked", subject=action.queue
                )
            return queues.hold(action.queue, locked=None)
    waiting = queues.waiting_in(action.queue)
    return [change for item in waiting for change in cancelled(queues, item, hold)]


def _check_name(queues: Queues, action: QueueAction) -> None:
    name, known = action.queue, queues.names
    if name in known:
        return
    if not name.isidentifier() or len(name) > _LONGEST:
        raise RefusedError(f"{name!r:.40} is not a valid queue name", subject="queue")
    if closest(name, known) or action.verb not in (QueueVerb.LOCK, QueueVerb.PAUSE):
        raise refuse_unknown("queue", name, known)


def _pause(queues: Queues, action: QueueAction, hold: Hold) -> list[Change]:
    changes = queues.hold(action.queue, paused=hold)
    item = queues.running_in(action.queue)
    if item is None:
        return changes
    controls = control(queues, item, Verb(action.verb), hold, action.request_id)
    return [*changes, *controls]


def _resume_queue(queues: Queues, queue: str, hold: Hold) -> list[Change]:
    status, item = queues.status(queue), queues.running_in(queue)
    paused = item is not None and (item.paused or item.state is ItemState.PAUSED)
    if status.paused is None and (status.suspended or not paused):
        why = f": it is {status.suspended}" if status.suspended else ""
        raise RefusedError(f"queue {queue} is not paused{why}", subject="resume")
    changes = queues.hold(queue, paused=None) if status.paused else []
    if item is not None and paused and not _by_rule(item):
        changes += _resume(queues, item, hold)
    return changes


def _lock(queues: Queues, action: QueueAction, hold: Hold) -> list[Change]:
    before = queues.status(action.queue).locked
    if before is not None:
        raise RefusedError(
            f"queue {action.queue} is locked already, {before}",
            subject=action.queue,
            value=before.user,
        )
    if not action.reason.strip():
        raise RefusedError(
            f"say why: a lock of queue {action.queue} needs a reason", subject="reason"
        )
    return queues.hold(
        action.queue, locked=msgspec.structs.replace(hold, moves=action.moves)
    )


# --- rules ----------------------------------------------------------------------------


def suspend(
    queues: Queues, queue: str, hold: Hold, *, after_point: bool
) -> list[Change]:
    """Build the changes with which a broken rule suspends a queue."""
    changes = queues.hold(queue, suspended=hold)
    item = queues.running_in(queue)
    if item is None or item.paused or item.state is ItemState.PAUSED:
        return changes
    verb = Verb.PAUSE if after_point else Verb.PAUSE_NOW
    return [*changes, *control(queues, item, verb, hold)]


def release(queues: Queues, queue: str, now: float) -> list[Change]:
    """Build the changes with which a suspended queue goes on."""
    changes = queues.hold(queue, suspended=None)
    item = queues.running_in(queue)
    if item is None or not _by_rule(item):
        return changes
    hold = Hold(user=Hold.SUSPENDER, reason="it is so again", time=now)
    return [*changes, *_resume(queues, item, hold)]
