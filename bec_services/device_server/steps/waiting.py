"""Waits that a scan's program asks for: until a moment, until a value is as it must be.

On the wall clock a wait sleeps until the signal tells of a change; on the virtual one
time goes from event to event until one makes the rule true.
"""

import threading
from collections.abc import Sequence
from typing import Any

from bec_kernel.errors import DeviceError
from bec_kernel.wire import Condition
from bec_services.device_server.clock import Clock, NothingScheduled, Status, Timer
from bec_services.device_server.devices import LightStatus, read_signals
from bec_services.device_server.steps.sweep import first_of


def wait_at(clock: Clock, moment: float, stop: threading.Event | None = None) -> None:
    """Return at `moment` (s since the epoch, `clock`'s), or at once behind it.

    Raises:
        Stopped: `stop` was set.
    """
    left = moment - clock.time()
    if left > 0:
        clock.sleep(left, stop)


class Waits:
    """The rules of one scan: watched from when they are first waited for.

    So a value that has been as it must be for long is not waited for again.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._rules: dict[Condition, _WaitRule] = {}

    def until(
        self,
        device: Any,
        condition: Condition,
        stop: threading.Event | None = None,
        *,
        ends: Sequence[Status] = (),
    ) -> None:
        """Return when `condition` has been met for as long as it says.

        Args:
            device: whose value it is about.
            condition: what is to be so.
            stop: set by another thread.
            ends: not waited for longer than until one of these is done.

        Raises:
            Stopped: `stop` was set.
            DeviceError: there is no such signal, or it was not so before the deadline.
        """
        rule = self._rules.get(condition)
        if rule is None or rule.device is not device:
            rule = _WaitRule(self._clock, condition, device)
            self._rules[condition] = rule
        try:
            met = rule.met()
            first = first_of(self._clock, [met, *ends]) if ends else met
            self._clock.wait([first], condition.deadline, stop)
        except (TimeoutError, NothingScheduled) as error:
            raise DeviceError(
                f"{condition} was not so within {condition.deadline:g} s: "
                f"it is {rule.value!r:.40}",
                subject=condition.device,
            ) from error

    def close(self) -> None:
        """Watch no more."""
        for rule in self._rules.values():
            rule.close()
        self._rules.clear()


def _signal_of(device: Any, condition: Condition) -> Any:
    signals = read_signals(device)
    name = condition.signal or next(iter(signals), "")
    if name not in signals:
        raise DeviceError(
            f"{condition.device} has no signal {name!r:.60}",
            subject=condition.device,
            value=name[:60],
            allowed=", ".join(signals),
        )
    return signals[name]


class _WaitRule:
    """A condition that is looked at with every change of the value."""

    def __init__(self, clock: Clock, condition: Condition, device: Any) -> None:
        self.device = device
        self.value: Any = None
        self._clock = clock
        self._condition = condition
        self._status = LightStatus(clock)
        self._timer: Timer | None = None
        self._lock = threading.Lock()
        self._signal = _signal_of(device, condition)
        self._cid = self._signal.subscribe(self._look, run=False)
        self._look(value=self._signal.get())

    def met(self) -> LightStatus:
        """Return a status that is done when, or as, the condition is met."""
        with self._lock:
            return self._status

    def close(self) -> None:
        """Watch no more."""
        self._signal.unsubscribe(self._cid)
        with self._lock:
            self._forget()

    def _look(self, *_: Any, value: Any, **__: Any) -> None:
        """Take note of a value: begin to count the time it holds, or end that."""
        with self._lock:
            self.value = value
            if not self._condition.is_met(float(value)):
                self._forget()
            elif self._timer is None:
                self._timer = self._clock.call_later(self._condition.held, self._held)

    def _forget(self) -> None:
        """It is not so any more; the lock is held."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._status.done:
            self._status = LightStatus(self._clock)

    def _held(self) -> None:
        with self._lock:
            status = self._status if self._timer is not None else None
        if status is not None:
            status.set_finished()
