"""Threads in which devices that may block are called, each call with a deadline.

A thread that hangs in a device is abandoned: it delays neither other devices nor the
end of the process, and its device is not called again before that call has returned.
"""

import queue
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_COMPLETED, Future, wait
from time import monotonic
from typing import Any, TypeVar

from epics import ca

from bec_kernel.errors import DeviceError
from bec_services.device_server.devices.adapter import DeviceAdapter

T = TypeVar("T")

_Task = tuple["Future[object]", Callable[[], object]]


def join_channel_access() -> None:
    """Let this thread use the process' context, if Channel Access is in use at all."""
    if ca.libca is not None and ca.current_context() is None:
        ca.use_initial_context()


class DaemonPool:
    """Daemon threads, one per call under way; idle threads are reused."""

    def __init__(self) -> None:
        self._tasks: queue.SimpleQueue[_Task] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._idle = 0

    def submit(self, work: Callable[[], object]) -> "Future[object]":
        """Start `work` at once, in an idle thread or a new one."""
        future: Future[object] = Future()
        with self._lock:
            is_free = self._idle > 0
            self._idle -= is_free
        if not is_free:
            threading.Thread(target=self._run, name="crew", daemon=True).start()
        self._tasks.put((future, work))
        return future

    def _run(self) -> None:
        while True:
            future, work = self._tasks.get()
            try:
                join_channel_access()
                result = work()
            except BaseException as error:  # noqa: BLE001 - whoever waits gets it
                self._free()
                future.set_exception(error)
            else:
                self._free()
                future.set_result(result)
            del future, work

    def _free(self) -> None:
        with self._lock:
            self._idle += 1


POOL = DaemonPool()
"""The pool of this process."""


def each(
    devices: Iterable[DeviceAdapter],
    work: Callable[[DeviceAdapter], T],
    deadline: float,
    lane: str = "scan",
) -> tuple[dict[str, T], list[DeviceError]]:
    """Call `work` for every device; those that may block run side by side.

    Args:
        devices: in the order of the results.
        work: what to do with one.
        deadline: a device that takes longer (s) has failed.
        lane: name of the kind of work; a device whose earlier call of the same lane has
            not returned has failed.

    Returns:
        What came of it, by device, and what went wrong, in the order of the devices.
    """
    found = list(devices)
    running = {o.name: _begin(o, work, lane) for o in found if not o.quick}
    results: dict[str, T] = {}
    errors: list[DeviceError] = []
    until = monotonic() + deadline
    for one in found:
        try:
            if one.quick:
                results[one.name] = work(one)
            else:
                results[one.name] = _end(one, running[one.name], until)
        except DeviceError as error:
            errors.append(error)
        except TimeoutError:
            errors.append(
                DeviceError(
                    f"{one.name} did not answer within {deadline:g} s", subject=one.name
                )
            )
    return results, errors


def _begin(
    one: DeviceAdapter, work: Callable[[DeviceAdapter], T], lane: str
) -> "Future[T]":
    busy = one.link.busy.get(lane)
    if busy is not None and not busy.done():
        failed: Future[T] = Future()
        failed.set_exception(
            DeviceError(f"{one.name} still does not answer", subject=one.name)
        )
        return failed
    future = POOL.submit(lambda: work(one))
    one.link.busy[lane] = future
    return future  # type: ignore[return-value]


def _end(one: DeviceAdapter, future: "Future[T]", until: float) -> T:
    """Wait for it, or for the loss of the connection.

    Raises:
        DeviceError: it failed, or the connection was lost.
        TimeoutError: neither, until then.
    """
    lost = one.link.lost
    either: set[Future[Any]] = {future, lost}
    wait(either, max(0.0, until - monotonic()), FIRST_COMPLETED)
    if not future.done() and lost.done():
        raise DeviceError(f"{one.name} lost its connection", subject=one.name)
    return future.result(0)


def begin_stop(devices: Iterable[DeviceAdapter]) -> "dict[str, Future[None]]":
    """Stop devices side by side; return one future per device, without waiting.

    A future is done when the device's `stop` has returned. The stops are counted at
    once, so that an action under way does not count as arrived. A device that has not
    answered an earlier stop yet is not asked again.
    """
    found = list(devices)
    for one in found:
        one.count_stop()
    return {one.name: _halting(one) for one in found}


def _halting(one: DeviceAdapter) -> "Future[None]":
    halting = one.link.halting
    if halting is None or halting.done():
        halting = _now(one.halt) if one.quick else POOL.submit(one.halt)
        one.link.halting = halting
    return halting  # type: ignore[return-value]


def _now(work: Callable[[], object]) -> "Future[object]":
    future: Future[object] = Future()
    try:
        future.set_result(work())
    except DeviceError as error:
        future.set_exception(error)
    return future


def stopped(halting: "dict[str, Future[None]]", deadline: float) -> list[DeviceError]:
    """Wait until the stops of devices have returned; return the errors.

    Args:
        halting: what `begin_stop` returned.
        deadline: a device that takes longer (s) has failed.
    """
    wait(halting.values(), deadline)
    errors: list[DeviceError] = []
    for name, future in halting.items():
        if not future.done():
            text = f"{name} did not answer a stop within {deadline:g} s"
            errors.append(DeviceError(text, subject=name))
        elif isinstance(error := future.exception(), DeviceError):
            errors.append(error)
    return errors
