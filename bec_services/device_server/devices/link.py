"""The connection of a device: changes are reported by ophyd, not polled."""

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from typing import Any, NamedTuple

from ophyd import Device, Signal

from bec_kernel.errors import DeviceError
from bec_kernel.wire import Motion, Problem, SignalDescription
from bec_services.device_server.clock import Status
from bec_services.device_server.devices.status import LightStatus

_CATCH_UP = 2.0
"""Longest time (s) after a connection until the first report of a motor arrives."""


class Description(NamedTuple):
    """What a device said of itself."""

    limits: tuple[float, float] | None = None
    signals: Sequence[SignalDescription] = ()
    methods: Sequence[str] = ()
    motion: Sequence[Motion] = ()


def _ignore() -> None:
    """Do nothing: no listener is set."""


class Link:
    """The connection of one device.

    ophyd's signals tell when they lose their connection or get it back. A device is
    connected when all its signals are.

    Args:
        name: of the device.

    Attributes:
        problem: why it cannot be used.
        stopped: counts the stops somebody asked for.
        said: what it said of itself, as last seen.
        on_change: called when the connection is lost or is there again.
        busy: what a thread does with it, or has done last; by what it is for.
        halting: the newest stop, while it goes on and afterwards.
        lost: done when the connection is lost.
        units: of its config signals, once they were asked for.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.problem: Problem | None = None
        self.stopped = 0
        self.said = Description()
        self.on_change: Callable[[], None] = _ignore
        self.busy: dict[str, Future[Any]] = {}
        self.halting: Future[Any] | None = None
        self.lost: Future[None] = Future()
        self.units: dict[str, str] | None = None
        self._returned = False
        self._stands = threading.Event()
        self._changed = threading.Condition()
        self._device: Any = None
        self._under_way: set[LightStatus] = set()
        self._patience = 0

    def watch(self, device: Any) -> None:
        """Subscribe to the connection state of all signals of an ophyd object."""
        self._device = device
        for signal in _signals(device):
            signal.subscribe(self._heard, event_type=Signal.SUB_META, run=False)
        if (done := getattr(device, "motor_done_move", None)) is not None:
            done.subscribe(self._heard_done)

    def _heard(self, *, connected: bool | None = None, **_: Any) -> None:
        if connected is False:
            self._lose()
        elif connected and self.problem is not None and self._device.connected:
            self._find()

    def _heard_done(self, *, value: Any, **_: Any) -> None:
        """Take note of DMOV; ophyd's motor has dealt with the news before that."""
        if value == 1:
            self._stands.set()
        else:
            self._stands.clear()

    def catch_up(self) -> None:
        """Wait until ophyd has seen that a reconnected motor stands still.

        The last report before the connection was lost may say that the motor moves. A
        late report of the standstill would count as the end of the next move.
        """
        if not self._returned:
            return
        done = getattr(self._device, "motor_done_move", None)
        if done is not None and done.get(use_monitor=False) == 1:
            self._stands.wait(_CATCH_UP)
        self._returned = False

    def _lose(self) -> None:
        with self._changed:
            if self.problem is not None:
                return
            self._stands.clear()
            text = f"{self.name} lost its connection"
            self.problem = Problem(kind="DeviceError", message=text, subject=self.name)
            failed = tuple(self._under_way)
            lost, self.lost = self.lost, Future()
        for status in failed:
            status.set_exception(DeviceError(text, subject=self.name))
        lost.set_result(None)
        self.on_change()

    def _find(self) -> None:
        with self._changed:
            self.problem = None
            self.units = None
            self._returned = True
            self._changed.notify_all()
        self.on_change()

    def wait(self, seconds: float) -> None:
        """Wait for the connection, at most `seconds`, or until `give_up` is called."""
        with self._changed:
            patience = self._patience
            self._changed.wait_for(
                lambda: self.problem is None or self._patience != patience, seconds
            )

    def give_up(self) -> None:
        """End every `wait` for the connection."""
        with self._changed:
            self._patience += 1
            self._changed.notify_all()

    def guard(self, status: Status) -> Status:
        """Return a status that ends like this one, or when the connection is lost."""
        if status.done or isinstance(status, LightStatus):
            guarded = status
        else:
            guarded = LightStatus()
            status.add_callback(lambda _: _pass_on(status, guarded))
        if not guarded.done and isinstance(guarded, LightStatus):
            with self._changed:
                self._under_way.add(guarded)
            guarded.add_callback(self._under_way.discard)
        return guarded


def _pass_on(status: Status, to: LightStatus) -> None:
    error = status.exception(0)
    if error is None:
        to.set_finished()
    else:
        to.set_exception(error)


def _signals(device: Any) -> Iterator[Signal]:
    if isinstance(device, Signal):
        yield device
    elif isinstance(device, Device):
        for walk in device.walk_signals(include_lazy=False):
            yield walk.item
