"""Changes of the device list while it runs: checked, applied, kept as versions."""

import queue
import threading
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from concurrent.futures import Future
from functools import partial
from typing import Any

from bec_kernel.bus import entries
from bec_kernel.bus.changes import Append, Drop, Id, Put
from bec_kernel.device_list import (
    KEEP,
    DeviceList,
    DeviceListError,
    Rules,
    checked,
    entry_fields,
    list_text,
    version_at,
)
from bec_kernel.errors import RefusedError
from bec_kernel.service import LATER, Life, Request
from bec_kernel.wire import (
    Device,
    DeviceListVersion,
    DeviceProgress,
    EditDevices,
    Log,
    Users,
    keys,
)
from bec_services.device_server.devices import (
    Change,
    Registry,
    disabled_needs,
    join_channel_access,
    let_go,
)
from bec_services.device_server.requests.list_edits import check_owner, wanted

_KEEP = 1000
_PATIENCE = 0.5
_TELL = 0.1
Holder = Callable[[Collection[str]], tuple[str, str] | None]
"""Finds the first of some devices that is in use, and its user ("scan 7"); or None."""


class Edits:
    """Applies changes one after the other in a thread of its own.

    Args:
        life: of the device server.
        registry: the running devices.
        users: names the rules.
        holder: finds the scan that needs one of some devices unchanged.
        renewed: called with the names of devices that came, went, or were made anew.
        meeting: held while a scan says which devices it uses, and while they change.
    """

    def __init__(
        self,
        life: Life,
        registry: Registry,
        users: Users,
        holder: Holder,
        renewed: Callable[[Iterable[str]], None],
        *,
        meeting: "threading.Lock",
    ) -> None:
        self._life = life
        self._meeting = meeting
        self._registry = registry
        self._rules: Rules = users.device_rules
        self._others = [s for s in users.device_servers if s != life.setup.name]
        self._holder = holder
        self._renewed = renewed
        self._asks: queue.SimpleQueue[Request[EditDevices]] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._running = ""
        self._cancelled: Future[str] = Future()

    def handle(self, request: Request[EditDevices]) -> Any:
        """Cancel at once, or put the change behind those that came before."""
        if request.message.action == "cancel":
            return self._cancel(request.user)
        self._asks.put(request)
        return LATER

    def _cancel(self, user: str) -> str:
        with self._lock:
            if not self._running:
                raise RefusedError("no change of the device list is under way")
            if not self._cancelled.done():
                self._cancelled.set_result(user)
            return self._running

    def run(self) -> None:
        """Apply what is asked until the life is over."""
        while True:
            self._life.check()
            try:
                request = self._asks.get(timeout=_PATIENCE)
            except queue.Empty:
                continue
            self._begin(request.message.request_id)
            try:
                request.answer(partial(self._do, request.user, request.message))
            finally:
                self._begin("")

    def _begin(self, request_id: str) -> None:
        with self._lock:
            self._running = request_id
            self._cancelled = Future()

    def _do(self, user: str, ask: EditDevices) -> dict[str, Any]:
        try:
            return self._edit(user, ask)
        except DeviceListError as error:
            raise RefusedError(
                str(error),
                subject=error.subject,
                value=error.value,
                allowed=error.allowed,
            ) from error

    def _edit(self, user: str, ask: EditDevices) -> dict[str, Any]:
        if done := self._done(ask.request_id):
            return self._told(done.version, done.names)
        if ask.deadline and time.time() > ask.deadline:
            raise RefusedError(f"{ask.action} of the device list came too late")
        registry = self._registry
        failed = [one.name for one in registry.held.values() if one.problem]
        specs, again = wanted(ask, registry.specs, failed)
        touched = registry.touched(specs, again)
        check_owner(specs, touched, self._rules, self._life.setup.name)
        self._check_free(touched)
        elsewhere = {*ask.elsewhere, *self._elsewhere()}
        if ask.check:
            registry.check(specs, elsewhere)
            return self._told(registry.version, touched)
        if not touched:
            return self._told(registry.version, [])
        join_channel_access()
        change = registry.prepare(
            specs,
            self._progress(ask.request_id),
            cancelled=self._cancelled,
            again=again,
            elsewhere=elsewhere,
        )
        before = disabled_needs(registry.specs)
        gone = self._apply(change, user=user, ask=ask)
        for line in disabled_needs(registry.specs):
            if line not in before:
                self._life.alarm(line, user=user, request_id=ask.request_id)
        self._renewed([*change.held, *change.kept, *change.removed])
        for said in let_go(gone):
            self._life.log.warning("a device did not go well", problem=said)
        return self._told(registry.version, change.touched)

    def _told(self, version: int, names: list[str]) -> dict[str, Any]:
        held = self._registry.held
        failed = {n: p.message for n in names if n in held and (p := held[n].problem)}
        return {"version": version, "names": names, "failed": failed}

    def _done(self, request_id: str) -> DeviceListVersion | None:
        """Return the version this very request has made already."""
        log = keys.lists(self._life.setup.name)
        newest = self._life.bus.read(log, Id(max(0, self._registry.version - 20)))
        found = (entry.message for entry in newest)
        return next((one for one in found if one.request_id == request_id), None)

    def _check_free(self, names: Iterable[str]) -> None:
        if found := self._holder([n for n in names if n in self._registry.held]):
            name, holder = found
            raise RefusedError(
                f"{name} is in use by {holder}: nothing changed; try again when it "
                "has ended",
                subject=name,
                value=holder,
            )

    def _elsewhere(self) -> list[str]:
        found = (self._life.bus.get_all(keys.devices(s)) for s in self._others)
        return [name for devices in found for name in devices]

    def _progress(self, request_id: str) -> Callable[[int, int, str], None]:
        key, due = keys.list_progress(self._life.setup.name), 0.0

        def tell(done: int, total: int, name: str) -> None:
            nonlocal due
            self._life.check()
            now = time.monotonic()
            if now < due and done < total:
                return
            due = now + _TELL
            told = DeviceProgress(
                request_id=request_id, done=done, total=total, name=name
            )
            self._life.bus.commit([Put(key, told)], self._life.fence)

        return tell

    def _apply(self, change: Change, *, user: str, ask: EditDevices) -> list[Any]:
        """Change the list, on the bus and here, or nothing; return what is let go."""
        registry, life = self._registry, self._life
        told = {"user": user, "action": ask.action, "source": ask.source[:500]}
        try:
            registry.set_limits(change)
            devices = change.published(life.setup.name)
            with self._meeting:  # no scan begins between the look and the change
                self._check_free(change.touched)
                old = registry.specs
                gone = registry.apply(change)
                entry = next_version(
                    registry, old, change.touched, request_id=ask.request_id, **told
                )
                keep(life, registry, entry, devices)
        except BaseException:
            for said in registry.undo(change):
                life.log.warning("a device did not go well", problem=said)
            raise
        return gone


