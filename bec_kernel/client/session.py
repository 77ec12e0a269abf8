"""The client of one user: devices, scans, queue, history, alarms."""

import contextlib
import os
import sys
import time
import uuid
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Self

import msgspec

from bec_kernel import errors
from bec_kernel.bus import Bus, connect as buses_connect
from bec_kernel.client.alarms import Alarms
from bec_kernel.client.connection import (
    Reader,
    ask,
    complain_to,
    error_of,
    instance_of_environment,
    instance_status,
    missing as state_missing,
    needed,
    origin_of_program,
    recent_alarms,
)
from bec_kernel.client.devices import (
    Config,
    Devices,
    MoveHistory,
    RemoteCalls,
    in_few_words,
)
from bec_kernel.client.history import History
from bec_kernel.client.queue import Queue
from bec_kernel.client.scan import ScanReport
from bec_kernel.client.scans import Metadata, Scans
from bec_kernel.errors import BecError, BrokerError, InstanceError, RefusedError
from bec_kernel.instance import (
    Folder,
    find_instance,
    person,
    read_note,
    without_password,
)
from bec_kernel.language import (
    Candidate,
    complete_line as command_line_complete,
    parse_line as command_line_parse,
    request_of,
    summary,
)
from bec_kernel.wire import (
    Device,
    Inbox,
    ItemAction,
    Origin,
    Reply,
    ScanRequest,
    StopDevices,
    Verb,
    keys,
)

ACCEPTING = 20.0
"""Longest time for the scan server to accept or refuse a request, s; it does not run a
request that is older."""
_LOOK = 0.5
_FOR_FRONT_ENDS = {
    "bus",
    "complaints",
    "complete",
    "moves",
    "origin",
    "parse",
    "reader",
    "say",
}
"""Attributes for front ends: left out of tab completion."""
STOPPING = 5.0
"""Longest time for a device server to confirm a stop, s."""


