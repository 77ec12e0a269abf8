"""Actions of steps on devices: set, settle, trigger, read, stage."""

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import msgspec

from bec_kernel.errors import DeviceError
from bec_kernel.wire import (
    AnswerStatus,
    Begin,
    Outcome,
    PointStatus,
    Problem,
    Readings,
    StepKind,
    StepRequest,
    Times,
)
from bec_services.device_server.clock import (
    Clock,
    NothingScheduled,
    Status,
    Stopped,
)
from bec_services.device_server.devices import (
    ActionStopped,
    DeviceAdapter,
    begin_stop,
    each,
    stopped,
)
from bec_services.device_server.steps.barrier import Barrier, Withdrawn
from bec_services.device_server.steps.config_snapshot import SetUp, set_up_of
from bec_services.device_server.steps.sweep import OngoingMove, Sweep
from bec_services.device_server.steps.waiting import Waits, wait_at
from bec_services.device_server.values import ScanStreams, Values

MOVE_DEADLINE = 600.0
"""A move that takes longer (s, device server's clock) has failed."""
TRIGGER_DEADLINE = 60.0
"""The same for a trigger, on top of its exposure."""
STAGE_DEADLINE = 60.0
"""The same for one device that is made ready, or put back; s of the wall clock."""
READ_DEADLINE = 15.0
"""The same for one that is read; longer than a wait for its connection."""
_Action = Callable[[StepRequest, threading.Event], Outcome]
_STANDSTILL = 2.0


class _Interrupted(Exception):  # noqa: N818 - an outcome, not a fault
    """Somebody stopped what the step was doing."""


def _alone(_phase: int) -> None:
    """No other device server takes part."""


