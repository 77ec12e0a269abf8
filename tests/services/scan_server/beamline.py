"""A scan server on a bus in memory, one person, and devices that obey at once."""

import threading
import time
import uuid
from contextlib import ExitStack
from typing import Any

import msgspec

from bec_kernel.bus.changes import START, Append, Id, Put
from bec_kernel.service.life import Life
from bec_kernel.testing import MemoryBroker, MemoryBus
from bec_kernel.wire import (
    Answer,
    AnswerStatus,
    Device,
    DeviceValue,
    Item,
    ItemAction,
    Log,
    Outcome,
    QueueAction,
    QueueStatus,
    QueueVerb,
    Reading,
    Reply,
    ScanRequest,
    Step,
    StepKind,
    Stop,
    SuspenderAction,
    Users,
    Verb,
    keys,
)
from bec_services.scan_server.accept.assembler import Catalogue
from bec_services.scan_server.scans import LineScan, Move
from bec_services.scan_server.scans.wait import Wait
from bec_services.scan_server.server import ScanServer
from tests.services.recorded import new_life, running
from tests.waiting import until_on

PATIENCE = 10.0


def show(bus: MemoryBus, name: str, value: float) -> None:
    """Publish a device's value."""
    told = DeviceValue(readings={name: Reading(value, time.time())})
    bus.commit([Put(keys.values("main"), told, name)])


class Devices(threading.Thread):
    """Answers steps at once; points only where `points` is set."""

    def __init__(self, bus: MemoryBus) -> None:
        super().__init__(name="toy devices", daemon=True)
        self.bus = bus
        self.over = threading.Event()
        self.points = threading.Event()
        self.waits: AnswerStatus | None = AnswerStatus.OK
        self.positions: dict[Log[Any], Id] = {keys.scans(): START}
        self.waiting: dict[str, list[Step]] = {}
        self.stopped: dict[str, int] = {}

    def run(self) -> None:
        while not self.over.is_set():
            for log, entries in self.bus.follow(self.positions, 0.02):
                self.positions[log] = entries[-1].id
                for entry in entries:
                    self.take(log, entry.message)
            for scan_id in self.waiting:
                self.answer(scan_id)

    def take(self, log: Log[Any], message: Any) -> None:
        scan_id = log.name.split("/")[2] if "/scan/" in log.name else ""
        match message:
            case Step():
                self.waiting[scan_id].append(message)
            case Stop(epoch=epoch):
                self.stopped[scan_id] = max(epoch, self.stopped.get(scan_id, -1))
            case _ if log == keys.scans():
                new = message.scan_id
                self.waiting[new] = []
                self.positions |= {keys.stops(new): START, keys.steps(new): START}

    def answer(self, scan_id: str) -> None:
        stopped = self.stopped.get(scan_id, -1)
        while self.waiting[scan_id]:
            step = self.waiting[scan_id][0]
            held = step.request.kind in (StepKind.POINT, StepKind.MOVE)
            if step.epoch <= stopped:
                self.say(scan_id, step, AnswerStatus.WITHDRAWN)
            elif held and not self.points.is_set():
                return
            elif step.request.kind is StepKind.WAIT:
                if self.waits is None:
                    return
                if self.waits is AnswerStatus.OK:
                    show(self.bus, step.request.until.device, 100.0)
                self.say(scan_id, step, self.waits)
            else:
                self.say(scan_id, step, AnswerStatus.OK)

    def say(self, scan_id: str, step: Step, status: AnswerStatus) -> None:
        self.waiting[scan_id].remove(step)
        answer = Answer(
            index=step.index, life=1, outcome=Outcome(status=status, end=time.time())
        )
        log = keys.answers(scan_id, "main")
        self.bus.commit([Append(log, answer, Id.of(step.index))])


