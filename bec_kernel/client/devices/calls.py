"""Calls of device methods; a `set` of a motor in use is queued as a move."""

import contextlib
import time
import uuid
from collections.abc import Callable
from typing import Any

from bec_kernel.client.devices.api import RemoteDevice
from bec_kernel.client.scan import ScanReport
from bec_kernel.errors import DeadlineError, InUseError, RefusedError
from bec_kernel.wire import Call, Device, ScanRequest, keys


class RemoteCalls:
    """Calls methods of devices through their device server."""

    def __init__(
        self,
        user: str,
        ask: Callable[[Any, Any, float], Any],
        submit: Callable[[ScanRequest], ScanReport],
    ) -> None:
        self._user = user
        self._ask = ask
        self._submit = submit

    def __call__(
        self,
        device: Device,
        method: str,
        args: list[Any],
        kwargs: dict[str, Any],
        timeout: float,
    ) -> Any:
        """Call a method and return its result.

        Raises:
            InUseError: a scan or a move uses the device, and the method is not `set`.
            DeadlineError: the call did not finish within `timeout` s.
        """
        call = Call(
            request_id=uuid.uuid4().hex,
            device=device.name,
            method=method,
            args=[_plain(arg) for arg in args],
            kwargs={name: _plain(arg) for name, arg in kwargs.items()},
            deadline=time.time() + timeout,
        )
        try:
            return self._ask(keys.device_asks(device.server, self._user), call, timeout)
        except InUseError:
            if method != "set" or not device.positioner:
                raise
        return self._set_later(call)

    def _set_later(self, call: Call) -> None:
        """Queue the `set` as a move: it starts once the motor is free."""
        words = [call.device, *call.args, *call.kwargs.values()]
        report = self._submit(ScanRequest(request_id="", name="mv", args=words))
        try:
            report.wait(max(0.0, call.deadline - time.time()))
        except DeadlineError:
            with contextlib.suppress(RefusedError):
                report.abort()  # no late motion after the caller has given up
            raise


def _plain(value: Any) -> Any:
    return value.name if isinstance(value, RemoteDevice) else value
