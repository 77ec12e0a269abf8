"""Call functions of the user when a device's readings change."""

import threading
from collections.abc import Callable
from typing import Any

from bec_kernel.bus import Bus
from bec_kernel.client.connection import Reader
from bec_kernel.errors import BrokerError
from bec_kernel.wire import DeviceValue, keys

_SLICE = 0.5
_AGAIN = 0.2

Callback = Callable[[DeviceValue], object]


class Subscription:
    """A function that is called with each change, until `stop`.

    Attributes:
        error: exception of the function, which ended the subscription; else None.
    """

    def __init__(self, changes: "Changes", device: str, call: Callback) -> None:
        self.error: Exception | None = None
        self._changes = changes
        self._device = device
        self._callback = call

    def stop(self) -> None:
        """Do not call the function any more."""
        self._changes.forget(self._device, self)

    def notify(self, value: DeviceValue) -> None:
        """Call the function; an exception ends the subscription."""
        try:
            self._callback(value)
        except Exception as error:  # noqa: BLE001 - the user's own function
            self.error = error
            self.stop()

    def __repr__(self) -> str:
        state = f"ended by {self.error!r}" if self.error else "on"
        return f"changes of {self._device}: {state}"


class Changes:
    """One thread that calls the functions for all devices of one device server.

    A slow function misses intermediate values but always gets the newest one, and does
    not delay other threads.
    """

    def __init__(self, bus: Bus, reader: Reader, server: str) -> None:
        self._bus = bus
        self._reader = reader
        self._values = keys.values(server)
        self._lock = threading.Lock()
        self._subscriptions: dict[str, list[Subscription]] = {}
        self._seen: dict[str, DeviceValue] = {}
        self._fresh = False
        self._thread: threading.Thread | None = None

    def add(self, device: str, call: Callback) -> Subscription:
        """Call `call` with the newest readings of a device, now and on each change."""
        found = Subscription(self, device, call)
        with self._lock:
            self._subscriptions.setdefault(device, []).append(found)
            self._seen.pop(device, None)
            self._fresh = True
            if self._thread is None:
                name = f"bec changes of {self._values.name.rsplit('/', 1)[1]}"
                self._thread = threading.Thread(
                    target=self._run, name=name, daemon=True
                )
                self._thread.start()
        return found

    def forget(self, device: str, one: Subscription) -> None:
        """Remove a subscription."""
        with self._lock:
            left = [s for s in self._subscriptions.get(device, ()) if s is not one]
            self._subscriptions[device] = left
            if not left:
                del self._subscriptions[device]

    def _over(self) -> bool:
        with self._lock:
            if self._subscriptions and not self._reader.closed:
                return False
            self._thread = None
            return True

    def _run(self) -> None:
        while not self._over():
            try:
                with self._bus.watch(self._values) as watch:
                    self._look()
                    while not self._over():
                        if watch.wait(_SLICE) or self._fresh:
                            self._look()
                    return
            except Exception as error:
                # The library's own errors are anything while its socket is closed.
                if not (self._reader.closed or isinstance(error, BrokerError)):
                    raise
                threading.Event().wait(_AGAIN)

    def _look(self) -> None:
        with self._lock:
            self._fresh = False
            found = {name: list(some) for name, some in self._subscriptions.items()}
        for name, some in found.items():
            value = self._bus.get(self._values, name)
            if value is None or _same(value, self._seen.get(name)):
                continue
            self._seen[name] = value
            for one in some:
                one.notify(value)


def _same(value: DeviceValue, before: DeviceValue | None) -> bool:
    """Whether readings are unchanged, by timestamp: arrays are not compared."""
    if before is None or value.moving is not before.moving:
        return False
    return _times(value) == _times(before)


def _times(value: DeviceValue) -> dict[str, Any]:
    return {name: one.timestamp for name, one in value.readings.items()}
