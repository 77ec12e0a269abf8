"""Store device lists under names, and load them."""

import re
import time
from typing import TYPE_CHECKING, Any

import msgspec

from bec_kernel.errors import RefusedError
from bec_kernel.wire import FetchDeviceList, ListDeviceLists, SaveDeviceList

if TYPE_CHECKING:
    from bec_services.scihub.database.tables import Database

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}")
Ask = SaveDeviceList | FetchDeviceList | ListDeviceLists


def answer_device_list(database: "Database", user: str, ask: Ask) -> Any:
    """Save, list or load device lists by name; return the reply's value.

    Raises:
        RefusedError: the list is unknown or not valid.
        DatabaseError: the database does not answer.
    """
    match ask:
        case SaveDeviceList():
            return {"version": _save(database, user, ask)}
        case FetchDeviceList():
            return _fetch(database, ask)
        case ListDeviceLists():
            names = ("name", "version", "time", "user")
            rows = database.lists(ask.name)
            return [dict(zip(names, row, strict=True)) for row in rows]


def _save(database: "Database", user: str, ask: SaveDeviceList) -> int:
    if not _NAME.fullmatch(ask.name):
        raise RefusedError(
            f"{ask.name!r:.60} is not a valid name for a device list",
            subject="name",
            value=ask.name[:60],
            allowed="letters, digits, _, -, .",
        )
    if not ask.devices:
        raise RefusedError(f"the device list {ask.name} is empty", subject=ask.name)
    devices = msgspec.json.encode(ask.devices).decode()
    return database.save_list(ask.name, time.time(), user, devices, ask.request_id)


def _fetch(database: "Database", ask: FetchDeviceList) -> dict[str, Any]:
    found = database.fetch_list(ask.name, ask.version)
    if found is None:
        there = database.lists(ask.name)
        versions = ", ".join(str(row[1]) for row in there)
        names = sorted({row[0] for row in database.lists()})
        said = (
            f"no version {ask.version} of the device list {ask.name}; there are: "
            f"{versions}"
            if there
            else f"no device list {ask.name!r:.60} in the database; there are: "
            f"{', '.join(names) or 'none'}"
        )
        raise RefusedError(
            said, subject=ask.name[:60], allowed=versions or ", ".join(names)
        )
    return {"version": found[0], "devices": msgspec.json.decode(found[1])}
