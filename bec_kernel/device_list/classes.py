"""The packages that device classes may come from, and modules that moved."""

import functools
from importlib.metadata import entry_points

from bec_kernel.device_list.spec import DeviceList, DeviceListError

GROUP = "bec.devices"
"""Entry points of site packages: each names a package, module, or class."""
_ALWAYS = ("ophyd", "bec_services.device_server")
BEC = "ophyd_devices"
"""BEC's own device package: its simulated classes are names for ours."""

_OLD_SIMULATION = "bec_services.device_server.sim"
_MOVED = {
    "bec_services.device_server.axes": "bec_services.device_server.hardware.axes",
    "bec_services.device_server.epics": "bec_services.device_server.hardware.epics",
    "bec_services.device_server.tcp_controller": (
        "bec_services.device_server.hardware.tcp"
    ),
    _OLD_SIMULATION: "bec_sim",
    **dict.fromkeys(
        (
            f"{_OLD_SIMULATION}.{module}"
            for module in (
                *("asynchronous", "camera", "computed", "detector", "device"),
                *("machine", "monitor", "plain", "positioner", "pseudo", "streaming"),
            )
        ),
        "bec_sim",
    ),
}
"""Modules whose classes stand in device lists of users, and where they are now."""


def current_path(path: str) -> str:
    """Translate the path of a class that has moved; any other path stays the same."""
    module, _, name = path.rpartition(".")
    return f"{_MOVED[module]}.{name}" if module in _MOVED else path


@functools.cache
def allowed() -> tuple[str, ...]:
    """Return the packages, modules and classes that may be named."""
    sites = (entry.value.replace(":", ".") for entry in entry_points(group=GROUP))
    return (*_ALWAYS, *sites)


def check_classes(devices: DeviceList, places: dict[str, str] | None = None) -> None:
    """Check that every class is from an allowed package, without importing it.

    Raises:
        DeviceListError: it names the device and the class.
    """
    for name, spec in devices.items():
        if not _is_allowed(current_path(spec.deviceClass)):
            where = f"{places[name]}: " if places and name in places else ""
            raise DeviceListError(
                f"{where}{name}: deviceClass: {spec.deviceClass!r:.100} is of no "
                f"allowed package ({', '.join((*allowed(), BEC))}); a site's own "
                f"package is named by an entry point {GROUP!r}",
                subject=name,
                value=spec.deviceClass[:100],
                allowed=", ".join((*allowed(), BEC)),
            )


def _is_allowed(path: str) -> bool:
    if not all(part.isidentifier() for part in path.split(".")):
        return False
    if any(part.startswith("_") for part in path.split(".")):
        return False
    return any(path == one or path.startswith(f"{one}.") for one in (*allowed(), BEC))