def next_version(
    registry: Registry, old: DeviceList, names: list[str], **told: Any
) -> DeviceListVersion:
    """Return the entry that keeps the registry's list as its next version."""
    number = registry.version + 1
    whole, devices, removed = entry_fields(
        number, registry.since_whole, old, registry.specs
    )
    return DeviceListVersion(
        version=number,
        time=time.time(),
        names=names,
        whole=whole,
        devices=devices,
        removed=removed,
        given=registry.given,
        **told,
    )


def _save(life: Life, registry: Registry) -> None:
    """Write the list beside the instance: for people, and for the next start."""
    path = life.setup.data / "devices" / f"{life.setup.name}.yaml"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh = path.with_suffix(".new")
        fresh.write_text(list_text(registry.specs))
        fresh.replace(path)
    except OSError as error:
        life.log.warning("the device list cannot be written", problem=str(error))


def keep(
    life: Life,
    registry: Registry,
    entry: DeviceListVersion,
    devices: Mapping[str, Device | None],
) -> None:
    """Append a version and publish the devices it touches, all in one.

    Args:
        life: of the device server.
        registry: holds the list.
        entry: the version.
        devices: the devices by name; None: it is gone.
    """
    server = life.setup.name
    key = keys.devices(server)
    changes: list[Any] = [
        Append(keys.lists(server), entry, Id(entry.version), keep=KEEP)
    ]
    for name, one in devices.items():
        if one is None:
            changes += [Drop(key, name), Drop(keys.values(server), name)]
        else:
            changes.append(Put(key, one, name))
    life.bus.commit(changes, life.fence)
    registry.version = entry.version
    registry.since_whole = 0 if entry.whole else registry.since_whole + 1
    _save(life, registry)


def kept(life: Life) -> list[DeviceListVersion]:
    """Return the versions on the bus, in order."""
    log: Log[DeviceListVersion] = keys.lists(life.setup.name)
    return [entry.message for entry in entries(life.bus, log)]


def list_of(entries: list[DeviceListVersion]) -> DeviceList:
    """Return the newest list among versions."""
    return checked(version_at(entries))
