"""Keeps device lists under names, and gives them back: asked on the bus."""

import re
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import msgspec

from bec_kernel.bus import START, Append, Entry, Id, Inbox, Log
from bec_kernel.errors import DeadlineError, RefusedError
from bec_kernel.service import Life
from bec_kernel.wire import (
    FetchDeviceList,
    ListDeviceLists,
    Problem,
    Reply,
    SaveDeviceList,
    keys,
)

if TYPE_CHECKING:
    from bec_services.scihub.database import Database

_KEEP = 100
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}")
Ask = SaveDeviceList | FetchDeviceList | ListDeviceLists


class DeviceLists:
    """Answers what persons ask of the database's device lists.

    Args:
        life: of SciHub.
        database: opens the database.
    """

    def __init__(self, life: Life, database: "Callable[[], Database]") -> None:
        self._life = life
        self._database = database
        self._inboxes: dict[str, Inbox[Ask, Reply]] = {}

    def open(self) -> dict[Log[Any], Id]:
        """Answer what an earlier life has left; return where to follow each inbox."""
        users = self._life.bus.get(keys.users())
        positions: dict[Log[Any], Id] = {}
        for user in users.names if users else []:
            inbox = keys.scihub_asks(user)
            log: Log[Any] = Log(inbox.name, inbox.type)
            self._inboxes[log.name] = inbox
            answered, at = self._answered(inbox)
            while page := self._life.bus.read(log, at):
                at = page[-1].id
                left = [entry for entry in page if str(entry.id) not in answered]
                self.take(log, [entry for entry in left if entry.message is not None])
            positions[log] = at
        return positions

    def _answered(self, inbox: Inbox[Ask, Reply]) -> tuple[set[str], Id]:
        replies = []
        at = START
        while page := self._life.bus.read(inbox.replies, at):
            at = page[-1].id
            replies += [entry.message.asked for entry in page]
        first = min(map(Id.parse, replies)) if len(replies) >= _KEEP else START
        return set(replies), first

    def take(self, log: Log[Any], entries: list[Entry[Any]]) -> bool:
        """Answer asks of one inbox; False: it is none of ours."""
        inbox = self._inboxes.get(log.name)
        if inbox is None:
            return False
        for entry in entries:
            self._answer(inbox, entry)
        return True

    def _answer(self, inbox: Inbox[Ask, Reply], entry: Entry[Ask]) -> None:
        from bec_services.scihub.database import DatabaseError  # takes a second

        value, problem = None, None
        self._life.check()
        try:
            value = self._do(inbox.name.rsplit("/", 1)[1], entry.message)
        except DatabaseError as error:
            said = f"the database does not answer: {error}"
            problem = Problem.of(DeadlineError(said, subject="database"))
        except RefusedError as error:
            problem = Problem.of(error)
        reply = Reply(
            request_id=entry.message.request_id,
            asked=str(entry.id),
            value=value,
            problem=problem,
        )
        append = Append(inbox.replies, reply, keep=_KEEP)
        self._life.bus.commit([append], self._life.fence)

    def _do(self, user: str, ask: Ask) -> Any:
        database = self._database()
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
            f"{ask.name!r:.60} is no name for a device list",
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
