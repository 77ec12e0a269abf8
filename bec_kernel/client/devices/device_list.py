"""The device list in a person's program: `bec.config`."""

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
"""A change of the device list may take so long, s."""
DATABASE = 20.0
"""The database may take so long to answer, s."""

Source = str | Path | Mapping[str, Fields]


class Config:
    """The running device list: read it, change it, keep it.

    Every change is checked as a whole and applied at once, or not at all; each makes a
    new version.

    Args:
        bus: the connection.
        reader: the client's.
        raised: turns a reply's problem into its exception.
    """

    def __init__(
        self, bus: Bus, reader: Reader, raised: Callable[[Any], BecError]
    ) -> None:
        self._bus = bus
        self._reader = reader
        self._raised = raised

    # --- changes ----------------------------------------------------------------------
    def load(self, source: Source, *, progress: Progress | None = None) -> Applied:
        """Make a YAML file, a folder of them, or a dict the running device list.

        Raises:
            RefusedError: with file, line, device and field; nothing was changed.
        """
        devices, notes, where = self._read(source)
        return self._share("set", devices, notes, where, progress)

    def add(self, source: Source, *, progress: Progress | None = None) -> Applied:
        """Add devices of a file, or of a dict from names to fields.

        Raises:
            RefusedError: one is there already, or is wrong; nothing was changed.
        """
        devices, notes, where = self._read(source)
        return self._share("add", devices, notes, where, progress)

    def update(self, name: str, **fields: Any) -> Applied:
        """Change fields of a device: `update("samx", readoutPriority="monitored")`.

        Of `deviceConfig` and `userParameter` only the keys that are named change; a
        key that is None is taken away.

        Raises:
            RefusedError: a field or value is wrong, or a scan uses the device.
        """
        if not fields:
            raise RefusedError(f"no field of {name} is named", subject=name)
        return self._edit({self._holder(name): {"devices": {name: fields}}}, "update")

    def remove(self, *names: str) -> Applied:
        """Take devices out of the list."""
        return self._named("remove", names)

    def reload(self, *names: str, progress: Progress | None = None) -> Applied:
        """Build devices anew and connect them again; all, if none is named."""
        if names:
            return self._named("reload", names, progress)
        edits: dict[str, dict[str, Any]] = {server: {} for server in self._servers()}
        return self._edit(edits, "reload", progress=progress)

    def enable(self, *names: str) -> Applied:
        """Let devices take part."""
        return self._named("enable", names)

    def disable(self, *names: str) -> Applied:
        """Let devices take part no more; they stay in the list."""
        return self._named("disable", names)

    # --- looking ----------------------------------------------------------------------
    @property
    def devices(self) -> dict[str, Fields]:
        """The running list: fields by name, without what is left to its default."""
        from bec_kernel.device_list import version_at

        found: dict[str, Fields] = {}
        for server in self._servers():
            found |= version_at(self._entries(server))
        return found

    @property
    def history(self) -> Versions:
        """All versions that are kept, the newest last."""
        entries = [one for server in self._servers() for one in self._told(server)]
        return Versions(sorted(entries, key=lambda one: one[1].time))

    def save(self, path: str | Path) -> Path:
        """Write the running list as YAML; return the file."""
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
        """Compare the running list with a file, a dict, or a version of its own.

        Returns:
            What would change if the other one were loaded.
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
        """Keep the running list in the database under a name; return its version."""
        request = SaveDeviceList(
            request_id=uuid.uuid4().hex, name=name, devices=self.devices
        )
        found: int = self._ask_scihub(request)["version"]
        return found

    def fetch(self, name: str, version: int | None = None) -> dict[str, Fields]:
        """Return a list of the database, the newest version unless one is named.

        Give it to `load`, or to `diff`.
        """
        request = FetchDeviceList(
            request_id=uuid.uuid4().hex, name=name, version=version or 0
        )
        found: dict[str, Fields] = self._ask_scihub(request)["devices"]
        return found

    def published(self, name: str = "") -> list[dict[str, Any]]:
        """Return name, version, time and user of the lists in the database."""
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

    # --- how --------------------------------------------------------------------------
    def _users(self) -> Users:
        users = self._reader.retry(lambda: self._bus.get(keys.users()))
        return users or Users(names=[])

    def _servers(self) -> list[str]:
        return self._users().device_servers or ["main"]

    def _entries(self, server: str) -> list[DeviceListVersion]:
        return [entry.message for entry in entries(self._bus, keys.lists(server))]

    def _told(self, server: str) -> Iterable[tuple[str, DeviceListVersion]]:
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
        """Return the device server that holds a device.

        Raises:
            RefusedError: none does.
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
        """Ask each device server; with several, all must agree before one begins."""
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
                told = progress or loading.shown
                with loading.progress(self._bus, server, one.request_id, told):
                    values[server] = self._ask(self._inbox(server), one)
        except KeyboardInterrupt:
            with contextlib.suppress(RefusedError):  # it has ended meanwhile
                self.cancel()
            self._put_back(values)
            raise
        except BecError as error:
            if said := self._put_back(values):
                raise type(error)(
                    f"{error}; {said}",
                    subject=error.subject,
                    value=error.value,
                    allowed=error.allowed,
                ) from error
            raise
        return Applied(values, notes or [])

    def _put_back(self, values: Mapping[str, Any]) -> str:
        """Undo what device servers have done of a change another one has not done.

        Returns:
            What became of that; empty: there was nothing to undo.
        """
        from bec_kernel.device_list import version_at

        said = []
        for server, value in values.items():
            entries = self._entries(server)
            if entries[-1].version != value["version"] or len(entries) < 2:
                said.append(f"{server} stays at version {value['version']}")
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
                said.append(f"{server} stays at version {value['version']}: {error}")
            else:
                said.append(f"{server} has its list of before again")
        return ", ".join(said)

    def cancel(self) -> None:
        """Cancel the change of the device list that is under way, whoever asked."""
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
