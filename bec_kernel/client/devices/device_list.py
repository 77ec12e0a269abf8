"""Read and change the running device list: `bec.config`."""

import contextlib
import time
import uuid
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from bec_kernel.bus import Bus, entries
from bec_kernel.client.connection import Reader, ask
from bec_kernel.client.devices import progress as loading
from bec_kernel.client.devices.progress import Progress
from bec_kernel.client.devices.versions import Applied, Difference, Versions
from bec_kernel.errors import BecError, RefusedError
from bec_kernel.language import refuse_unknown
from bec_kernel.wire import (
    DeviceListVersion,
    EditDevices,
    FetchDeviceList,
    Fields,
    Inbox,
    ListDeviceLists,
    Reply,
    SaveDeviceList,
    Users,
    keys,
)

if TYPE_CHECKING:
    from bec_kernel.device_list import DeviceList

LOADING = 300.0
"""Longest time for a change of the device list, s."""
DATABASE = 20.0
"""Longest time for the database to answer, s."""

Source = str | Path | Mapping[str, Fields]


class Config:
    """The running device list: read, change, save.

    A change is checked as a whole and applied completely or not at all; each makes a
    new version.

    Args:
        bus: the connection.
        reader: the client's.
        raised: converts the problem of a reply to an exception.
    """

    def __init__(
        self, bus: Bus, reader: Reader, raised: Callable[[Any], BecError]
    ) -> None:
        self._bus = bus
        self._reader = reader
        self._raised = raised

    # --- changes ----------------------------------------------------------------------
    def load(self, source: Source, *, progress: Progress | None = None) -> Applied:
        """Replace the device list by a YAML file, a folder of them, or a dict.

        Args:
            source: path, or `{"samx": {"deviceClass": "…", …}}`.
            progress: called with devices done, total, and a name.

        Raises:
            RefusedError: the list is wrong; names file, line, device and field. The
                running list is unchanged.
        """
        devices, notes, where = self._read(source)
        return self._share("set", devices, notes, where, progress)

    def add(self, source: Source, *, progress: Progress | None = None) -> Applied:
        """Add the devices of a file, a folder or a dict; see `load`.

        Raises:
            RefusedError: a device exists already or is wrong. The running list is
                unchanged.
        """
        devices, notes, where = self._read(source)
        return self._share("add", devices, notes, where, progress)

    def update(self, name: str, **fields: Any) -> Applied:
        """Change fields of a device: `update("samx", readoutPriority="monitored")`.

        Of `deviceConfig` and `userParameter` only the named keys change; a key with
        value None is removed.

        Raises:
            RefusedError: a field or value is wrong, or a scan uses the device.
        """
        if not fields:
            raise RefusedError(f"no field of {name} is named", subject=name)
        return self._edit({self._holder(name): {"devices": {name: fields}}}, "update")

    def remove(self, *names: str) -> Applied:
        """Remove devices from the list."""
        return self._named("remove", names)

    def reload(self, *names: str, progress: Progress | None = None) -> Applied:
        """Build and connect devices again; all, if none is named."""
        if names:
            return self._named("reload", names, progress)
        edits: dict[str, dict[str, Any]] = {server: {} for server in self._servers()}
        return self._edit(edits, "reload", progress=progress)

    def enable(self, *names: str) -> Applied:
        """Enable devices."""
        return self._named("enable", names)

    def disable(self, *names: str) -> Applied:
        """Disable devices; they stay in the list."""
        return self._named("disable", names)

    # --- reading ----------------------------------------------------------------------
    @property
    def devices(self) -> dict[str, Fields]:
        """The running list: `{"samx": {"deviceClass": "…", …}}`, without defaults."""
        from bec_kernel.device_list import version_at

        found: dict[str, Fields] = {}
        for server in self._servers():
            found |= version_at(self._entries(server))
        return found

    @property
    def history(self) -> Versions:
        """Stored versions of the list, the newest last."""
        entries = [one for server in self._servers() for one in self._versions(server)]
        return Versions(sorted(entries, key=lambda one: one[1].time))

    def save(self, path: str | Path) -> Path:
        """Write the running list to a YAML file; return its path."""
        from bec_kernel.device_list import checked, list_text

        target = Path(path)
        try:
            target.write_text(list_text(checked(self.devices)))
        except OSError as error:
            raise RefusedError(
                f"{target} cannot be written: {error.strerror}", subject=str(target)
            ) from error
        return target

    def diff(self, other: Source | int) -> Difference:
        """Compare the running list with a file, a dict, or one of its versions.

        Returns:
            The changes that loading `other` would make.
        """
        from bec_kernel.device_list import differences, version_at, written

        if isinstance(other, int):
            found: dict[str, Fields] = {}
            for server in self._servers():
                found |= version_at(self._entries(server), other)
        else:
            specs, _, _ = self._read(other)
            found = {name: written(spec) for name, spec in specs.items()}
        return Difference(differences(self.devices, found))

    # --- the database -----------------------------------------------------------------
    def publish(self, name: str) -> int:
        """Store the running list in the database under a name; return its version."""
        request = SaveDeviceList(
            request_id=uuid.uuid4().hex, name=name, devices=self.devices
        )
        found: int = self._ask_scihub(request)["version"]
        return found

    def fetch(self, name: str, version: int | None = None) -> dict[str, Fields]:
        """Return a list from the database, by default its newest version.

        Pass it to `load` or `diff`.
        """
        request = FetchDeviceList(
            request_id=uuid.uuid4().hex, name=name, version=version or 0
        )
        found: dict[str, Fields] = self._ask_scihub(request)["devices"]
        return found

    def published(self, name: str = "") -> list[dict[str, Any]]:
        """List name, version, time and user of the lists in the database."""
        request = ListDeviceLists(request_id=uuid.uuid4().hex, name=name)
        found: list[dict[str, Any]] = self._ask_scihub(request)
        return found

    def __repr__(self) -> str:
        count = len(self.devices)
        newest = ", ".join(
            f"version {entries[-1].version} of {server}"
            for server in self._servers()
            if (entries := self._entries(server))
        )
        return f"{count} devices, {newest or 'no version yet'}"

    # --- requests ---------------------------------------------------------------------
    def _users(self) -> Users:
        users = self._reader.retry(lambda: self._bus.get(keys.users()))
        return users or Users(names=[])

    def _servers(self) -> list[str]:
        return self._users().device_servers or ["main"]

    def _entries(self, server: str) -> list[DeviceListVersion]:
        return [entry.message for entry in entries(self._bus, keys.lists(server))]

    def _versions(self, server: str) -> Iterable[tuple[str, DeviceListVersion]]:
        return ((server, entry) for entry in self._entries(server))

    def _read(self, source: Source) -> tuple["DeviceList", list[str], str]:
        from bec_kernel.device_list import checked, read_list

        if isinstance(source, Mapping):
            return checked(source), [], ""
        listed = read_list(Path(source))
        return listed.devices, listed.notes, str(Path(source).resolve())

    def _share(
        self,
        action: str,
        devices: "DeviceList",
        notes: list[str],
        source: str,
        progress: Progress | None,
    ) -> Applied:
        from bec_kernel.device_list import shares, written

        edits = {}
        for server, share in shares(devices, self._users().device_rules).items():
            if share or action == "set":
                edits[server] = {
                    "devices": {name: written(spec) for name, spec in share.items()},
                    "elsewhere": [name for name in devices if name not in share],
                    "source": source,
                }
        return self._edit(edits, action, notes=notes, progress=progress)

    def _named(
        self, action: str, names: tuple[str, ...], progress: Progress | None = None
    ) -> Applied:
        if not names:
            raise RefusedError(f"name the devices to {action}", subject="names")
        edits: dict[str, dict[str, Any]] = {}
        for name in names:
            edits.setdefault(self._holder(str(name)), {"names": []})["names"].append(
                str(name)
            )
        return self._edit(edits, action, progress=progress)

    def _holder(self, name: str) -> str:
        """Return the name of the device server that has a device.

        Raises:
            RefusedError: there is no such device.
        """
        known: list[str] = []
        for server in self._servers():
            if self._bus.get(keys.devices(server), name) is not None:
                return server
            known += self._bus.get_all(keys.devices(server))
        raise refuse_unknown("device", name, known)

    def _edit(
        self,
        edits: Mapping[str, Mapping[str, Any]],
        action: str,
        *,
        notes: list[str] | None = None,
        progress: Progress | None = None,
    ) -> Applied:
        """Send the edits; with several device servers all check before one begins."""
        asks = {
            server: EditDevices(
                request_id=uuid.uuid4().hex,
                action=action,
                deadline=time.time() + LOADING,
                **fields,
            )
            for server, fields in edits.items()
        }
        if len(asks) > 1:
            for server, one in asks.items():
                check = msgspec.structs.replace(
                    one, request_id=uuid.uuid4().hex, check=True
                )
                self._ask(self._inbox(server), check)
        values: dict[str, Any] = {}
        try:
            for server, one in asks.items():
                report = progress or loading.shown
                with loading.progress(self._bus, server, one.request_id, report):
                    values[server] = self._ask(self._inbox(server), one)
        except KeyboardInterrupt:
            with contextlib.suppress(RefusedError):  # the change has ended meanwhile
                self.cancel()
            self._put_back(values)
            raise
        except BecError as error:
            if undone := self._put_back(values):
                raise type(error)(
                    f"{error}; {undone}",
                    subject=error.subject,
                    value=error.value,
                    allowed=error.allowed,
                ) from error
            raise
        return Applied(values, notes or [])

    def _put_back(self, values: Mapping[str, Any]) -> str:
        """Undo a change on the device servers that made it, after another one failed.

        Returns:
            The result by server; empty if no server had changed anything.
        """
        from bec_kernel.device_list import version_at

        results = []
        for server, value in values.items():
            entries = self._entries(server)
            if entries[-1].version != value["version"] or len(entries) < 2:
                results.append(f"{server} stays at version {value['version']}")
                continue
            ask = EditDevices(
                request_id=uuid.uuid4().hex,
                action="set",
                devices=version_at(entries[:-1]),
                source=f"version {entries[-2].version}",
            )
            try:
                self._ask(self._inbox(server), ask)
            except BecError as error:
                results.append(f"{server} stays at version {value['version']}: {error}")
            else:
                results.append(f"{server} is back at its previous list")
        return ", ".join(results)

    def cancel(self) -> None:
        """Cancel a running change of the device list, whoever requested it."""
        for server in self._servers():
            request = EditDevices(request_id=uuid.uuid4().hex, action="cancel")
            self._ask(self._inbox(server), request)

    def _inbox(self, server: str) -> Inbox[Any, Reply]:
        return keys.device_asks(server, self._bus.user)

    def _ask(self, inbox: Inbox[Any, Reply], request: Any, s: float = LOADING) -> Any:
        reply = ask(self._reader, self._bus, inbox, request, s)
        if reply.problem is not None:
            raise self._raised(reply.problem)
        return reply.value

    def _ask_scihub(self, request: Any) -> Any:
        return self._ask(keys.scihub_asks(self._bus.user), request, DATABASE)
