"""Runs one item: feeds a `Run` from the logs and appends what it decides."""

import os
import time
from collections.abc import Callable
from typing import Any

import msgspec

from bec_kernel.bus import Gathering, entries
from bec_kernel.bus.changes import START, Append, Change, Id
from bec_kernel.service import Life
from bec_kernel.wire import (
    Answer,
    Begin,
    Control,
    DriverRequest,
    End,
    Item,
    ItemState,
    Log,
    Mark,
    Message,
    ScanState,
    StateChange,
    Step,
    StepEntry,
    Stop,
    Verb,
    keys,
)
from bec_services.scan_server.accept import Catalogue, bound_of
from bec_services.scan_server.program import (
    DRIVER,
    StepRequest,
    code_of,
    frame_of,
    taking_part,
    version_of,
)
from bec_services.scan_server.run.drivers import Drivers
from bec_services.scan_server.run.record import Record
from bec_services.scan_server.run.run import Run
from bec_services.scan_server.run.trimming import Thinning

LOOKAHEAD = int(os.environ.get("BEC_LOOKAHEAD", "8"))
"""So many steps may be on their way at once."""

ITEM_STATE = {
    ScanState.OPEN: ItemState.RUNNING,
    ScanState.PAUSED: ItemState.PAUSED,
    ScanState.CLOSED: ItemState.COMPLETED,
    ScanState.ABORTED: ItemState.ABORTED,
    ScanState.HALTED: ItemState.HALTED,
    ScanState.INTERRUPTED: ItemState.FAILED,
}

_NO_WAY = (
    "a scan can be rewound only while running or paused, and to a point already taken "
    "by a step of its own"
)

_OTHER_TEXT = (
    "continues with changed source text of its program: the versions are equal; if its "
    "steps differ it is interrupted"
)

Told = Callable[[Item, StateChange, list[Change]], None]
"""Takes an item's new state and commits it together with these changes."""


