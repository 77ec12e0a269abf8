"""Remote calls of devices; a set that finds its motor in use waits as a move does."""

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
    """Calls methods of devices, at their device server."""

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
        """Call a method, and return what it returns.

        Raises:
            InUseError: a scan or a move holds the device, and this is no set.
            DeadlineError: it was not done within `timeout` s.
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
        """Wait in the scan server, where a move holds its motor once it begins."""
        words = [call.device, *call.args, *call.kwargs.values()]
        report = self._submit(ScanRequest(request_id="", name="mv", args=words))
        try:
            report.wait(max(0.0, call.deadline - time.time()))
        except DeadlineError:
            with contextlib.suppress(RefusedError):
                report.abort()  # nothing moves later that nobody waits for
            raise


def _plain(value: Any) -> Any:
    return value.name if isinstance(value, RemoteDevice) else value
