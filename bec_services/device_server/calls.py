"""Remote calls and stop: what a person asks of a device, past any queue."""

import difflib
import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from bec_kernel.bus import Append, Entry, Id, Inbox
from bec_kernel.codec import encode
from bec_kernel.errors import BecError, DeviceError, InUseError, RefusedError
from bec_kernel.service import Life
from bec_kernel.wire import Call, Problem, Reading, Reply, StopDevices
from bec_services.device_server import channel_access
from bec_services.device_server.called import Line
from bec_services.device_server.clock import Clock, Stopped
from bec_services.device_server.crew import CREW
from bec_services.device_server.ophyd import Held
from bec_services.device_server.status import ActionStopped
from bec_services.device_server.values import Values

_KEEP = 1000
_AT_ONCE = 32
"""So many calls may be under way; the next is refused."""
_PATIENCE = 600.0
_ANSWER = 15.0
"""What begins something on a device takes at most so long (s)."""
_FARTHEST = 1e300
_HARMLESS = (
    "read",
    "read_configuration",
    "describe",
    "describe_configuration",
    "get",
)

Ask = Call | StopDevices
Holder = Callable[[str], str | None]
"""Says who holds a device ("scan 7"), or None."""


class Calls:
    """Answers calls, each in a thread of its own; stops act in the caller's."""

    def __init__(
        self,
        life: Life,
        held: Mapping[str, Held],
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
        self._lock = threading.Lock()

    def unanswered(self, inbox: Inbox[Ask, Reply]) -> tuple[set[str], Id]:
        """Return the ids of asks that are answered, and where to begin."""
        replies = []
        at = Id(0)
        while page := self._life.bus.read(inbox.replies, at):
            replies += [entry.message.asked for entry in page]
            at = page[-1].id
        if len(replies) < _KEEP:
            return set(replies), Id(0)
        return set(replies), min(map(Id.parse, replies))

    def take(self, inbox: Inbox[Ask, Reply], entry: Entry[Ask], *, old: bool) -> None:
        """Do what is asked.

        Args:
            inbox: it came by.
            entry: the ask.
            old: an earlier life may have begun with it.
        """
        ask = entry.message
        if isinstance(ask, StopDevices):
            self._reply(inbox, entry, lambda: self.stop(ask.devices))
        elif old and ask.method not in _HARMLESS:
            self._reply(inbox, entry, self._lost)
        elif not self._free.acquire(blocking=False):
            self._reply(inbox, entry, self._busy)
        else:
            CREW.submit(lambda: self._in_thread(inbox, entry, ask))

    def _in_thread(
        self, inbox: Inbox[Ask, Reply], entry: Entry[Ask], call: Call
    ) -> None:
        channel_access.join()
        try:
            line = Line(self._life, inbox, call)
            self._reply(inbox, entry, lambda: self._call(call, line), line)
        except BaseException as error:  # noqa: BLE001 - raised again by check()
            self._life.end(error)
        finally:
            self._free.release()

    def stop(self, names: list[str]) -> list[str]:
        """Stop these devices, or all; return which.

        Raises:
            DeviceError: one is not known, or fails; all others were stopped.
        """
        self._told(names)
        found = (self._held.get(name) for name in names or list(self._held))
        meant = [o for o in found if o and o.usable and not o.spec.readOnly]
        with ThreadPoolExecutor(_AT_ONCE, "stop", channel_access.join) as pool:
            problems = [p for p in pool.map(_stop, meant) if p is not None]
        self._clock.wake()
        problems += [self._unknown(name) for name in names if name not in self._held]
        if problems:
            raise problems[0]
        return [one.name for one in meant]

    def _unknown(self, name: str) -> DeviceError:
        near = difflib.get_close_matches(name[:80], self._held, 1)
        hint = f"did you mean {near[0]}?" if near else f"it has {', '.join(self._held)}"
        return DeviceError(f"no device {name!r:.80} here; {hint}", subject=name[:80])

    def _call(self, call: Call, line: Line) -> Any:
        if call.deadline and time.time() > call.deadline:
            raise RefusedError(f"{call.device}.{call.method:.80} came too late")
        one = self._held.get(call.device)
        if one is None:
            raise self._unknown(call.device)
        last = call.method.rpartition(".")[2]
        method = one.call(call.method)
        if last == "stop":
            return self.stop([one.name])
        if last not in _HARMLESS:
            self._may_change(one)
            line.begin()
        before = one.stopped
        if call.method == "set":
            result = one.set(_position(one, call))
        elif one.quick:
            result = _called(call, method)
        else:
            result = self._patiently(call, method)
        return self._finish(one, call, result, before)

    def _patiently(self, call: Call, method: Callable[..., Any]) -> Any:
        """Call what may hang, and leave it alone when it does."""
        patience = min(_left(call), _ANSWER)
        future = CREW.submit(lambda: _called(call, method))
        try:
            return future.result(patience)
        except TimeoutError as error:
            raise DeviceError(
                f"{call.device} did not answer within {patience:g} s",
                subject=call.device,
            ) from error

    def _may_change(self, one: Held) -> None:
        if one.spec.readOnly:
            raise DeviceError(f"{one.name} is read-only", subject=one.name)
        if holder := self._holder(one.name):
            raise InUseError(
                f"{one.name} is in use by {holder}", subject=one.name, value=holder
            )

    def _finish(self, one: Held, call: Call, result: Any, before: int) -> Any:
        """Wait for a status; return what travels."""
        self._values.note(one.name)
        if not hasattr(result, "add_callback"):
            if call.method.rpartition(".")[2] not in _HARMLESS:
                self._values.settle(self._life, [one.name])
            return _travels(result)
        status = result if one.quick else one.link.guard(result)
        patience = _left(call)
        try:
            self._clock.wait([status], patience)
        except TimeoutError as error:
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

    def _lost(self) -> None:
        raise DeviceError("the device server ended meanwhile; it may have been done")

    def _busy(self) -> None:
        raise RefusedError(f"{_AT_ONCE} calls are under way; try again")

    def _reply(
        self,
        inbox: Inbox[Ask, Reply],
        entry: Entry[Ask],
        do: Callable[[], Any],
        line: Line | None = None,
    ) -> None:
        problem, value = None, None
        try:
            value = do()
            encode(value)
        except BecError as error:
            if error.__cause__ is not None:  # where it happened is for the log only
                self._life.log.info("a call failed", exc_info=error)
            problem = Problem.of(error)
        except Exception as error:
            self._life.log.exception("a call failed", ask=repr(entry.message)[:500])
            what = f"{type(error).__name__}: {error}"
            value, problem = None, Problem(kind="DeviceError", message=what)
        reply = Reply(
            request_id=entry.message.request_id,
            asked=str(entry.id),
            value=value,
            problem=problem,
        )
        with self._lock:
            append = Append(inbox.replies, reply, keep=_KEEP)
            told = line.ended(problem) if line else []
            self._life.bus.commit([*told, append], self._life.fence)


def _left(call: Call) -> float:
    """Return how long (s) a call may still take."""
    return max(0.0, call.deadline - time.time()) or _PATIENCE


def _stop(one: Held) -> DeviceError | None:
    """Stop a device; return what went wrong, so that the others are stopped, too."""
    try:
        one.stop()
    except DeviceError as error:
        return error
    return None


def _position(one: Held, call: Call) -> float:
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
    """Call it; a mistake in the arguments is told in terms of device and method."""
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


def _travels(result: Any) -> Any:
    """Return what a method gave back as plain data; readings as readings."""
    if isinstance(result, Mapping):
        if set(result) == {"value", "timestamp"}:
            return Reading(result["value"], result["timestamp"])
        return {str(name): _travels(value) for name, value in result.items()}
    if isinstance(result, list | tuple | Iterator):
        return [_travels(one) for one in result]
    return result
