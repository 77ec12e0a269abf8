"""The state of an instance, as one dict that can be printed as JSON."""

import os
import time
from collections.abc import Iterator
from typing import Any

from bec_kernel.bus import Bus, entries
from bec_kernel.client.queue import Waiting
from bec_kernel.language import summary
from bec_kernel.wire import Alarm, Heartbeat, Latest, Process, keys


def instance_status(bus: Bus, url: str, data: str) -> dict[str, Any]:
    """Return state of services, broker and queues, and the data folder.

    Returns:
        `services`: one dict each with name, role, pid, state, version,
        heartbeat_age (s), restarts, reason; a state may also be `silent` (its
        heartbeat is old) or `dead` (given up). `broker`: url, pid, restarts.
        `queues`: name, state, reason and items. `data`: the folder, where known.
        `virtual`: its clock.
    """
    processes = bus.get_all(keys.processes())
    users = bus.get(keys.users())
    broker = processes.get("broker")
    return {
        "services": services(bus),
        "broker": {
            "url": url,
            "pid": broker.pid if broker else None,
            "restarts": broker.restarts if broker else 0,
        },
        "queues": _queues(bus),
        "data": data,
        "virtual": users.virtual if users else False,
    }


def needed(bus: Bus) -> dict[str, Latest[Heartbeat]]:
    """Return keys of the heartbeats of scan server and device servers, by name."""
    users = bus.get(keys.users())
    servers = (users.device_servers if users else []) or ["main"]
    beat = keys.heartbeats["device_server"]
    return {
        "scan_server": keys.heartbeats["scan_server"]("main"),
        **{_shown("device_server", name): beat(name) for name in servers},
    }


def missing(bus: Bus) -> list[str]:
    """List needed services that are not running, with state: `scan_server: silent`."""
    processes, now = bus.get_all(keys.processes()), time.time()
    states = {
        name: _life_state(bus.get(beat), processes.get(name), now)
        for name, beat in needed(bus).items()
    }
    return [f"{name}: {state}" for name, state in states.items() if state != "running"]


def _shown(role: str, name: str) -> str:
    return role if name == "main" else f"{role}/{name}"


def services(bus: Bus) -> list[dict[str, Any]]:
    """Return one dict per service; see `instance_status`."""
    return list(_services(bus))


def _services(bus: Bus) -> Iterator[dict[str, Any]]:
    processes, users = bus.get_all(keys.processes()), bus.get(keys.users())
    now = time.time()
    for role, family in keys.heartbeats.items():
        several = role == "device_server" and users and users.device_servers
        for name in users.device_servers if users and several else ["main"]:
            beat = bus.get(family(name))
            shown = _shown(role, name)
            process = processes.get(shown)
            if beat or process:
                yield _service(shown, role, beat, process, now)


def _service(
    name: str, role: str, beat: Heartbeat | None, process: Process | None, now: float
) -> dict[str, Any]:
    started = process.pid if process else None
    return {
        "name": name,
        "role": role,
        "pid": started or (beat.pid if beat else None),
        "state": _life_state(beat, process, now),
        "version": beat.version if beat else "",
        "heartbeat_age": round(now - beat.time, 2) if beat else None,
        "restarts": process.restarts if process else 0,
        "reason": process.reason if process else "",
    }


def _life_state(beat: Heartbeat | None, process: Process | None, now: float) -> str:
    """Return the state of a heartbeat, or `dead`, `starting` or `silent`."""
    if process and process.reason.startswith("given up"):
        return "dead"
    if beat is None or (process and beat.pid != process.pid):
        return "starting"
    return beat.state if now - beat.time < Heartbeat.SILENT else "silent"


def _queues(bus: Bus) -> list[dict[str, Any]]:
    states = bus.get_all(keys.queues())
    waiting = Waiting(bus.get_all(keys.items()).values(), states)
    items = waiting.items
    names = {**dict.fromkeys(states), **dict.fromkeys(i.request.queue for i in items)}
    return [
        {
            "name": name,
            "state": str(states[name].state) if name in states else "running",
            "reason": states[name].reason if name in states else "",
            "items": [
                {
                    "scan_id": item.scan_id,
                    "scan_number": item.scan_number,
                    "user": item.user,
                    "request": summary(item.request),
                    "state": str(item.state),
                    "reason": waiting.why(item),
                }
                for item in items
                if item.request.queue == name
            ],
        }
        for name in names or {"primary": None}
    ]


def recent_alarms(
    bus: Bus, user: str, limit: int, scan_id: str, *, all_users: bool
) -> list[Alarm]:
    """Return the newest alarms of `user` and those of no particular user."""
    found = [entry.message for entry in entries(bus, keys.alarms())]
    return [
        alarm
        for alarm in found
        if (all_users or alarm.user in ("", user))
        and (not scan_id or alarm.scan_id == scan_id)
    ][-limit:]


def instance_of_environment() -> str:
    """Return the prefix of all keys, from `BEC_INSTANCE`."""
    return os.environ.get("BEC_INSTANCE", "bec")
