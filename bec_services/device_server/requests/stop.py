"""Stop devices at once: what `%stop`, `bec stop` and the stop buttons end in.

Sequence of a stop: the request arrives in the device server's own inbox, past queue and
worker (`calls.CallRequests.handle`); the executors of running scans hear of it, so that
their steps are answered `stopped`; then all devices are stopped side by side here,
and each has `_PATIENCE` s to answer. A scan's own abort or halt comes by the scan's log
of stops instead (`steps.executor`), and stops its devices by the same functions.
"""

from collections.abc import Collection, Mapping

from bec_kernel.errors import DeviceError
from bec_kernel.language import nearest
from bec_services.device_server.clock import Clock
from bec_services.device_server.devices import DeviceAdapter, begin_stop, stopped

_PATIENCE = 3.0
"""Maximum time for a device to answer a stop, s."""


def stop_devices(
    held: Mapping[str, DeviceAdapter], names: Collection[str], clock: Clock
) -> list[str]:
    """Stop these devices, or all of `held` if no names are given; return their names.

    Read-only and unusable devices are left out.

    Raises:
        DeviceError: a device is not known, or failed to stop; all others were stopped.
    """
    found = (held.get(name) for name in names or list(held))
    meant = [o for o in found if o and o.usable and not o.spec.readOnly]
    begun = begin_stop(meant)
    clock.wake()
    problems = stopped(begun, _PATIENCE)
    problems += [unknown_device(name, held) for name in names if name not in held]
    if problems:
        raise problems[0]
    return [one.name for one in meant]


def unknown_device(name: str, held: Mapping[str, DeviceAdapter]) -> DeviceError:
    """Return the error for a device that this server does not hold."""
    hint = nearest(name, held)
    return DeviceError(f"no device {name!r:.80} here: {hint}", subject=name[:80])
