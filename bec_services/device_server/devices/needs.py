"""Dependencies between devices: what one needs, and what moves with it."""

from collections.abc import Iterable, Mapping

from bec_kernel.device_list import DeviceList
from bec_services.device_server.devices.adapter import DeviceAdapter


def needed(held: Mapping[str, DeviceAdapter], names: Iterable[str]) -> set[str]:
    """Return devices and all they need, and what those need."""
    found: set[str] = set()
    left = list(names)
    while left:
        name = left.pop()
        if name not in found:
            found.add(name)
            left += held[name].spec.needs if name in held else ()
    return found


def changed(held: Mapping[str, DeviceAdapter], names: Iterable[str]) -> set[str]:
    """Find the devices that may change when these devices are changed.

    What moves (a pseudo axis, a flyer) moves what it needs; a detector looks at it.
    """
    found: set[str] = set()
    for name in names:
        one = held.get(name)
        found |= needed(held, [name]) if one is not None and one.moves else {name}
    return found


def disabled_needs(devices: DeviceList) -> list[str]:
    """Return a line for each device that is enabled and needs one that is not."""
    return [
        f"{name} needs {other}, which is disabled"
        for name, spec in devices.items()
        for other in spec.needs
        if spec.enabled and other in devices and not devices[other].enabled
    ]