class Client:
    """Connection of one program to an instance. Use it as a context, or call `close`.

    Attributes:
        bus: the connection to the broker.
        dev: devices: `dev.samx`.
        config: the device list they are built from.
        scans: scans as functions: `scans.line_scan(...)`.
        queue: the primary queue.
        history: scans that have begun.
        origin: called for each request; returns where it was typed. A front end
            replaces it.
        say: called with messages, such as what a move waits for; writes to stderr by
            default.
        metadata: stored with every scan; a scan's own values take precedence.
            `metadata.schema`: the fields that the site requires.
        moves: moves of this program.
        complaints: entries on the bus that could not be decoded, as texts.
        url: of the broker, without a password.
        data: the instance's folder, where known.
        where: name of the instance in the client's `repr`; empty: broker and folder.
    """

    def __init__(self, bus: Bus, *, url: str = "", data: str = "") -> None:
        self.bus = bus
        self.url = url
        self.data = data
        self.where = ""
        self.origin: Callable[[], Origin | None] = origin_of_program
        self.say: Callable[[str], object] = _say
        self.complaints: list[str] = []
        self.reader = Reader(bus)
        self.metadata = Metadata(bus, self.reader)
        self.config = Config(bus, self.reader, error_of)
        self.moves = MoveHistory()
        self._calls = RemoteCalls(bus.user, self._ask, self.submit)
        self.dev = Devices(bus, self.reader, self._call, self.stop, self.config.update)
        names, metadata = self.dev.names, self.metadata
        self.scans = Scans(
            bus, self.reader, names, self.submit, error_of, metadata=metadata
        )
        self.queue = Queue(bus, self.reader, self._send, self.report)
        self.history = History(bus, self.reader, self._past)
        for server in self._servers():
            self.reader.follow(self._device_inbox(server).replies)

    @property
    def user(self) -> str:
        """Name of the user, as the broker knows it."""
        return self.bus.user

    # --- scans ------------------------------------------------------------------------
    def parse(self, text: str) -> ScanRequest:
        """Parse a command line, `line_scan samx -5 5 --steps 21`, to a request."""
        try:
            return command_line_parse(
                text, self.scans.catalogue(fresh=False), self.dev.names()
            )
        except RefusedError:  # the cached names may be outdated
            names = self.dev.names(fresh=True)
            return command_line_parse(text, self.scans.catalogue(), names)

    def run(self, text: str) -> ScanReport:
        """Submit the scan of a command line; return its report without waiting.

        Example: `run("line_scan samx -5 5 --steps 21")`.

        Raises:
            RefusedError: a word is unknown, or the scan server refuses the request.
            DeadlineError: no answer from the scan server; it will not run the scan.
        """
        return self.submit(self.parse(text))

    def complete(self, text: str) -> list[Candidate]:
        """List the completions at the end of `text`."""
        devices = self.dev.all()
        known = {device.name: in_few_words(device) for device in devices}
        motors = [device.name for device in devices if device.positioner]
        catalogue, fields = self.scans.catalogue(fresh=False), self.metadata.fields()
        return command_line_complete(text, catalogue, known, motors, fields)

    def submit(self, request: ScanRequest) -> ScanReport:
        """Request a scan; return its report as soon as it is in the queue.

        Raises:
            RefusedError: the request is not valid; the text says why.
            DeadlineError: no answer from the scan server; it will not run it later.
        """
        if self.scans.block is not None:  # a dry run returns its forecast instead
            return self.scans.block.add(request)  # type: ignore[return-value]
        again = request.request_id  # sent before: the scan may have begun already
        scan_id = again or uuid.uuid4().hex
        request = msgspec.structs.replace(
            self.scans.with_metadata(request),
            request_id=scan_id,
            deadline=request.deadline or time.time() + ACCEPTING,
            origin=request.origin or self.origin(),
        )
        report = self._make(scan_id, request=request)
        if again:
            self.reader.track(scan_id)
        try:
            waits = self._ask(keys.scan_asks(self.user), request, ACCEPTING)
        except KeyboardInterrupt:
            self._act(Verb.ABORT, scan_id, 0.0)
            raise
        except BecError:
            self.reader.forget(scan_id)
            raise
        if request.name == "mv":
            self.moves.add(report)
            if waits:
                self.say(f"{summary(request)} waits: {waits}")
        return report

    def report(self, scan_id: str) -> ScanReport:
        """Return the report of a scan, whoever requested it."""
        return self._make(scan_id)

    def mv(
        self, *moves: Any, relative: bool = False, nowait: bool = False
    ) -> ScanReport:
        """Move motors together and wait until they arrive: `mv(samx, 1, samy, 2)`.

        An interrupt (Ctrl-C) stops them.

        Args:
            moves: motor and position in turn; positions in motor units.
            relative: positions are distances from where the motors are.
            nowait: refuse the move if a motor is in use, instead of waiting for it.

        Raises:
            RefusedError: a position is out of limits, or a device is unknown.
            DeviceError: a motor did not arrive.
            ScanAborted: it was stopped.
        """
        signature = self.scans.signature("mv")
        options = {"relative": relative or None, "nowait": nowait or None}
        request = request_of(signature, moves, options, self.dev.names())
        return self.submit(request).wait()

    def mvr(self, *moves: Any, nowait: bool = False) -> ScanReport:
        """Move motors by distances from where they are; see `mv`."""
        return self.mv(*moves, relative=True, nowait=nowait)

    def mv_back(self, *, nowait: bool = False) -> ScanReport:
        """Undo this program's last move: back to the positions before it; see `mv`.

        A second call undoes the first.

        Raises:
            RefusedError: this program has not moved anything.
        """
        return self.submit(self.moves.way_back(nowait=nowait)).wait()

    # --- stop -------------------------------------------------------------------------
    def stop_all(self) -> None:
        """Stop every device now, without going through the queue."""
        self.stop()

    def stop(self, devices: Sequence[str] = ()) -> None:
        """Stop devices now, all if none is named; return once all servers confirm.

        Raises:
            DeadlineError: a device server did not answer within 5 s; it is unknown
                whether its devices have stopped.
        """
        named: dict[str, list[str]] = {}
        for device in devices:
            named.setdefault(self.dev.info(device).server, []).append(device)
        targets = named if devices else {s: [] for s in self._servers()}
        with contextlib.ExitStack() as stack:
            replies = []
            for server, names in targets.items():  # send to all before waiting for any
                inbox = self._device_inbox(server)
                self.reader.follow(inbox.replies)
                request = StopDevices(request_id=uuid.uuid4().hex, devices=names)
                expected = self.reader.expect(request.request_id)
                replies.append(stack.enter_context(expected))
                self._tell(inbox, request)
            what = f"the answer of {', '.join(targets)} to a stop"
            self.reader.wait_for(lambda: all(r() for r in replies), what, STOPPING)
            problems = [one.problem for r in replies if (one := r()) and one.problem]
        if problems:
            raise error_of(problems[0])

    # --- state -------------------------------------------------------------------
    def status(self) -> dict[str, Any]:
        """Return state of services, broker and queues as a dict for JSON.

        `{"services": [{"name": "scan_server", "state": "running", …}], "broker": {…},
        "queues": [{"name": "primary", "state": "running", "items": […]}], "data": "…",
        "virtual": False}`; ages in s.
        """
        return self.reader.retry(lambda: instance_status(self.bus, self.url, self.data))

    def alarms(
        self, limit: int = 20, *, scan_id: str = "", all_users: bool = False
    ) -> Alarms:
        """Return the newest alarms of this user and those of no particular user.

        Args:
            limit: maximum number; the newest is the last.
            scan_id: only those of this scan.
            all_users: include alarms of other users.
        """
        return self.reader.retry(
            lambda: Alarms(
                recent_alarms(self.bus, self.user, limit, scan_id, all_users=all_users)
            )
        )

    def ready(self, timeout: float = 30.0) -> None:
        """Wait until the scan server and all device servers report that they are ready.

        Raises:
            DeadlineError: one of them is not ready within `timeout` s.
        """
        deadline = time.monotonic() + timeout
        with self.bus.watch(keys.users(), *needed(self.bus).values()) as watch:
            while missing := state_missing(self.bus):
                left = deadline - time.monotonic()
                if left <= 0:
                    raise errors.DeadlineError(
                        f"not ready after {timeout:g} s: {', '.join(missing)}; see: "
                        "bec status"
                    )
                watch.wait(min(left, _LOOK))  # the list of servers may change

    def close(self) -> None:
        """Close the connection; running scans continue."""
        self.reader.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __dir__(self) -> list[str]:
        own = (name for name in object.__dir__(self) if not name.startswith("_"))
        return sorted(set(own) - _FOR_FRONT_ENDS)

    def __repr__(self) -> str:
        at = self.where or ", ".join(
            [
                *filter(None, [self.url]),
                *([f"data in {self.data}"] if self.data else []),
            ]
        )
        return f"BEC client of {self.user}{f': {at}' if at else ''}"

    # --- requests ---------------------------------------------------------------------
    def _ask(self, inbox: Inbox[Any, Reply], request: Any, timeout: float) -> Any:
        reply = ask(self.reader, self.bus, inbox, request, timeout)
        if reply.problem is not None:
            raise error_of(reply.problem)
        for warning in reply.warnings:
            self.say(warning)
        return reply.value

    def _tell(self, inbox: Inbox[Any, Reply], request: Any, _: float = 0.0) -> None:
        self.reader.retry(lambda: self.bus.ask(inbox, request), STOPPING)

    def _act(self, verb: Verb, scan_id: str, timeout: float, **more: Any) -> None:
        self._send(ItemAction, timeout, verb=verb, scan_id=scan_id, **more)

    def _send(self, kind: Any, timeout: float = ACCEPTING, **fields: Any) -> Any:
        """Send an action on items; with a `timeout` of 0 do not wait for the reply."""
        deadline = time.time() + ACCEPTING
        action = kind(request_id=uuid.uuid4().hex, deadline=deadline, **fields)
        inbox = keys.scan_asks(self.user)
        return (self._ask if timeout else self._tell)(inbox, action, timeout)

    def _call(self, device: Device, method: str, *more: Any) -> Any:
        if self.scans.block is not None:
            self.scans.block.check(device.name, method)
        return self._calls(device, method, *more)

    def _device_inbox(self, server: str) -> Inbox[Any, Reply]:
        return keys.device_asks(server, self.user)

    def _servers(self) -> list[str]:
        users = self.bus.get(keys.users())
        return (users.device_servers if users else []) or ["main"]

    def _make(self, scan_id: str, **known: Any) -> ScanReport:
        return ScanReport(self.bus, self.reader, self._act, scan_id, **known)

    def _past(self, scan_id: str, number: int | None) -> ScanReport:
        return self._make(scan_id, number=number)


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")