class Beamline:
    """What a test holds: it asks as `ada`, and looks at the bus."""

    def __init__(self, tmp_path: Any) -> None:
        self.broker = MemoryBroker()
        self.bus = MemoryBus(self.broker, "ada")
        self.devices = Devices(self.bus)
        self._tmp = tmp_path
        self._stack = ExitStack()
        self.bus.commit(
            [Put(keys.users(), Users(names=["ada", "bob"], device_servers=["main"]))]
        )
        for name in ("samx", "samy", "det", "ring"):
            motor = name.startswith("sam")
            device = Device(
                name=name,
                server="main",
                device_class="sim.Device",
                positioner=motor,
                limits=(-10.0, 10.0) if motor else None,
                readout_priority="baseline" if motor else "on_request",
            )
            self.bus.commit([Put(keys.devices("main"), device, name)])
            self.show(name, 400.0 if name == "ring" else 0.0)

    def show(self, name: str, value: float) -> None:
        """Publish a device's value."""
        show(self.bus, name, value)

    def put_device(self, device: Device, **changes: Any) -> None:
        """Publish a device."""
        new = msgspec.structs.replace(device, **changes)
        self.bus.commit([Put(keys.devices("main"), new, new.name)])

    def start(self, line_scan: type[LineScan] = LineScan) -> None:
        """Begin a life of the scan server, which has this line scan."""
        life = new_life("scan_server", self.broker, self._tmp)
        catalogue = Catalogue([line_scan, Move, Wait])
        body = lambda life: ScanServer(life, catalogue).run()  # noqa: E731
        self._stack.enter_context(running(life, body))
        self._stack.callback(self._end, life)
        if not self.devices.is_alive():
            self.devices.start()

    def kill(self) -> None:
        """End the life, as a kill would: nothing is said."""
        self._stack.close()

    def _end(self, life: Life) -> None:
        """End a life that waits for asks: by one that nobody can answer."""
        life.end()
        nothing = ItemAction(request_id=uuid.uuid4().hex, verb=Verb.IGNORED)
        self.bus.ask(keys.scan_asks("ada"), nothing)

    def close(self) -> None:
        """End everything."""
        self.kill()
        self.devices.over.set()
        self.devices.join(PATIENCE)

    # --- asking -----------------------------------------------------------------------
    def ask(self, ask: Any, user: str = "ada") -> Reply:
        """Ask, and return what is replied."""
        bus = MemoryBus(self.broker, user)
        inbox = keys.scan_asks(user)
        last = bus.last(inbox.replies)
        bus.ask(inbox, ask)
        at = last.id if last else START
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            for _, entries in bus.follow({inbox.replies: at}, 0.5):
                at = entries[-1].id
                for entry in entries:
                    if entry.message.request_id == ask.request_id:
                        return entry.message
        raise AssertionError(f"no reply to {ask}")

    def scan(self, motor: str = "samx", user: str = "ada", **more: Any) -> str:
        """Ask for a scan of three points; return its id."""
        request = ScanRequest(
            request_id=uuid.uuid4().hex,
            name="line_scan",
            args=[motor, 0, 1],
            kwargs={"steps": 3},
            **more,
        )
        reply = self.ask(request, user)
        assert reply.problem is None, reply.problem
        return request.request_id

    def move(self, motor: str, **more: Any) -> Reply:
        """Ask for a move; return the reply."""
        request = ScanRequest(
            request_id=uuid.uuid4().hex, name="mv", args=[motor, 1.0], **more
        )
        return self.ask(request)

    def act(self, verb: Verb, scan_id: str = "", user: str = "ada", **more: Any) -> Any:
        """Act on an item; return what is replied, or why it is refused."""
        action = ItemAction(
            request_id=uuid.uuid4().hex, verb=verb, scan_id=scan_id, **more
        )
        return said(self.ask(action, user))

    def on_queue(self, verb: QueueVerb, user: str = "ada", **more: Any) -> Any:
        """Act on a queue."""
        action = QueueAction(request_id=uuid.uuid4().hex, verb=verb, **more)
        return said(self.ask(action, user))

    def rule(self, rule: str = "", **more: Any) -> Any:
        """Set a rule, or take it away."""
        action = SuspenderAction(request_id=uuid.uuid4().hex, rule=rule, **more)
        return said(self.ask(action))

    # --- looking ----------------------------------------------------------------------
    def items(self) -> dict[str, Item]:
        """Items on the bus, by scan id, in order."""
        found = self.bus.get_all(keys.items()).items()
        return dict(sorted(found, key=lambda pair: pair[1].rank))

    def state(self, scan_id: str) -> str:
        """State of an item, also of one that has ended."""
        item = self.items().get(scan_id) or self.ended(scan_id)
        return str(item.state) if item else ""

    def ended(self, scan_id: str) -> Item | None:
        """An item that has ended."""
        done = self.bus.read(keys.items_done())
        found = (e.message for e in done if e.message.scan_id == scan_id)
        return next(found, None)

    def queue(self, name: str = "primary") -> QueueStatus:
        """What holds a queue up."""
        return self.bus.get(keys.queues(), name) or QueueStatus(name=name)

    def until(self, what: Any) -> None:
        """Wait until `what` is true of what is on the bus."""
        until_on(self.broker, what, PATIENCE)

    def until_state(self, scan_id: str, state: str) -> None:
        """Wait until an item has a state."""
        self.until(lambda: self.state(scan_id) == state)


def said(reply: Reply) -> Any:
    """What is replied: the value, or the text of the problem."""
    return reply.problem.message if reply.problem else reply.value
