"""How devices are set up when a scan begins: their config signals, read once."""

from collections.abc import Iterable
from typing import NamedTuple

from bec_kernel.bus import encode
from bec_kernel.wire import Reading, Readings
from bec_services.device_server.devices import DeviceAdapter, each, is_configured

LARGEST = 1 << 20
"""Maximum size of the configuration of a step, bytes; larger values are data."""


class SetUp(NamedTuple):
    """How devices are set up.

    Attributes:
        readings: of their config signals, by device.
        units: engineering unit of each of them that has one, by signal.
        lacking: what could not be read, and why, for people.
    """

    readings: dict[str, Readings]
    units: dict[str, str]
    lacking: list[str]


def set_up_of(devices: Iterable[DeviceAdapter], deadline: float) -> SetUp:
    """Return how devices are set up, as far as they tell.

    What one of them cannot tell is missing, and said: a scan needs none of it. While a
    device still is at this, it can be read and moved.

    Args:
        devices: to be asked; those that may be slow, side by side.
        deadline: a device that takes longer (s) has failed.
    """
    asked = [one for one in devices if one.quick or is_configured(one.device)]
    found, failed = each(asked, DeviceAdapter.configuration, deadline, "configuration")
    told = {name: readings for name, readings in found.items() if readings}
    lacking = [
        f"the scan does not know how {error.subject} was set up: {error}"
        for error in failed
    ]
    if not _travels(told, LARGEST):
        told, left_out = _travelling(told)
        lacking += left_out
    units: dict[str, str] = {}
    for one in asked:
        if one.name in told:
            units |= one.link.units or {}
    return SetUp(told, units, lacking)


def _travels(what: object, room: int) -> int:
    """Return its bytes, where it can travel and has at most `room` of them; else 0."""
    try:
        size = len(encode(what))
    except (TypeError, ValueError, OverflowError):
        return 0
    return size if size <= room else 0


def _travelling(
    found: dict[str, Readings],
) -> tuple[dict[str, Readings], list[str]]:
    """Split values into those that can be sent, and reasons for the others."""
    told: dict[str, Readings] = {}
    lacking: list[str] = []
    room = LARGEST // 2  # names and braces of the whole take some, too
    for device, readings in found.items():
        kept: dict[str, Reading] = {}
        for signal, reading in readings.items():
            if size := _travels(reading, room):
                kept[signal] = reading
                room -= size
            else:
                lacking.append(
                    f"the scan does not know {signal} of {device}: its value is no "
                    f"number, text, list or array of less than {LARGEST >> 10} kB"
                )
        told |= {device: kept} if kept else {}
    return told, lacking
