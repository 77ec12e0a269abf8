"""Which device server holds which device."""

from collections.abc import Mapping

from bec_kernel.device_list.spec import DeviceList, DeviceListError, DeviceSpec
from bec_kernel.wire import DeviceRule

Rules = Mapping[str, DeviceRule]
"""By name of the device server; none at all: `main` holds everything."""
MAIN = "main"


def owner(name: str, spec: DeviceSpec, rules: Rules) -> str:
    """Return the device server that holds a device.

    Raises:
        DeviceListError: rules of two device servers match, or none does.
    """
    if not rules:
        return MAIN
    found = {
        server: why
        for server, rule in rules.items()
        if (why := _match(name, spec, rule))
    }
    if len(found) > 1:
        both = " and ".join(f"{server} ({why})" for server, why in found.items())
        raise DeviceListError(
            f"{name}: the rules of two device servers match it: {both}",
            subject=name,
            value=", ".join(found),
        )
    rest = [s for s, rule in rules.items() if not (rule.tags or rule.names)]
    if not found and not rest:
        raise DeviceListError(
            f"{name}: no device server's rule matches it (there are: "
            f"{', '.join(rules)}); one without tags and names holds all others",
            subject=name,
        )
    return next(iter([*found, *rest]))


def _match(name: str, spec: DeviceSpec, rule: DeviceRule) -> str:
    """Return the part of the rule that matches; empty: none."""
    if name in rule.names:
        return f"name {name}"
    tags = [tag for tag in spec.deviceTags if tag in rule.tags]
    return f"tag {tags[0]}" if tags else ""


def shares(devices: DeviceList, rules: Rules) -> dict[str, DeviceList]:
    """Return the devices of each device server, in order; every server has a share.

    Raises:
        DeviceListError: a device has no server, or two.
    """
    found: dict[str, DeviceList] = {server: {} for server in rules or [MAIN]}
    for name, spec in devices.items():
        found[owner(name, spec, rules)][name] = spec
    return found
