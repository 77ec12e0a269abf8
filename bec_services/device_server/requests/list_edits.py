"""What a change of the device list means: the whole list as it shall be."""

from collections.abc import Collection, Mapping
from typing import Any

from bec_kernel.device_list import (
    DeviceList,
    Rules,
    check_classes,
    checked,
    owner,
    written,
)
from bec_kernel.errors import RefusedError
from bec_kernel.language import closest, nearest
from bec_kernel.wire import EditDevices, Fields

ACTIONS = ("set", "add", "update", "remove", "reload", "enable", "disable", "cancel")
_MERGED = ("deviceConfig", "userParameter")
"""Fields of which an update changes what it names; None takes a key away."""


def wanted(
    ask: EditDevices, specs: DeviceList, failed: Collection[str]
) -> tuple[DeviceList, set[str]]:
    """Return the whole list after a change, and the devices to make anew anyhow.

    Args:
        ask: what somebody wants.
        specs: the running list.
        failed: devices that are not connected.

    Raises:
        RefusedError: it names the device, the field, and what was allowed.
    """
    match ask.action:
        case "set":
            return checked(ask.devices), set(failed)
        case "add":
            return _added(checked(ask.devices), specs), set()
        case "update":
            return _updated(ask.devices, specs), set()
        case "remove":
            gone = set(_known(ask.names, specs))
            return {n: spec for n, spec in specs.items() if n not in gone}, set()
        case "reload":
            return specs, set(_known(ask.names, specs) if ask.names else specs)
        case "enable" | "disable":
            on = {"enabled": ask.action == "enable"}
            return _updated(dict.fromkeys(_known(ask.names, specs), on), specs), set()
    raise RefusedError(
        f"no action {ask.action!r:.40} on a device list: "
        f"{nearest(ask.action, ACTIONS)}",
        subject="action",
        value=ask.action[:40],
        allowed=", ".join(ACTIONS),
    )


def _known(names: list[str], specs: DeviceList) -> list[str]:
    if not names:
        raise RefusedError("no device is named", subject="names")
    for name in names:
        if name not in specs:
            raise RefusedError(
                f"no device {name!r:.60}: {nearest(str(name), specs)}",
                subject=str(name)[:60],
                value=str(name)[:60],
                allowed=", ".join(closest(str(name), specs) or list(specs)[:20]),
            )
    return names


def _added(new: DeviceList, specs: DeviceList) -> DeviceList:
    for name in new:
        if name in specs:
            raise RefusedError(
                f"{name} is in the device list already; change it with update",
                subject=name,
                value=name,
            )
    return {**specs, **new}


def _updated(fields: Mapping[str, Fields], specs: DeviceList) -> DeviceList:
    changed: dict[str, Any] = {}
    for name in _known(list(fields), specs):
        old, new = written(specs[name]), dict(fields[name])
        for key in _MERGED:
            given = new.get(key)
            if isinstance(given, Mapping) and isinstance(old.get(key), Mapping):
                merged = {**old[key], **given}
                new[key] = {k: v for k, v in merged.items() if v is not None}
        changed[name] = {**old, **new}
    found = checked(changed)
    return {name: found.get(name, spec) for name, spec in specs.items()}


def check_owner(
    specs: DeviceList, names: Collection[str], rules: Rules, me: str
) -> None:
    """Return if all these devices belong here, and their classes are allowed.

    Raises:
        RefusedError: one belongs to another device server, to two, or to none.
    """
    new = {name: specs[name] for name in names if name in specs}
    check_classes(new)
    for name, spec in new.items():
        holder = owner(name, spec, rules)
        if rules and holder != me:
            raise RefusedError(
                f"{name} belongs to the device server {holder}, not to {me}, by the "
                "rules of settings.yaml",
                subject=name,
                value=me,
                allowed=holder,
            )
