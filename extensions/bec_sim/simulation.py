"""What the launcher and the device server get from this package."""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bec_kernel.device_list import DeviceList
from bec_sim import bec_names, twins
from bec_sim.hardware import client_environment

_HERE = Path(__file__).parent


class BecSimulation:
    """The `bec_kernel.device_list.Simulation` of this package.

    Attributes:
        channel_prefix: the names of the simulated IOC's channels begin with it.
    """

    channel_prefix = "SIM:"

    def demo_list(self, *, virtual: bool) -> Path:
        """Return the device list of the simulated beamline.

        Args:
            virtual: the one without an IOC, for a virtual clock.
        """
        return _HERE / ("demo_virtual.yaml" if virtual else "demo.yaml")

    def twins(self, devices: DeviceList) -> tuple[DeviceList, list[str]]:
        """Return a simulated twin of each device, and warnings; see `twins.twins`."""
        return twins.twins(devices)

    def translate(
        self, path: str, config: Mapping[str, Any]
    ) -> tuple[str, dict[str, Any]] | None:
        """Return our class and `deviceConfig` for one of BEC's simulated classes.

        None: the class is not one of BEC's, or has no counterpart here.
        """
        known = bec_names.ours(path)
        return known and (known.path, bec_names.translated(known, config))

    def translated_classes(self) -> list[str]:
        """Return the names of BEC's classes that `translate` knows."""
        return bec_names.known()

    def ioc_command(self, port: int) -> list[str]:
        """Return the command line of the simulated IOC.

        Args:
            port: where it answers searches (UDP) and connections (TCP).
        """
        command = [sys.executable, "-m", "bec_sim.hardware.ioc"]
        return [*command, "--prefix", self.channel_prefix, "--port", str(port)]

    def client_environment(self, port: int) -> dict[str, str]:
        """Return the environment with which Channel Access clients find that IOC."""
        return client_environment(port)


SIMULATION = BecSimulation()