def connect(
    data: Path | str | None = None,
    *,
    url: str | None = None,
    instance: str | None = None,
    bus: Bus | None = None,
) -> Client:
    """Connect to `data`, `url`, `BEC_REDIS`, the nearest `data/`, or the only instance.

    Args:
        data: folder of a running instance.
        url: of a broker: `unix://user:password@/path` or `redis://user:password@host`.
        instance: prefix of all keys there.
        bus: an existing connection to use.

    Raises:
        InstanceError: no instance runs, or several do and none is named.
        BrokerError: no broker answers at this address.
    """
    if bus is not None:
        return Client(bus)
    where, folder = _where(data, url)
    complaints: list[str] = []
    shown = without_password(where)
    try:
        bus = buses_connect(
            where,
            instance or instance_of_environment(),
            complain_to(complaints),
        )
    except BrokerError as error:
        start = f"bec up --data {folder}" if folder else "bec up"
        raise BrokerError(f"{error} (tried {shown}); start one: {start}") from error
    client = Client(bus, url=shown, data=folder)
    client.complaints = complaints
    return client


def _where(data: Path | str | None, url: str | None) -> tuple[str, str]:
    if data is not None:
        folder = Folder(Path(data))
        if read_note(folder.note) is None:
            raise InstanceError(
                f"no instance runs in {folder.path}; start one: "
                f"bec up --data {folder.path}",
                value=str(folder.path),
            )
        return folder.url(person()), str(folder.path)
    url = url or os.environ.get("BEC_REDIS")
    if url:
        return url, os.environ.get("BEC_DATA", "")
    note = find_instance()
    return Folder(note.data).url(person()), str(note.data)
