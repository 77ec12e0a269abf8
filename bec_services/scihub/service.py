"""Follow states and files of unfinished scans, and write their rows to the history.

Points are not followed: the seal is read once the file is complete.
"""

import time
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from bec_kernel.bus import Entry
from bec_kernel.bus.changes import START, Drop, Id
from bec_kernel.instance import load_settings
from bec_kernel.scan import streams_of
from bec_kernel.service import Life, RequestServer, expiring, unfinished
from bec_kernel.wire import (
    Begin,
    FileDone,
    Log,
    Seal,
    StateChange,
    StepEntry,
    Taken,
    keys,
)
from bec_services.scihub.database import ScanRow, begun, changed, filed
from bec_services.scihub.outbox import Outbox
from bec_services.scihub.requests import answer

if TYPE_CHECKING:
    from bec_services.scihub.database import Database

_SLICE = 0.5
_REST = 0.05
"""Between two writes, s: what comes meanwhile is one transaction."""
_FIRST_WAIT, _LONGEST_WAIT = 0.5, 60.0  # s, after a failure
_PAGE = 100


@dataclass(eq=False)
class _DeliveredScan:
    """One scan, and the logs from which its row is made."""

    row: ScanRow
    steps: Log[StepEntry]
    logs: list[Log[Any]] = field(default_factory=list)
    streams: list[tuple[str, str]] = field(default_factory=list)


class _Connector:
    """All unfinished scans of this life."""

    def __init__(self, life: Life) -> None:
        self._life = life
        self._todo = keys.todo["scihub"](life.setup.name)
        self._scans: dict[str, _DeliveredScan] = {}
        self._owner: dict[Log[Any], _DeliveredScan] = {}
        self._outbox = Outbox(_FIRST_WAIT, _LONGEST_WAIT)
        self._database: Database | None = None
        self._hours = load_settings(life.setup.data).keep_hours
        self.positions: dict[Log[Any], Id] = {}

    def begin(self, taken: Taken) -> None:
        """Follow a scan from its beginning."""
        if taken.scan_id in self._scans or taken.scan_number is None:
            return
        row = ScanRow(taken.scan_id, taken.scan_number, taken.name, taken.user)
        steps = keys.steps(taken.scan_id)
        scan = self._scans[taken.scan_id] = _DeliveredScan(row, steps)
        for log in (steps, keys.states(taken.scan_id), keys.files(taken.scan_id)):
            scan.logs.append(log)
            self._owner[log] = scan
            self.positions[log] = START

    def take(self, log: Log[Any], entries: list[Entry[Any]]) -> None:
        """Take what came on one of the logs."""
        scan = self._owner.get(log)
        if scan is None:
            self.positions.pop(log, None)
            return
        for entry in entries:
            self._take(scan, entry.message)
        last = entries[-1].message if entries else None
        is_end = isinstance(last, StateChange) and last.state.is_final
        if log == scan.steps or is_end:  # its first entry is all that is wanted
            self.positions.pop(log, None)
        self._outbox.add(scan.row)

    def _take(self, scan: _DeliveredScan, message: Any) -> None:
        match message:
            case Begin():
                scan.row = begun(scan.row, message)
                found = streams_of(self._life.bus, message)
                scan.streams = [(device.name, signal.name) for device, signal in found]
            case StateChange():
                scan.row = changed(scan.row, message)
            case FileDone():
                last = self._life.bus.last(keys.points(scan.row.scan_id))
                seal = last.message if last else None
                if isinstance(seal, Seal):  # it was there before the file
                    scan.row = filed(scan.row, seal, message)

    def deliver(self) -> float:
        """Write what is due; return how long one may wait for more, s."""
        now = time.monotonic()
        rows = self._outbox.due(now)
        if not rows:
            return self._outbox.idle(now, _SLICE)
        from bec_services.scihub.database import DatabaseError

        self._life.check()
        try:
            self.database().write(rows)
        except DatabaseError as error:
            if self._outbox.failed(time.monotonic()):
                self._life.alarm(
                    f"the history of scans cannot be written: {error}; it is kept and "
                    "tried again",
                    "minor",
                )
            return self._outbox.idle(time.monotonic(), _SLICE)
        self._outbox.delivered(rows)
        for row in rows:
            if row.file is not None:
                self._finish(row.scan_id)
        return _SLICE

    def database(self) -> "Database":
        """Return the database; it is opened when it is first needed."""
        from bec_services.scihub.database import Database  # takes a second

        if self._database is None:
            path = self._life.setup.data.resolve() / "bec.sqlite"
            self._database = Database(f"sqlite:///{path}")
        return self._database

    def _finish(self, scan_id: str) -> None:
        scan = self._scans.pop(scan_id)
        gone = expiring(scan_id, time.time(), self._hours, scan.streams)
        done = [Drop(self._todo, scan_id), gone]
        self._life.bus.commit(done, self._life.fence)
        for log in scan.logs:
            del self._owner[log]
            self.positions.pop(log, None)

    def close(self) -> None:
        """Let go of the database."""
        if self._database is not None:
            self._database.close()


def run(life: Life) -> None:
    """Keep the history of all scans, for one life."""
    start, todo = unfinished(life)
    connector = _Connector(life)
    connector.positions[keys.scans()] = start
    for taken in todo:
        connector.begin(taken)
    handle = partial(answer, connector.database)
    requests = RequestServer(life, keys.scihub_asks, handle)
    users = life.bus.get(keys.users())
    connector.positions |= requests.open(users.names if users else [])
    try:
        while True:
            _once(life, connector, requests)
            life.over.wait(_REST)
    finally:
        connector.close()


def _once(life: Life, connector: _Connector, requests: RequestServer) -> None:
    wait = connector.deliver()
    life.check()
    for log, entries in life.bus.follow(connector.positions, wait, _PAGE):
        connector.positions[log] = entries[-1].id
        known = [entry for entry in entries if entry.message is not None]
        if requests.take(log, known):
            continue
        if log != keys.scans():
            connector.take(log, known)
            continue
        for entry in known:
            connector.begin(entry.message)
