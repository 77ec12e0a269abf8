"""Pure: device lists: requests to change them, versions, progress."""

from typing import Any

import msgspec

from bec_kernel.wire._base import Message

Fields = dict[str, Any]
"""One device as people write it: `deviceClass`, `readoutPriority`, …"""


class DeviceRule(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Which devices a device server holds; without tags and names: all others.

    Attributes:
        tags: a device with one of these tags.
        names: a device with one of these names.
    """

    tags: list[str] = []
    names: list[str] = []


class EditDevices(Message, frozen=True, kw_only=True):
    """Change the running device list, all or nothing. Written by the asker.

    Attributes:
        request_id: unique for ever.
        action: `set add update remove reload enable disable cancel`.
        devices: set, add: whole devices by name; update: the fields that change.
        names: remove, reload, enable, disable: which; reload: empty is all.
        elsewhere: devices of the same list that another device server holds.
        source: file, or name and version, where the devices come from.
        check: only say whether it would be accepted.
        deadline: s since the epoch, wall clock; not begun later.
    """

    request_id: str
    action: str
    devices: dict[str, Fields] = {}
    names: list[str] = []
    elsewhere: list[str] = []
    source: str = ""
    check: bool = False
    deadline: float = 0.0


class DeviceListVersion(Message, frozen=True, kw_only=True):
    """A list that was applied: version n has the id `n-0`. Written by its server.

    Attributes:
        version: counts from 1.
        time: s since the epoch, wall clock.
        user: the user that asked; empty: the start of the instance.
        action: as asked, or `start`.
        names: devices that were touched, in order.
        whole: `devices` is the whole list; else what changed since the version before.
        devices: fields by name, defaults left out.
        removed: names that are gone; where not `whole`.
        source: where the devices come from.
        given: which start of an instance gave the list this one goes back to.
        request_id: of the asker.
    """

    version: int
    time: float
    user: str = ""
    action: str = ""
    names: list[str] = []
    whole: bool = True
    devices: dict[str, Fields] = {}
    removed: list[str] = []
    source: str = ""
    given: str = ""
    request_id: str = ""


class DeviceProgress(Message, frozen=True, kw_only=True):
    """How far a change of the device list is. Written by its server.

    Attributes:
        request_id: of the change; empty: the start.
        done: devices that are built and connected, or have failed.
        total: devices to build.
        name: of the newest of them.
    """

    request_id: str
    done: int = 0
    total: int = 0
    name: str = ""


class SaveDeviceList(Message, frozen=True, kw_only=True):
    """Keep a device list in the database under a name. Written by the asker.

    Attributes:
        request_id: unique for ever.
        name: of the list; each save is its next version.
        devices: fields by name.
    """

    request_id: str
    name: str
    devices: dict[str, Fields] = {}


class FetchDeviceList(Message, frozen=True, kw_only=True):
    """Give a device list of the database. Written by the asker.

    Attributes:
        request_id: unique for ever.
        name: of the list.
        version: which; 0: the newest.
    """

    request_id: str
    name: str
    version: int = 0


class ListDeviceLists(Message, frozen=True, kw_only=True):
    """Say which device lists the database has. Written by the asker.

    Attributes:
        request_id: unique for ever.
        name: only versions of this one; empty: of all.
    """

    request_id: str
    name: str = ""
