"""Tells when what is published of a device changes: connection, pace."""

import threading
from collections.abc import Callable, Collection, Iterable, Mapping
from functools import partial

from bec_kernel.bus.changes import Put
from bec_kernel.service import Life
from bec_kernel.wire import keys
from bec_services.device_server.devices import DeviceAdapter

_PATIENCE = 0.5


class Presence:
    """Marks devices on the bus as soon as their connection changes.

    Args:
        life: of the server.
        held: its devices.
        back: called with the names of devices that are connected again.
    """

    def __init__(
        self,
        life: Life,
        held: Mapping[str, DeviceAdapter],
        back: Callable[[Collection[str]], None],
    ) -> None:
        self._life = life
        self._held = held
        self._back = back
        self._changed = threading.Condition()
        self._names: set[str] = set()
        self._paced: set[str] = set()

    def watch(self, names: Iterable[str]) -> None:
        """Hear of these devices: at the start all, later those that are made anew."""
        for name in names:
            if (one := self._held.get(name)) is not None:
                one.link.on_change = partial(self._note, name)

    def _note(self, name: str) -> None:
        with self._changed:
            self._names.add(name)
            self._changed.notify()

    def repaced(self, name: str) -> None:
        """A device moves faster or slower from now on."""
        with self._changed:
            self._paced.add(name)
            self._changed.notify()

    def publish(self) -> None:
        """Put devices anew of which something changed, until the life is over."""
        life = self._life
        while True:
            life.check()
            with self._changed:
                news = self._names or self._paced
                if not news and not self._changed.wait(_PATIENCE):
                    continue
                names, self._names = self._names, set()
                paced, self._paced = self._paced, set()
            self._put(self._found(names | paced))
            self._tell(self._found(names))

    def _found(self, names: set[str]) -> list[DeviceAdapter]:
        return [self._held[name] for name in sorted(names) if name in self._held]

    def _put(self, devices: Collection[DeviceAdapter]) -> None:
        life, server = self._life, self._life.setup.name
        key = keys.devices(server)
        puts = [Put(key, one.published(server), one.name) for one in devices]
        if puts:
            life.bus.commit(puts, life.fence)

    def _tell(self, devices: Collection[DeviceAdapter]) -> None:
        """Tell of connections that were lost, or are there again."""
        life = self._life
        for one in devices:
            problem = one.problem
            if problem is not None:
                life.alarm(problem.message, "minor")
        if back := [one.name for one in devices if one.problem is None]:
            self._back(back)
