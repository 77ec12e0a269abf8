"""Suspend and release queues by rules: check values when they change."""

import contextlib
import time
import uuid
from collections.abc import Callable

import msgspec

from bec_kernel.bus.changes import Change, Drop, Put
from bec_kernel.errors import RefusedError
from bec_kernel.language import refuse_unknown
from bec_kernel.service import Life
from bec_kernel.wire import (
    Condition,
    DeviceValue,
    Hold,
    Item,
    ItemState,
    ScanRequest,
    Suspender,
    SuspenderAction,
    Verb,
    keys,
)
from bec_services.scan_server.accept import Beamline, BeamlineWatch
from bec_services.scan_server.program import condition_of, own_reading, text_of
from bec_services.scan_server.queue.item_actions import control, release, suspend
from bec_services.scan_server.queue.queues import Queues
from bec_services.scan_server.queue.suspending import Rules, key_of
from bec_services.scan_server.scans.wait import Wait

_SLICE = 0.5
_VIRTUAL = 3600.0
"""So much time (s) is let pass for a rule beyond its own, on a virtual clock."""
_REST = 0.02
"""Shortest time between two looks at the values, s."""


class Suspenders:
    """The rules of one life. All but `changed` is called with the queues' lock held.

    Attributes:
        watched: a thread looks at values.
    """

    def __init__(self, life: Life, beamline: BeamlineWatch, queues: Queues) -> None:
        self.watched = False
        self._life = life
        self._beamline = beamline
        self._queues = queues
        self._told: dict[str, list[str]] = {}
        broken = [name for name in queues.names if queues.status(name).suspended]
        self._rules = Rules(life.bus.get_all(keys.suspenders()).values(), broken)
        self._known = {*broken, *self._rules.queues}

    def __bool__(self) -> bool:
        return bool(len(self._rules))

    def act(self, action: SuspenderAction, user: str, now: float) -> list[Change]:
        """Set a rule, or take it away; return what changes.

        Raises:
            RefusedError: nothing was changed; the text says why.
        """
        if action.deadline and now > action.deadline:
            raise RefusedError("a rule came too late: not set", subject="rule")
        if not action.queue.isidentifier():
            raise RefusedError(
                f"{action.queue!r:.40} is not a valid queue name", subject="queue"
            )
        change = self._set(action, user, now) if action.rule else self._remove(action)
        self._known.add(action.queue)
        return [change, *self.look()]

    def _set(self, action: SuspenderAction, user: str, now: float) -> Change:
        rule = condition_of(action.rule, "rule")
        assert rule is not None
        if "within" in action.rule.split():
            raise RefusedError(
                "a rule for a queue has no deadline: leave `within` away",
                subject="rule",
                value=action.rule[:80],
            )
        _check(rule, self._beamline.now())
        suspender = Suspender(
            queue=action.queue,
            name=action.name or rule.device,
            rule=rule,
            after_point=action.after_point,
            user=user,
            time=now,
        )
        if len(suspender.name) > 64 or not suspender.name.isprintable():
            raise RefusedError(
                f"{action.name!r:.40} is not a valid rule name", subject="name"
            )
        self._rules.add(suspender)
        return Put(keys.suspenders(), suspender, key_of(suspender))

    def _remove(self, action: SuspenderAction) -> Change:
        key = f"{action.queue}.{action.name}"
        if self._rules.remove(key) is None:
            there = ", ".join(self._rules.of(action.queue)) or "none"
            raise RefusedError(
                f"queue {action.queue} has no rule {action.name!r:.60}; it has {there}",
                subject="name",
                value=action.name[:60],
                allowed=there,
            )
        return Drop(keys.suspenders(), key)

    def look(self) -> list[Change]:
        """Look at all values; return what changes."""
        if not self._known:
            return []
        beamline = self._beamline.now()
        self._rules.look(lambda rule: _value(rule, beamline), self._now(beamline))
        found = [change for name in self._known for change in self._hold(name)]
        self._known = self._rules.queues
        return found

    def _now(self, beamline: Beamline) -> float:
        """Return the time: on a virtual clock that of the newest reading."""
        if not self._beamline.users.virtual:
            return time.monotonic()
        values = [beamline.values.get(name) for name in self._rules.devices]
        stamps = [r.timestamp for v in values if v for r in v.readings.values()]
        return max(stamps, default=0.0)

    def _hold(self, queue: str) -> list[Change]:
        """Hold a queue up, or let it go on, where its broken rules are others now."""
        broken = self._rules.broken(queue)
        names = [suspender.name for suspender, _ in broken]
        suspended = self._queues.status(queue).suspended
        if names == self._told.get(queue, []) and bool(names) == bool(suspended):
            return []
        self._told[queue] = names
        if not broken:
            self._life.log.info("goes on", queue=queue)
            return [*self._end_waits(queue), *release(self._queues, queue, time.time())]
        reason = "; ".join(why for _, why in broken)
        if suspended is None:
            self._life.alarm(f"queue {queue} is suspended: {reason}", "minor")
        hold = Hold(user=Hold.SUSPENDER, reason=reason, time=time.time())
        gently = all(suspender.after_point for suspender, _ in broken)
        return suspend(self._queues, queue, hold, after_point=gently)

    # --- on a virtual clock -----------------------------------------------------------

    def wait(self) -> ScanRequest | None:
        """Build a wait that lets virtual time pass for a rule; None: not needed.

        A virtual clock stands still while all is paused. So a rule is waited for by an
        item of its own, where something waits for the rule and nothing else runs.
        """
        busy = any(item.state is not ItemState.PAUSED for item in self._queues.active())
        if busy or not self._beamline.users.virtual:
            return None
        for suspender in self._rules.hopeful():
            queue = suspender.queue
            waiting = self._queues.waiting_in(queue)
            if any(item.user == Hold.SUSPENDER for item in waiting):
                continue
            if waiting or self._queues.running_in(queue):
                deadline = suspender.rule.held + _VIRTUAL
                rule = msgspec.structs.replace(suspender.rule, deadline=deadline)
                return ScanRequest(
                    request_id=uuid.uuid4().hex,
                    name=Wait.name,
                    kwargs={"wait_until": text_of(rule)},
                    queue=queue,
                )
        return None

    def _end_waits(self, queue: str) -> list[Change]:
        """Abort the waits for rules in a queue: they are no longer needed."""
        hold = Hold(user=Hold.SUSPENDER, reason="no longer needed", time=time.time())
        waits = [
            item
            for item in list(self._queues.active())
            if item.user == Hold.SUSPENDER and item.request.queue == queue
        ]
        found = (control(self._queues, item, Verb.ABORT, hold) for item in waits)
        return [change for changes in found for change in changes]

    def waited(self, item: Item, state: ItemState) -> list[Change]:
        """Take note of the end of such an item; return what changes."""
        rule = condition_of(str(item.request.kwargs.get("wait_until", "")))
        queue, met = item.request.queue, state is ItemState.COMPLETED
        if rule is None or not self._rules.waited(queue, rule, met=met):
            return []
        if not met:
            self._life.alarm(
                f"queue {queue} stays suspended: {rule} was not so in the virtual time "
                f"that was let pass for it (at most {rule.deadline:g} s), and time "
                f"stands still now: make {rule.device} good again, let more time pass "
                "(as in: %scan acquire --exp-time 3600 --scan-queue other), or take "
                "the rule away",
                "minor",
            )
        return self._hold(queue)

    def watch(self, look: Callable[[], bool]) -> None:
        """Call `look` when values change or a rule is due, until it says no.

        Runs in a thread of its own; there is none while there are no rules.
        """
        servers = self._beamline.users.device_servers or ["main"]
        with self._life.bus.watch(
            *map(keys.values, servers), *map(keys.devices, servers)
        ) as watch:
            woken = True
            while True:
                self._life.check()
                if (woken or self._is_due()) and not look():
                    return
                woken = watch.wait(self._patience())
                if woken:
                    self._life.over.wait(_REST)

    def _is_due(self) -> bool:
        return not self or time.monotonic() >= self._rules.due

    def _patience(self) -> float:
        return max(0.0, min(_SLICE, self._rules.due - time.monotonic()))


