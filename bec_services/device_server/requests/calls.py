"""Remote calls and stops: requests of persons to devices, past any queue.

Three rules hold for every call:

1. *A call is done at most once.* A call that an earlier life may have begun is refused
   ("it may have been done") unless its method only reads. The record of a call is begun
   before the device is touched.
2. *A device that is slow or hangs blocks no other.* Each call has a thread of its own;
   at most `_AT_ONCE` run, further ones are refused. A device that does not answer in
   time is left to its thread, and the call fails.
3. *A stop always gets through.* `StopDevices` needs no free place among the calls and
   no permission of a scan. The scans hear of it before the devices stop, so that a step
   is answered `stopped` and not as a failed motor.
"""

import contextlib
import inspect
import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from functools import partial
from itertools import islice
from typing import Any

from ophyd import Signal
from ophyd.ophydobj import OphydObject

from bec_kernel.bus import encode
from bec_kernel.errors import BecError, DeviceError, InUseError, RefusedError
from bec_kernel.service import LATER, Life, Request
from bec_kernel.wire import Call, Reading, StopDevices
from bec_services.device_server.clock import (
    Clock,
    NothingScheduled,
    Status,
    Stopped,
)
from bec_services.device_server.devices import (
    POOL,
    ActionStopped,
    DeviceAdapter,
    begin_stop,
    stopped,
)
from bec_services.device_server.requests.call_log import CallRecord
from bec_services.device_server.requests.stop import stop_devices, unknown_device
from bec_services.device_server.values import Values

_AT_ONCE = 32
"""Maximum number of concurrent calls; further calls are refused."""
_PATIENCE = 600.0
_ANSWER = 15.0
"""Maximum time for a device to begin an action, s."""
_FARTHEST = 1e300
_STANDSTILL = 2.0
_SHORTEST = 0.05
_EARLIER = 0.2
"""A signal gives up this time before the call does, s."""
_MOST = 100_000
"""Maximum number of values taken from a list or a generator."""

Ask = Call | StopDevices
Holder = Callable[[str], str | None]
"""Says who holds a device ("scan 7"), or None."""


class CallRequests:
    """Answers calls and stops, each in a thread of its own."""

    def __init__(
        self,
        life: Life,
        held: Mapping[str, DeviceAdapter],
        clock: Clock,
        values: Values,
        holder: Holder,
        *,
        told: Callable[[Collection[str]], None],
    ) -> None:
        self._life = life
        self._held = held
        self._clock = clock
        self._values = values
        self._holder = holder
        self._told = told
        self._free = threading.Semaphore(_AT_ONCE)

    def handle(self, request: Request[Ask]) -> Any:
        """Begin with a stop or a call in a thread of its own, which replies.

        Raises:
            DeviceError: an earlier life may have begun with the call.
            RefusedError: too many calls are under way.
        """
        ask = request.message
        if isinstance(ask, StopDevices):
            self._told(ask.devices)
            self._begin(lambda: request.answer(lambda: self._stop(ask.devices)))
        elif request.inherited and ask.method not in Call.HARMLESS:
            raise DeviceError(
                "the device server ended meanwhile; it may have been done"
            )
        elif not self._free.acquire(blocking=False):
            raise RefusedError(f"{_AT_ONCE} calls are under way; try again")
        else:
            line = CallRecord(self._life, request.user, ask)
            self._begin(partial(self._answer, request, ask, line))
        return LATER

    def _answer(self, request: Request[Ask], call: Call, line: CallRecord) -> None:
        try:
            request.answer(lambda: self._call(call, line), line.ended)
        finally:
            self._free.release()

    def _begin(self, work: Callable[[], object]) -> None:
        """Work in a thread of its own; what goes wrong there ends this life."""

        def guarded() -> None:
            try:
                work()
            except BaseException as error:  # noqa: BLE001 - raised again by check()
                self._life.end(error)

        POOL.submit(guarded)

    def _stop(self, names: Collection[str]) -> list[str]:
        return stop_devices(self._held, names, self._clock)

    def _call(self, call: Call, line: CallRecord) -> Any:
        if call.deadline and time.time() > call.deadline:
            raise RefusedError(f"{call.device}.{call.method:.80} came too late")
        one = self._held.get(call.device)
        if one is None:
            raise unknown_device(call.device, self._held)
        last = call.method.rpartition(".")[2]
        method = one.call(call.method)
        if last == "stop":
            self._told([one.name])
            return self._stop([one.name])
        if last not in Call.HARMLESS:
            self._may_change(one)
            line.begin()
        before = one.stopped
        if call.method == "set":
            place = _position(one, call)
            work: Callable[[], Any] = lambda: one.set(place)  # noqa: E731
        else:
            work = partial(_called, call, _in_time(call, method))
        result = work() if one.quick else self._patiently(call, work)
        found = self._finish(one, call, result, before)
        return self._that_travels(call, found, line.user)

    def _that_travels(self, call: Call, found: Any, user: str) -> Any:
        """Convert the result to plain data; None, with an alarm, if that fails."""
        try:
            value = _plain(found)
            encode(value)
        except (TypeError, ValueError, OverflowError, RecursionError) as error:
            what = f"{call.device}.{call.method} gave back what cannot travel: {error}"
            self._life.alarm(what[:500], request_id=call.request_id, user=user)
            return None
        return value

    def _patiently(self, call: Call, work: Callable[[], Any]) -> Any:
        """Do what may hang, and leave it alone when it does."""
        patience = min(_left(call), _ANSWER)
        future = POOL.submit(work)
        try:
            return future.result(patience)
        except TimeoutError as error:
            raise DeviceError(
                f"{call.device} did not answer within {patience:g} s",
                subject=call.device,
            ) from error

    def _may_change(self, one: DeviceAdapter) -> None:
        if one.spec.readOnly:
            raise DeviceError(f"{one.name} is read-only", subject=one.name)
        if holder := self._holder(one.name):
            raise InUseError(
                f"{one.name} is in use by {holder}", subject=one.name, value=holder
            )

    def _finish(self, one: DeviceAdapter, call: Call, result: Any, before: int) -> Any:
        """Wait for a status; return what travels."""
        self._values.note(one.name)
        if not hasattr(result, "add_callback"):
            if call.method.rpartition(".")[2] not in Call.HARMLESS:
                self._values.settle(self._life, [one.name])
            return result
        status = result if one.quick else one.link.guard(result)
        patience = _left(call)
        try:
            self._clock.wait([status], patience)
        except TimeoutError as error:
            self._stand_still(one, call, status)
            raise DeviceError(
                f"{one.name}.{call.method} not done after {patience:g} s",
                subject=one.name,
            ) from error
        self._values.note(one.name)
        self._values.settle(self._life, [one.name])
        failure = status.exception(0)
        if one.stopped != before or isinstance(failure, ActionStopped | Stopped):
            raise DeviceError(f"{one.name} was stopped", subject=one.name)
        if failure is not None:
            raise DeviceError(f"{one.name} failed: {failure}", subject=one.name)
        return None

    def _stand_still(self, one: DeviceAdapter, call: Call, status: Status) -> None:
        """Stop what took too long, and wait a little until it stands."""
        if not hasattr(getattr(one.call(call.method), "__self__", None), "stop"):
            return  # a signal: it gives up by itself
        stopped(begin_stop([one]), _STANDSTILL)
        with contextlib.suppress(TimeoutError, NothingScheduled):
            self._clock.wait([status], _STANDSTILL)
        self._values.settle(self._life, [one.name])


