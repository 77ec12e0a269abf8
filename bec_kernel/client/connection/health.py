"""Find what does not work: services that do not run, devices that cannot be used."""

from collections.abc import Iterator
from typing import Any

from bec_kernel.bus import Bus
from bec_kernel.client.connection import state
from bec_kernel.wire import Device, keys

_MOST = 10


def troubles(bus: Bus) -> list[str]:
    """List what does not work, one line each; empty if all works.

    Services first, each with the reason; then devices that are enabled but not usable.
    """
    return [*_of_services(bus), *_of_devices(bus)]


def lacking(bus: Bus, role: str) -> str:
    """Say why no service of a role works (`file_writer is dead: …`); empty if one does.

    A service that is starting counts as working.
    """
    found = [one for one in state.services(bus) if one["role"] == role]
    if any(one["state"] in ("running", "starting") for one in found):
        return ""
    return "; ".join(map(_state_text, found)) or f"{role} does not run"


def _of_services(bus: Bus) -> Iterator[str]:
    for one in state.services(bus):
        if one["state"] != "running":
            yield _state_text(one)
        elif one["restarts"]:
            times = "once" if one["restarts"] == 1 else f"{one['restarts']} times"
            yield f"{one['name']} was restarted {times}, last: {one['reason']}"


def _state_text(service: dict[str, Any]) -> str:
    text = f"{service['name']} is {service['state']}"
    if service["state"] == "silent":
        return f"{text}: its last heartbeat is {service['heartbeat_age']:.0f} s old"
    return f"{text}: {service['reason']}" if service["reason"] else text


def _of_devices(bus: Bus) -> Iterator[str]:
    users = bus.get(keys.users())
    servers = (users.device_servers if users else []) or ["main"]
    devices: list[Device] = []
    for server in servers:
        devices += bus.get_all(keys.devices(server)).values()
    bad = [one for one in devices if one.enabled and one.flaw]
    if not bad:
        return
    are = "is" if len(bad) == 1 else "are"
    yield f"{len(bad)} of {len(devices)} devices {are} not usable:"
    for one in bad[:_MOST]:
        yield f"  {one.name}: {one.flaw}"
    if len(bad) > _MOST:
        yield f"  and {len(bad) - _MOST} more"