class Actions:
    """Does steps, one after the other, for one scan."""

    def __init__(
        self,
        held: Mapping[str, DeviceAdapter],
        clock: Clock,
        values: Values,
        streams: ScanStreams | None = None,
        *,
        newest: Callable[[str], Readings | None] = lambda _: None,
    ) -> None:
        self._held = held
        self._clock = clock
        self._values = values
        self._monitored: list[DeviceAdapter] = []
        self._triggered: list[DeviceAdapter] = []
        self._mine: set[str] = set()
        self._missing: list[str] = []
        self._busy: Sequence[DeviceAdapter] = ()
        self._barrier: Barrier = _alone
        self._streams = streams
        self._newest = newest
        self._quality: dict[str, PointStatus] = {}
        self._waits = Waits(clock)
        self._sweep = Sweep()
        self.opened = 0.0
        self.waiting = False
        self._kinds: dict[StepKind, _Action] = {
            StepKind.OPEN: self._open,
            StepKind.CLOSE: self._mark_time,
            StepKind.STAGE: self._stage,
            StepKind.UNSTAGE: self._unstage,
            StepKind.READ: self._read,
            StepKind.BASELINE: self._baseline,
            StepKind.MOVE: self._move,
            StepKind.POINT: self._point,
            StepKind.WAIT: self._wait,
            StepKind.KICKOFF: self._kickoff,
            StepKind.COMPLETE: self._complete,
        }

    def begin(self, begin: Begin, mine: set[str]) -> None:
        """Take note of the devices that take part; `mine`: those of this server."""
        there = mine & set(self._held)
        self._mine = there
        self._missing = sorted(mine - there)  # of an older device list
        self._monitored = [self._held[n] for n in begin.monitored if n in there]
        self._triggered = [self._held[n] for n in begin.triggered if n in there]

    def close(self) -> None:
        """The scan is over: watch nothing more for it."""
        self._waits.close()

    def stop_now(self) -> None:
        """Stop what the current step moves or exposes; waits for no device.

        Called from another thread.
        """
        both = (*self._busy, *self._sweep.moving)
        begin_stop(list({one.name: one for one in both}.values()))

    def halt_motion(self, names: Iterable[str]) -> None:
        """Stop devices that an earlier life may have left moving, or that hang."""
        found = (self._held[name] for name in names if name in self._held)
        usable = [one for one in found if one.usable]
        moving, silent = each(usable, _may_move, _STANDSTILL)
        meant = {name for name in moving if moving[name]} | {e.subject for e in silent}
        stopped(begin_stop(o for o in usable if o.name in meant), _STANDSTILL)

    def do(
        self, request: StepRequest, stop: threading.Event, barrier: Barrier = _alone
    ) -> Outcome:
        """Do a step and return what became of it; `stop` set: leave off at once.

        Args:
            request: the step to do.
            stop: set by another thread.
            barrier: between the phases of a point over several device servers.

        Raises:
            DeviceError: a device cannot; the text names it.
        """
        if self._missing and not request.kind.traits.essential:
            name = self._missing[0]
            raise DeviceError(
                f"{name} is not in the device list any more", subject=name
            )
        self._barrier, self._quality = barrier, {}
        try:
            return self._kinds[request.kind](request, stop)
        except Withdrawn:
            return Outcome(AnswerStatus.WITHDRAWN)
        except (_Interrupted, Stopped) as error:
            who = str(error) or "it was stopped"
            problem = Problem(kind="DeviceError", message=who)
            return Outcome(AnswerStatus.STOPPED, problem)
        finally:
            self._busy = ()

    def _open(self, _request: StepRequest, _stop: threading.Event) -> Outcome:
        self.opened = self._clock.time()
        return Outcome(AnswerStatus.OK, begin=self.opened, end=self.opened)

    def _mark_time(self, _request: StepRequest, _stop: threading.Event) -> Outcome:
        return Outcome(AnswerStatus.OK)

    def _wait(self, request: StepRequest, stop: threading.Event) -> Outcome:
        """Wait until a moment of the scan, then until a value is as it must be.

        A wait without a condition is answered with the time since the scan opened, s.
        """
        begin, until = self._clock.time(), request.until
        self.waiting = True
        try:
            if request.at is not None:
                wait_at(self._clock, self.opened + request.at, stop)
            if request.settle:
                self._clock.sleep(request.settle, stop)
            motions = self._sweep.send(self._motors(request.set), request.set)
            if until is not None and until.device in self._mine:
                device = self._held[until.device].check()
                ends = [motion.status for motion in motions]
                self._waits.until(device, until, stop, ends=ends)
        except (Stopped, DeviceError):
            stopped(begin_stop(self._sweep.moving), _STANDSTILL)
            raise
        finally:
            self.waiting = False
        for motion in motions:
            if motion.status.done:
                _check(motion.motor, motion.stopped, motion.status)
        end = self._clock.time()
        value = self._told(request, motions, end)
        return Outcome(AnswerStatus.OK, begin=begin, end=end, value=value)

    def _told(
        self, request: StepRequest, motions: Sequence[OngoingMove], end: float
    ) -> str | float | None:
        """Return the result of a wait step, for `Outcome.value`.

        Returns:
            "arrived" if the step moved motors of this server and all have arrived;
            time since the scan was opened, s, if the step had neither target
            positions nor a condition; else None.
        """
        if motions and all(motion.status.done for motion in motions):
            return "arrived"
        return None if request.set or request.until else end - self.opened

    def _motors(self, positions: Mapping[str, float]) -> list[DeviceAdapter]:
        return [self._held[name] for name in positions if name in self._mine]

    def _of(self, request: StepRequest) -> list[DeviceAdapter]:
        return [self._held[name] for name in request.devices if name in self._mine]

    def _stage(self, request: StepRequest, _stop: threading.Event) -> Outcome:
        devices = self._of(request)
        for one in devices:
            if self._streams is not None:
                self._streams.open(one.name, one.check())
        exposure = request.exposure
        _, failed = each(devices, lambda one: one.stage(exposure), STAGE_DEADLINE)
        if failed:
            raise failed[0]
        # Not before: to be staged changes how they are set up.
        return _with(Outcome(AnswerStatus.OK), set_up_of(devices, READ_DEADLINE))

    def _unstage(self, request: StepRequest, _stop: threading.Event) -> Outcome:
        """Unstage every device, also behind one that fails; nothing moves any more."""
        stopped(begin_stop(self._sweep.moving), _STANDSTILL)
        devices = self._of(request)
        _, failed = each(devices, lambda one: one.unstage(), STAGE_DEADLINE)
        for one in devices:
            if self._streams is not None:
                self._streams.close(one.name)
        if failed:
            raise failed[0]
        return Outcome(AnswerStatus.OK)

    def _kickoff(self, request: StepRequest, stop: threading.Event) -> Outcome:
        """Tell devices how to fly, and let them; done when they do."""
        devices = self._of(request)
        self._run(devices, lambda one: one.prepare(request.data), MOVE_DEADLINE, stop)
        self._run(devices, lambda one: one.begin("kickoff"), MOVE_DEADLINE, stop)
        return Outcome(AnswerStatus.OK)

    def _complete(self, request: StepRequest, stop: threading.Event) -> Outcome:
        """Wait until devices that fly by themselves have done it."""
        begin = self._clock.time()
        devices = self._of(request)
        self._run(devices, lambda one: one.begin("complete"), MOVE_DEADLINE, stop)
        return Outcome(AnswerStatus.OK, begin=begin, end=self._clock.time())

    def _read(self, request: StepRequest, _stop: threading.Event) -> Outcome:
        data = self._readings(self._of(request))
        return Outcome(AnswerStatus.OK, data=data, quality=self._quality)

    def _baseline(self, request: StepRequest, stop: threading.Event) -> Outcome:
        read = self._read(request, stop)
        return _with(read, set_up_of(self._of(request), READ_DEADLINE))

    def _readings(self, devices: Sequence[DeviceAdapter]) -> dict[str, Readings]:
        found, failed = each(devices, _read, READ_DEADLINE)
        for name, readings in found.items():
            self._values.note(name, readings)
        for error in failed:
            found[error.subject] = self._buffered(error)
        return found

    def _buffered(self, error: DeviceError) -> Readings:
        """Return the last readings known of a device, marked; if that is wanted.

        Raises:
            DeviceError: it is not, or there are none.
        """
        spec = self._held[error.subject].spec
        wanted = spec.enabled and spec.onFailure == "buffer"
        readings = self._newest(error.subject) if wanted else None
        if readings is None:
            raise error
        self._quality[error.subject] = PointStatus.BUFFERED
        return readings

    def _move(self, request: StepRequest, stop: threading.Event) -> Outcome:
        begin = self._clock.time()
        self._set(request.set, stop)
        return Outcome(AnswerStatus.OK, begin=begin, end=self._clock.time())

    def _point(self, request: StepRequest, stop: threading.Event) -> Outcome:
        clock, now = self._clock, self._clock.monotonic
        start, taken = clock.time(), now()
        if request.set:
            self._set(request.set, stop)
        self._barrier(1)
        arrived = now()
        if request.settle:
            clock.sleep(request.settle, stop)
        begin, settled = clock.time(), now()
        self._expose(request, stop)
        end = clock.time()
        self._barrier(2)
        exposed = now()
        if request.settle_after:
            clock.sleep(request.settle_after, stop)
        quiet = now()
        data = self._readings(self._monitored)
        settle = settled - arrived + quiet - exposed
        times = Times(start, arrived - taken, settle, exposed - settled, now() - quiet)
        return Outcome(AnswerStatus.OK, None, begin, end, data, self._quality, times)

    def _expose(self, request: StepRequest, stop: threading.Event) -> None:
        started = self._clock.monotonic()
        deadline = request.exposure + TRIGGER_DEADLINE
        self._run(self._triggered, lambda one: one.trigger(), deadline, stop)
        left = request.exposure - (self._clock.monotonic() - started)
        if left > 0:
            self._clock.sleep(left, stop)

    def _set(self, positions: Mapping[str, float], stop: threading.Event) -> None:
        motors = self._motors(positions)

        def start(one: DeviceAdapter) -> Status:
            return self._sweep.status(one, positions[one.name])

        self._run(motors, start, MOVE_DEADLINE, stop)
        for one in motors:
            self._values.note(one.name)

    def _run(
        self,
        devices: Sequence[DeviceAdapter],
        start: Callable[[DeviceAdapter], Status],
        deadline: float,
        stop: threading.Event,
    ) -> None:
        """Start something on all devices and wait until it is done on each."""
        self._busy = devices
        before = [one.stopped for one in devices]
        statuses: list[Status] = []
        try:
            for one in devices:
                statuses.append(start(one))
            _raise_if_stopped(devices, before)  # while it was being started
            self._clock.wait(statuses, deadline, stop)
        except (Stopped, _Interrupted, DeviceError):
            self._stand_still(devices, statuses)
            raise
        except TimeoutError as error:
            late = [
                one.name
                for one, status in zip(devices, statuses, strict=True)
                if not status.done
            ]
            self._stand_still(devices, statuses)
            raise DeviceError(
                f"{', '.join(late)} not done after {deadline:g} s", subject=late[0]
            ) from error
        for one, count, status in zip(devices, before, statuses, strict=True):
            _check(one, count, status)

    def _stand_still(
        self, devices: Sequence[DeviceAdapter], statuses: Sequence[Any]
    ) -> None:
        """Stop all of them, and wait a little until they stand."""
        stopped(begin_stop(devices), _STANDSTILL)
        try:
            self._clock.wait(statuses, _STANDSTILL)
        except (TimeoutError, NothingScheduled):
            return  # the next move says so, if it still does not stand


