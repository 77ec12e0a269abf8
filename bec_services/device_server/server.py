"""One life of a device server: new scans, stops and calls, all in the main thread.

The main thread waits for nothing but the logs. A scan has an executor with a thread of
its own; a call has a thread; a stop is passed on at once. An executor whose scan has
ended is *reaped* by the main thread alone, between two pages of the logs (`_forget`):
its thread only sets `done`, when it has read the last entry of the step log. So a stop
that is read from a log finds an executor that can still act, or none because the scan
has ended.
"""

import threading
from collections.abc import Collection, Iterable, Iterator
from functools import partial
from typing import Any

from bec_kernel.bus import entries
from bec_kernel.bus.changes import START, Drop, Id, Put
from bec_kernel.errors import DeviceError
from bec_kernel.service import Life, Request, RequestServer
from bec_kernel.wire import Begin, EditDevices, Log, Stop, StopDevices, Users, keys
from bec_services.device_server.clock import Clock
from bec_services.device_server.devices import Registry, changed, needed
from bec_services.device_server.requests import CallRequests, Edits
from bec_services.device_server.steps import Executor, parts
from bec_services.device_server.values import Presence, Values

_REPLIES_KEEP = 1000


class DeviceServer:
    """One life of a device server."""

    def __init__(
        self, life: Life, registry: Registry, clock: Clock, users: Users
    ) -> None:
        self._life = life
        self._held = held = registry.held
        self._users = users
        self._clock = clock
        self._name = life.setup.name
        self._values = Values(self._name, held)
        self._calls = CallRequests(
            life, held, clock, self._values, self._holder, told=self._tell_stopped
        )
        self._presence = Presence(life, held, self._values.renew)
        self._values.repaced = self._presence.repaced
        self._meeting = threading.Lock()
        self._edits = Edits(
            life, registry, users, self._keeper, self._renew, meeting=self._meeting
        )
        self._executors: dict[str, Executor] = {}
        self._positions: dict[Log[Any], Id] = {}
        self._requests = RequestServer(
            life,
            partial(keys.device_asks, self._name),
            self._handle,
            keep=_REPLIES_KEEP,
            failure=DeviceError,
            always=(StopDevices,),
        )

    def run(self) -> None:
        """Serve until the life is over."""
        self._presence.watch(list(self._held))
        self._publish()
        self._life.spawn(self._presence.publish)
        self._values.watch()
        self._life.spawn(self._values.publish, self._life)
        last = self._life.bus.last(keys.scans())
        self._positions[keys.scans()] = last.id if last else START
        for scan_id in self._life.bus.get_all(keys.todo["device_server"](self._name)):
            self._begin(scan_id, inherited=True)
        self._life.spawn(self._edits.run)
        self._positions |= self._requests.open(self._users.names)
        self._life.serves()
        for log, page in self._life.follow(self._positions):
            self._forget()
            for entry in page:
                self._take(log, entry)

    def _renew(self, names: Iterable[str]) -> None:
        """Devices have come, gone, or been made anew."""
        found = list(names)
        self._presence.watch(found)
        self._values.renew(found)

    def _take(self, log: Log[Any], entry: Any) -> None:
        if log == keys.scans():
            todo = keys.todo["device_server"](self._name)
            if self._life.bus.get(todo, entry.message.scan_id) is not None:
                self._begin(entry.message.scan_id)
        elif isinstance(entry.message, Stop):
            if executor := self._executors.get(log.name):  # else it has ended
                executor.stop(entry.message)
        else:
            self._requests.take(log, [entry])

    def _handle(self, request: Request[Any]) -> Any:
        part = self._edits if isinstance(request.message, EditDevices) else self._calls
        return part.handle(request)

    def _begin(self, scan_id: str, *, inherited: bool = False) -> None:
        stops = keys.stops(scan_id)
        if stops.name in self._executors:
            return
        executor = Executor(
            self._life,
            scan_id,
            self._held,
            self._clock,
            self._values,
            inherited=inherited,
            meeting=self._meeting,
        )
        self._executors[stops.name] = executor
        self._positions[stops] = START
        if inherited:
            self._stop_again(executor, stops)
        self._life.spawn(executor.run)

    def _stop_again(self, executor: Executor, stops: Log[Stop]) -> None:
        """Tell an executor of another life's scan what was said before, at once."""
        for entry in entries(self._life.bus, stops):
            self._positions[stops] = entry.id
            executor.stop(entry.message)

    def _forget(self) -> None:
        """Reap the executors of scans that have ended; stop following their stops."""
        for log in [log for log in self._positions if log.name in self._executors]:
            if self._executors[log.name].done:
                del self._positions[log]
                del self._executors[log.name]

    def _tell_stopped(self, names: Collection[str]) -> None:
        """Tell the scans, before their devices stop."""
        for executor in list(self._executors.values()):
            executor.stop_devices(names)

    def _holder(self, device: str) -> str | None:
        """Say whose device it is, or one that moves with it: for calls."""
        moves = changed(self._held, [device])
        for executor in list(self._executors.values()):
            if executor.done or moves.isdisjoint(changed(self._held, executor.devices)):
                continue
            return _called(executor.scan_number)
        return None

    def _keeper(self, names: Collection[str]) -> tuple[str, str] | None:
        """Return the first device a scan needs as it is, and which scan: for edits."""
        wanted = set(names)
        for number, used in self._used():
            if found := wanted & needed(self._held, used):
                return min(found), _called(number)
        return None

    def _used(self) -> Iterator[tuple[int | None, set[str]]]:
        """Yield of each scan its number and devices, also of one that just begins."""
        bus = self._life.bus
        for scan_id in bus.get_all(keys.todo["device_server"](self._name)):
            executor = self._executors.get(keys.stops(scan_id).name)
            if executor is not None and executor.met:
                if not executor.done:
                    yield executor.scan_number, executor.devices | executor.baseline
                continue
            for entry in bus.read(keys.steps(scan_id), START, 1):
                if isinstance(entry.message, Begin):
                    yield (
                        entry.message.scan_number,
                        set().union(*parts(entry.message, self._name)),
                    )

    def _publish(self) -> None:
        """Put all devices, and take those out that are gone."""
        key = keys.devices(self._name)
        old = self._life.bus.get_all(key)
        gone = set(old) - set(self._held)
        changes: list[Any] = [Drop(key, name) for name in gone]
        changes += [Drop(keys.values(self._name), name) for name in gone]
        changes += [
            Put(key, one.published(self._name), name)
            for name, one in self._held.items()
        ]
        if changes:
            self._life.bus.commit(changes, self._life.fence)


def _called(number: int | None) -> str:
    return "a move" if number is None else f"scan {number}"
