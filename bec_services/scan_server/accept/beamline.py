"""Devices and positions for the guard, kept up to date from the bus."""

import threading

from bec_kernel.bus import Watch
from bec_kernel.service import Life, askers
from bec_kernel.wire import Device, DeviceValue, Latest, keys
from bec_services.scan_server.accept.limits import Beamline

_PATIENCE = 0.5


class BeamlineWatch:
    """Reads the devices again whenever a device server puts them anew.

    Attributes:
        users: users who may ask, and the device servers.
    """

    def __init__(self, life: Life) -> None:
        self._life = life
        self.users = askers(life)
        self._devices: dict[str, Device] = {}
        self._lock = threading.Lock()
        self._changes: Watch | None = None

    def start(self) -> None:
        """Read the devices, and follow them in a thread of its own."""
        self._read()
        self._life.spawn(self._follow)

    def _families(self) -> list[Latest[Device]]:
        return [keys.devices(server) for server in self.users.device_servers]

    def _follow(self) -> None:
        with self._life.bus.watch(*self._families()) as watch:
            with self._lock:
                self._changes = watch
                self._read()
            try:
                while not self._life.over.wait(_PATIENCE):
                    self._look()
            finally:
                with self._lock:
                    self._changes = None
        self._life.check()

    def _look(self) -> None:
        """Read the devices again if one was put since; costs nothing otherwise."""
        with self._lock:
            if self._changes is None:
                self._read()  # the watch is not there yet
            elif self._changes.wait(0):
                self._read()

    def _read(self) -> None:
        found: dict[str, Device] = {}
        for family in self._families():
            found |= self._life.bus.get_all(family)
        self._devices = found

    def now(self) -> Beamline:
        """Return the devices, and where they are.

        Whoever has heard that the device list was changed asks for a scan of the new
        one: so it is looked here, and not only when the thread wakes.
        """
        self._look()
        return Beamline(
            devices=self._devices, values=_Values(self._life, self._devices)
        )


class _Values(dict[str, DeviceValue]):
    """Newest readings, fetched when somebody looks."""

    def __init__(self, life: Life, devices: dict[str, Device]) -> None:
        super().__init__()
        self._life = life
        self._devices = devices

    def get(self, name: str, default: object = None) -> DeviceValue | None:  # type: ignore[override]
        """Return the newest readings of a device."""
        device = self._devices.get(name)
        if device is None:
            return None
        return self._life.bus.get(keys.values(device.server), name)
