"""Finds the simulation that is installed: the product itself contains none."""

import functools
from collections.abc import Mapping
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, Protocol

from bec_kernel.device_list.spec import DeviceList, DeviceListError

_GROUP = "bec.simulation"


class SimulationPackage(Protocol):
    """What a package provides that simulates a beamline.

    The package names an object of this shape by an entry point of the group
    `bec.simulation`, and itself by one of the group `bec.devices`, so that device lists
    may name its classes.
    """

    channel_prefix: str
    """The names of the simulated IOC's channels begin with it."""

    def demo_list(self, *, virtual: bool) -> Path:
        """Return the device list of an instance that was given none."""

    def twins(self, devices: DeviceList) -> tuple[DeviceList, list[str]]:
        """Return the same names with simulated classes, and one line per warning."""

    def translate(
        self, path: str, config: Mapping[str, Any]
    ) -> tuple[str, dict[str, Any]] | None:
        """Return class and `deviceConfig` that stand for a class not installed here."""

    def translated_classes(self) -> list[str]:
        """Return the paths of all device classes that `translate` can replace."""

    def ioc_command(self, port: int) -> list[str]:
        """Return the command line of a simulated IOC on this port."""

    def client_environment(self, port: int) -> dict[str, str]:
        """Return the environment with which clients find that IOC."""


@functools.cache
def find_simulation() -> SimulationPackage | None:
    """Return the installed simulation; None: there is none.

    Raises:
        DeviceListError: several packages provide one.
    """
    found = sorted(entry_points(group=_GROUP), key=lambda entry: entry.value)
    if len(found) > 1:
        names = ", ".join(entry.value for entry in found)
        raise DeviceListError(
            f"several packages provide a simulation ({names}); at most one may be "
            "installed"
        )
    for entry in found:
        simulation: SimulationPackage = entry.load()
        return simulation
    return None


def get_simulation() -> SimulationPackage:
    """Return the installed simulation.

    Raises:
        DeviceListError: there is none, or there are several.
    """
    found = find_simulation()
    if found is None:
        raise DeviceListError(
            "no simulation is installed: name a device list with --devices, or install "
            f"a package with an entry point {_GROUP!r}"
        )
    return found
