"""A status without a thread: ophyd's protocol at a hundredth of its price."""

import math
import threading
from collections.abc import Callable
from typing import Any, ClassVar

import structlog

from bec_services.device_server.clock import Clock

_log = structlog.get_logger(__name__)

_Callback = Callable[[Any], object]


class ActionStopped(RuntimeError):  # noqa: N818 - an outcome, no fault
    """A move or an exposure was stopped before its end."""


class LightStatus:
    """An action that will be done; what our simulated devices return.

    The first outcome counts: a move that arrives while it is being stopped is either
    arrived or stopped, and the later call returns False (`set_finished` and
    `set_exception`). Callbacks run in the thread that finishes.

    Args:
        clock: The clock the action runs on. With it, `wait` works on a virtual clock,
            too; without it, `wait` blocks the thread.
    """

    __slots__ = ("_callbacks", "_clock", "_exception", "_lock", "done")

    # What ophyd's `&` wants of the statuses it joins.
    _trace_attributes: ClassVar[dict[str, Any]] = {}

    def __init__(self, clock: Clock | None = None) -> None:
        self.done = False
        self._clock = clock
        self._exception: BaseException | None = None
        self._callbacks: list[_Callback] = []
        self._lock = threading.Lock()

    @classmethod
    def finished(cls) -> "LightStatus":
        """A status that is done already, with success."""
        status = cls()
        status.done = True
        return status

    @property
    def success(self) -> bool:
        """Whether the action is done and did not fail."""
        return self.done and self._exception is None

    def add_callback(self, callback: _Callback) -> None:
        """Call `callback(status)` when done; at once if that is now."""
        with self._lock:
            if not self.done:
                self._callbacks.append(callback)
                return
        self._call(callback)

    def set_finished(self) -> bool:
        """Say that the action succeeded; False if it was over already."""
        return self._finish(None)

    def set_exception(self, exc: BaseException) -> bool:
        """Say why the action failed; False if it was over already."""
        return self._finish(exc)

    def exception(self, timeout: float | None = None) -> BaseException | None:
        """Why the action failed, or None; waits up to `timeout` seconds for the end.

        Raises:
            TimeoutError: not done within `timeout` seconds.
        """
        if not self.done:
            self._wait_done(math.inf if timeout is None else timeout)
        return self._exception

    def wait(self, timeout: float | None = None) -> None:
        """Wait until done; raise what the action failed with.

        Raises:
            TimeoutError: not done within `timeout` seconds.
        """
        exc = self.exception(timeout)
        if exc is not None:
            raise exc

    def __and__(self, other: Any) -> "LightStatus":
        """A status that is done when both are, or when one has failed."""
        both = LightStatus(self._clock)

        def look(status: Any) -> None:
            exc = status.exception(timeout=0)
            if exc is not None:
                both.set_exception(exc)
            elif self.done and other.done:
                both.set_finished()

        self.add_callback(look)
        other.add_callback(look)
        return both

    def __repr__(self) -> str:
        return f"LightStatus(done={self.done}, success={self.success})"

    def _finish(self, exc: BaseException | None) -> bool:
        with self._lock:
            if self.done:
                return False
            self._exception = exc
            self.done = True
            callbacks, self._callbacks = self._callbacks, []
        for callback in callbacks:
            self._call(callback)
        return True

    def _call(self, callback: _Callback) -> None:
        try:
            callback(self)
        except Exception:  # noqa: BLE001 - the others must hear of the end, too
            _log.exception("a status' callback failed", callback=repr(callback))

    def _wait_done(self, timeout_s: float) -> None:
        if self._clock is not None:
            self._clock.wait([self], timeout_s)
            return
        over = threading.Event()
        self.add_callback(lambda _: over.set())
        if not over.wait(min(timeout_s, threading.TIMEOUT_MAX)):
            raise TimeoutError(f"not done within {timeout_s:g} s")