def _with(outcome: Outcome, set_up: SetUp) -> Outcome:
    return msgspec.structs.replace(
        outcome,
        configuration=set_up.readings,
        configuration_units=set_up.units,
        configuration_gaps=set_up.lacking,
    )


def _read(one: DeviceAdapter) -> Readings:
    """Read a device; wait for its connection if its settings say so."""
    one.ready()
    try:
        return one.read()
    except DeviceError:
        if one.problem is None:
            raise
    one.ready()
    return one.read()


def _may_move(one: DeviceAdapter) -> bool:
    try:
        return bool(getattr(one.device, "moving", False))
    except Exception:  # noqa: BLE001 - whatever a device that is away raises
        return True


def _raise_if_stopped(devices: Sequence[DeviceAdapter], before: Sequence[int]) -> None:
    for one, count in zip(devices, before, strict=True):
        if one.stopped != count:
            raise _Interrupted(f"{one.name} was stopped")


def _check(one: DeviceAdapter, stopped_before: int, status: Status) -> None:
    """Say what went wrong with a status that is done.

    `EpicsMotor.stop` ends a move with success: only the count of stops tells.
    """
    error = status.exception(0)
    if one.stopped != stopped_before or isinstance(error, ActionStopped):
        raise _Interrupted(f"{one.name} was stopped")
    if error is not None:
        raise DeviceError(f"{one.name} failed: {error}", subject=one.name) from error