def _left(call: Call) -> float:
    """Return how long (s) a call may still take."""
    return max(0.0, call.deadline - time.time()) if call.deadline else _PATIENCE


def _in_time(call: Call, method: Callable[..., Any]) -> Callable[..., Any]:
    """Return a signal's `set` so that it gives up before the call does.

    If it went on, ophyd would refuse the next `set` as "in progress".
    """
    is_set = isinstance(getattr(method, "__self__", None), Signal)
    is_set = is_set and call.method.rpartition(".")[2] == "set"
    if not is_set or "timeout" in call.kwargs:
        return method
    if "timeout" not in inspect.signature(method).parameters:
        return method
    return partial(method, timeout=max(_SHORTEST, _left(call) - _EARLIER))


def _position(one: DeviceAdapter, call: Call) -> float:
    """Return the one number a device can be set to."""
    at = call.args[0] if len(call.args) == 1 and not call.kwargs else None
    is_number = isinstance(at, int | float) and not isinstance(at, bool)
    if not is_number or not -_FARTHEST < at < _FARTHEST:  # type: ignore[operator]
        shown = ", ".join(f"{arg!r:.80}" for arg in call.args[:3])
        raise DeviceError(
            f"{one.name} is set to one finite number, not ({shown:.200})",
            subject=one.name,
            allowed="a finite number",
        )
    return float(at)  # type: ignore[arg-type]


def _called(call: Call, method: Callable[..., Any]) -> Any:
    """Call the method; errors name the device and the method."""
    try:
        return method(*call.args, **call.kwargs)
    except BecError:
        raise
    except Exception as error:
        raise DeviceError(
            f"{call.device}.{call.method} failed: "
            f"{type(error).__name__}: {error!s:.200}",
            subject=call.device,
        ) from error


def _plain(result: Any) -> Any:
    """Convert a result to plain data: `{"value": 1, "timestamp": t}` is a `Reading`.

    A device is replaced by its name, an iterator by a list.
    """
    if isinstance(result, OphydObject):
        return result.name
    if isinstance(result, Mapping):
        if set(result) == {"value", "timestamp"}:
            return Reading(result["value"], result["timestamp"])
        return {str(name): _plain(value) for name, value in result.items()}
    if isinstance(result, list | tuple | set | Iterator):
        return [_plain(one) for one in islice(result, _MOST)]
    return result