class Worker:
    """One item on its way, in a thread of its own."""

    def __init__(
        self,
        life: Life,
        item: Item,
        catalogue: Catalogue,
        told: Told,
        drivers: Drivers,
        *,
        begin: Begin | None = None,
    ) -> None:
        self._life = life
        self._item = item
        self._catalogue = catalogue
        self._told = told
        self._drivers = drivers
        self._begin = begin
        self._question: tuple[StepRequest | None, float] = (None, 0.0)
        self._steps: Log[StepEntry] = keys.steps(item.scan_id)
        self._states = 0
        self._answers: list[Log[Answer]] = []
        self._gathering = Gathering(life.bus)
        self._servers: list[str] = []
        self._thinning = Thinning(life, item.scan_id, 2 * LOOKAHEAD)

    def run(self) -> None:
        """Bring the item to its end; begins anew where its logs end."""
        run, positions = self._load()
        while True:
            self._append(run.advance())
            if run.done:
                return
            self._watch(run)
            for log, page in self._wait(positions, run.slack):
                positions[log] = page[-1].id
                for entry in page:
                    self._feed(run, log, entry.id, entry.message)

    def _load(self) -> tuple[Run, dict[Log[Any], Id]]:
        """Read what is there, and feed all of it before anything is decided."""
        bus, scan_id = self._life.bus, self._item.scan_id
        recorded: list[StepEntry] = [self._begin] if self._begin else []
        recorded = recorded or [one.message for one in entries(bus, self._steps)]
        thinned = entries(bus, keys.thinned(scan_id)) if recorded[1:] else []
        record = Record(recorded, [one.message for one in thinned])
        begin = recorded[0]
        assert isinstance(begin, Begin)
        scan = self._catalogue.find(begin.request.name)
        hooks = taking_part(self._catalogue.hooks, begin)
        bound = bound_of(begin)
        frame = frame_of(scan, begin, bound, hooks)
        version = version_of(scan, hooks.values(), bound)
        run = Run(begin, frame, record, version=version, lookahead=LOOKAHEAD)
        if begin.version == version and code_of(scan, hooks.values(), bound) != (
            begin.code
        ):
            self._tell(_OTHER_TEXT, "minor")
        self._servers = begin.device_servers
        self._answers = [keys.answers(scan_id, server) for server in self._servers]
        logs: list[Log[Any]] = [*self._answers]
        positions: dict[Log[Any], Id] = {}
        logs += [keys.advice(scan_id, name) for name in begin.asks]
        for log in [*logs, keys.controls(scan_id), keys.driver_requests(scan_id)]:
            positions[log] = START
            for entry in [] if self._begin else entries(bus, log):
                positions[log] = entry.id
                self._feed(run, log, entry.id, entry.message)
        if record.length > 1:
            for server in self._servers:
                self._feed_digests(run, server)
        return run, positions

    def _feed_digests(self, run: Run, server: str) -> None:
        """Feed what a server has answered, but has let go before it was read here."""
        log = keys.digests(self._item.scan_id, server)
        for entry in entries(self._life.bus, log):
            for answer in entry.message.answers():
                run.answer(server, answer)

    def _feed(self, run: Run, log: Log[Any], at: Id, message: Message | None) -> None:
        if isinstance(message, DriverRequest):
            run.questions.drive(msgspec.structs.asdict(message))
        elif isinstance(message, Answer) and "/advice/" in log.name:
            run.questions.advise(message)
        elif isinstance(message, Answer):
            if message.is_final:  # how far a server has come decides nothing
                run.answer(log.name.rsplit("/", 1)[1], message)
        elif isinstance(message, Control):
            run.control(str(at), message)

    def _watch(self, run: Run) -> None:
        """Report a question to the run that was not answered in time."""
        want, since = self._question
        now = time.monotonic()
        if run.question is not want:
            self._question = want, since = run.question, now
        if want is None:
            return
        if want.ask == DRIVER:
            since = max(since, self._drivers.heard(self._item.scan_id))
        if now - since > want.patience:
            run.questions.silent(want.ask, want.patience)
            self._append(run.advance())

    def _wait(
        self, positions: dict[Log[Any], Id], slack: int
    ) -> list[tuple[Log[Any], list[Any]]]:
        self._life.check()
        answers = dict.fromkeys(self._answers, slack) if slack > 1 else None
        return self._gathering.follow(positions, 0.5, gather=answers)

    def _append(self, messages: list[Message]) -> None:
        changes: list[Change] = []
        state: StateChange | None = None
        for message in messages:
            if isinstance(message, StateChange):
                self._states += 1
                where = Id(self._states)
                changes.append(
                    Append(keys.states(self._item.scan_id), message, where, dense=True)
                )
                state = message
            elif isinstance(message, Stop):
                where = Id(message.epoch + 1, message.severity)
                changes.append(Append(keys.stops(self._item.scan_id), message, where))
            elif isinstance(message, Step | Mark | End):
                where = Id.of(message.index)
                changes.append(Append(self._steps, message, where, dense=True))
                self._alarm(message)
        if state is not None:
            self._told(self._item, state, changes)
        elif changes:
            self._life.bus.commit(changes, self._life.fence)
        if messages and isinstance(last := messages[-1], Step):
            self._thinning.issued(last.index, self._servers)

    def _alarm(self, message: Message) -> None:
        """Raise alarms about decisions that no person asked for."""
        if not isinstance(message, Mark):
            return
        if message.verb is Verb.IGNORED and message.value is not None:
            self._tell(f"is not rewound to point {message.value}: {_NO_WAY}", "minor")
        if message.control:
            return
        said = {
            Verb.PAUSE: "is paused",
            Verb.FAIL: "is aborted",
            Verb.ABORT: "is aborted",
            Verb.DIVERGED: "is interrupted: its program has changed",
        }.get(message.verb)
        if said:
            self._tell(f"{said}: {message.reason}", "major")

    def _tell(self, what: str, severity: str) -> None:
        item = self._item
        label = f"scan {item.scan_number}" if item.scan_number else "move"
        self._life.alarm(
            f"{label} {what}", severity, scan_id=item.scan_id, user=item.user
        )
