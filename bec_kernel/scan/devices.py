"""Pure: Look up the published descriptions of a scan's devices."""

from collections.abc import Iterator, Mapping

from bec_kernel.bus import Bus
from bec_kernel.wire import Begin, Device, SignalDescription, keys

_FEW = 60
"""Up to this number devices are read one by one instead of all at once."""


def devices_of(bus: Bus, begin: Begin) -> dict[str, Device]:
    """Return the devices that take part in a scan, by name.

    The price depends on how many take part, not on how many are configured.
    """
    named = begin.servers
    if len(named) <= _FEW:
        found = {n: bus.get(keys.devices(server), n) for n, server in named.items()}
        return {name: device for name, device in found.items() if device is not None}
    devices: dict[str, Device] = {}
    for server in sorted(set(named.values())):
        devices |= bus.get_all(keys.devices(server))
    return {name: device for name, device in devices.items() if name in named}


def streams_of(bus: Bus, begin: Begin) -> Iterator[tuple[Device, SignalDescription]]:
    """Yield the streams of a scan's devices, in order of the devices' names."""
    yield from streams_among(devices_of(bus, begin), begin)


def streams_among(
    devices: Mapping[str, Device], begin: Begin
) -> Iterator[tuple[Device, SignalDescription]]:
    """Yield the streams of a scan's devices, in order of the devices' names.

    What is in a device's readings is a stream only where the device is not read.
    """
    names = {*begin.monitored, *begin.triggered, *begin.streaming}
    for name in sorted(names & set(devices)):
        for signal in devices[name].signals:
            is_sent = signal.kind == "omitted" or name in begin.streaming
            if signal.stream and is_sent:
                yield devices[name], signal