def _check(rule: Condition, beamline: Beamline) -> None:
    """Refuse a rule whose value does not exist.

    Raises:
        RefusedError: it names what is there.
    """
    device = beamline.devices.get(rule.device)
    if device is None:
        raise refuse_unknown("device for a rule", rule.device, beamline.devices)
    signals = [s.name for s in device.signals]
    if rule.signal and rule.signal not in signals:
        raise RefusedError(
            f"{rule.device} has no signal {rule.signal!r:.60}",
            subject=rule.device,
            value=rule.signal,
            allowed=", ".join(signals),
        )
    if device.connected and _value(rule, beamline) is None:
        raise RefusedError(
            f"{rule.device} has no numeric value for a rule",
            subject=rule.device,
        )


def _value(rule: Condition, beamline: Beamline) -> float | None:
    """Look up the value of a rule's signal; None: missing or not a number."""
    device = beamline.devices.get(rule.device)
    if device is None or not device.connected:
        return None
    return value_of(beamline.values.get(rule.device), rule.device, rule.signal)


def value_of(value: DeviceValue | None, device: str, signal: str = "") -> float | None:
    """Give the newest number of a signal, or of the device itself; None: no number."""
    readings = value.readings if value else {}
    reading = readings.get(signal) if signal else own_reading(readings, device)
    with contextlib.suppress(TypeError, ValueError):
        return float(reading.value) if reading is not None else None
    return None
