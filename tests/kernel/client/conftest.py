"""A scan server and a device server as small as can be, on the in-memory bus."""

import threading
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest

from bec_kernel.bus.changes import Append, Drop, Id, Put
from bec_kernel.bus.protocol import Bus
from bec_kernel.client import Client
from bec_kernel.errors import BrokerError
from bec_kernel.testing import MemoryBroker, MemoryBus
from bec_kernel.wire import (
    Begin,
    Call,
    Device,
    DeviceListVersion,
    DeviceValue,
    DryRun,
    FileDone,
    Fit,
    Item,
    ItemAction,
    ItemState,
    Log,
    Problem,
    QueueAction,
    QueueVerb,
    Reading,
    Reply,
    ScanRequest,
    ScanState,
    Seal,
    SignalDescription,
    StateChange,
    StopDevices,
    Taken,
    Users,
    Verb,
    keys,
)
from tests.kernel.client.samples import CATALOGUE, point
from tests.waiting import until_on


class ToyServer(threading.Thread):
    """Answers what the tester asks; takes points only as far as a test lets it."""

    def __init__(self, bus: Bus) -> None:
        super().__init__(name="toy server", daemon=True)
        self.bus = bus
        self.over = threading.Event()
        self.deaf = False
        self.seen: list[Any] = []
        self.allowed = 10_000
        self.number = 0
        self.stop_reply = True
        self.writes = True
        self.running: dict[str, ScanRequest] = {}
        self.queued: list[Item] = []
        self.hold = False
        self.move_fails = ""
        self.stuck = False
        self.places: dict[str, float] = {}
        self.seer: Callable[[DryRun, Reply], Reply] = lambda _, reply: reply
        self.put_devices()
        for name, one in CATALOGUE.items():
            bus.commit([Put(keys.catalogue(), one, name)])

    def put_devices(self) -> None:
        self.bus.commit(
            [Put(keys.users(), Users(names=["tester"], device_servers=["main"]))]
        )
        for name in ("samx", "samy", "bpm4i"):
            motor = name.startswith("sam")
            device = Device(
                name=name,
                server="main",
                device_class="sim.Positioner" if motor else "sim.Monitor",
                positioner=motor,
                limits=(-50.0, 50.0) if motor else None,
                signals=[
                    SignalDescription(name=name, kind="hinted", unit="mm", precision=3),
                    *([SignalDescription(name=f"{name}_setpoint")] if motor else []),
                ],
                methods=["velocity.set", "velocity.get"] if motor else [],
            )
            value = DeviceValue(readings={name: Reading(0.5, 100.0)})
            self.bus.commit(
                [
                    Put(keys.devices("main"), device, name),
                    Put(keys.values("main"), value, name),
                ]
            )
        listed = DeviceListVersion(version=1, time=0.0)
        self.bus.commit([Append(keys.lists("main"), listed, Id(1))])

    def run(self) -> None:
        inboxes: dict[Log[Any], Log[Reply]] = {}
        for inbox in (keys.scan_asks("tester"), keys.device_asks("main", "tester")):
            inboxes[Log(inbox.name, inbox.type)] = inbox.replies  # type: ignore[attr-defined]
        positions = dict.fromkeys(inboxes, Id(0))
        while not self.over.is_set():
            for log, entries in self.bus.follow(positions, 0.05):
                for entry in entries:
                    positions[log] = entry.id
                    self.take(inboxes[log], entry.id, entry.message)

    def take(self, replies: Log[Reply], at: Id, message: Any) -> None:
        self.seen.append(message)
        if self.deaf:
            return
        new = [message.request_id]  # what a restart or a repetition becomes
        value = new if isinstance(message, ItemAction) else None
        reply = Reply(request_id=message.request_id, asked=str(at), value=value)
        match message:
            case Call():
                reply = self.call(message, reply)
            case DryRun():
                reply = self.seer(message, reply)
            case StopDevices() if not self.stop_reply:
                return
            case ScanRequest(metadata={"refuse": str() as why}):
                problem = Problem(kind="RefusedError", message=why, subject="samx")
                reply = Reply(request_id=message.request_id, asked="", problem=problem)
        self.bus.commit([Append(replies, reply)])
        if reply.problem is None:
            self.follow_up(message)

    def follow_up(self, message: Any) -> None:
        match message:
            case ScanRequest():
                self.begin(message)
            case ItemAction(verb=Verb.ABORT | Verb.HALT):
                self.act(message)
            case QueueAction(verb=QueueVerb.CLEAR):
                self.clear()

    def call(self, call: Call, reply: Reply) -> Reply:
        if call.method == "read":
            value: Any = {call.device: Reading(1.5, 100.0)}
        elif call.method == "velocity.get":
            value = 2.0
        elif call.method == "set" and call.args in ([99], [98]):
            in_use = call.args == [98]
            problem = Problem(
                kind="InUseError" if in_use else "DeviceError",
                message="samx is in use by scan 7" if in_use else "samx does not move",
                subject="samx",
            )
            return Reply(request_id=call.request_id, asked="", problem=problem)
        else:
            value = None
        return Reply(request_id=call.request_id, asked=reply.asked, value=value)

    def begin(self, request: ScanRequest) -> None:
        scan_id = request.request_id
        if scan_id in self.running:
            return
        self.running[scan_id] = request
        if request.name == "mv":
            state = ItemState.FAILED if self.move_fails else ItemState.COMPLETED
            self.end_item(request, state, self.move_fails, None)
            return
        if self.hold:
            item = Item(scan_id=scan_id, user="tester", request=request, rank=1.0)
            self.queued.append(item)
            self.bus.commit([Put(keys.items(), item, scan_id)])
            return
        self.number += 1
        taken = Taken(
            scan_id=scan_id,
            scan_number=self.number,
            name=request.name,
            user="tester",
            fit=request.kwargs.get("fit", ""),
        )
        begin = Begin(
            scan_id=scan_id,
            scan_number=self.number,
            user="tester",
            request=request,
            motors=["samx"],
            shape=[request.kwargs.get("steps", 1)],
            units={"samx": "mm"},
            fit=request.kwargs.get("fit", ""),
        )
        opened = StateChange(state=ScanState.OPEN)
        self.bus.commit(
            [
                Append(keys.scans(), taken, Id(self.number, 0)),
                Append(keys.steps(scan_id), begin, Id.of(0)),
                Append(keys.states(scan_id), opened, Id(1)),
            ]
        )
        self.points(scan_id)

    def points(self, scan_id: str) -> None:
        """Take the points that are allowed by now; end the scan after the last."""
        steps = self.running[scan_id].kwargs.get("steps", 1)
        last = self.bus.last(keys.points(scan_id))
        for i in range(last.id.major if last else 0, min(steps, self.allowed)):
            self.bus.commit([Append(keys.points(scan_id), point(i), Id.of(i))])
        if self.allowed >= steps:
            self.end(scan_id, ScanState.CLOSED, "done")

    def end(
        self, scan_id: str, state: ScanState, reason: str, message: str = ""
    ) -> None:
        request = self.running[scan_id]
        last = self.bus.last(keys.points(scan_id))
        count = last.id.major if last else 0
        seal = Seal(index=count, points=count, state=state, reason=reason, time=200.0)
        change = StateChange(state=state, time=200.0, reason=reason, message=message)
        changes: list[Any] = [
            Append(keys.states(scan_id), change, Id(2)),
            Append(keys.points(scan_id), seal, Id(count + 1)),
        ]
        if self.writes:
            done = FileDone(path="/data/S1.h5", points=count)
            changes.append(Append(keys.files(scan_id), done, Id(1)))
        if self.writes and request.kwargs.get("fit"):
            fit = Fit(
                points=count,
                model="Gaussian",
                x="samx",
                y="bpm4i",
                values={"center": 0.5},
                final=True,
            )
            changes.append(Append(keys.fits(scan_id), fit, Id(count, 1)))
        self.bus.commit(changes)
        good = state is ScanState.CLOSED
        ended = ItemState.COMPLETED if good else ItemState.ABORTED
        self.end_item(request, ended, reason, self.number)

    def end_item(
        self, request: ScanRequest, state: ItemState, reason: str, number: int | None
    ) -> None:
        item = Item(
            scan_id=request.request_id,
            user="tester",
            request=request,
            rank=1.0,
            state=state,
            reason=reason,
            scan_number=number,
            **self.move(request),
        )
        self.bus.commit(
            [
                Drop(keys.items(), request.request_id),
                Append(keys.items_done(), item),
            ]
        )

    def move(self, request: ScanRequest) -> dict[str, Any]:
        """Return where the motors of a move were, and where they are now."""
        if request.name != "mv" or self.stuck:
            return {}
        to = dict(zip(request.args[::2], request.args[1::2], strict=True))
        before = {name: self.places.get(name, 0.0) for name in to}
        self.places |= to
        return {"before": before, "after": to}

    def clear(self) -> None:
        for item in self.queued:
            self.end_item(item.request, ItemState.CANCELLED, "by tester", None)

    def act(self, action: ItemAction) -> None:
        for item in self.queued:
            if item.scan_id == action.scan_id:
                self.end_item(item.request, ItemState.CANCELLED, "by tester", None)
                return
        final = ScanState.HALTED if action.verb is Verb.HALT else ScanState.ABORTED
        if action.scan_id in self.running:
            self.end(action.scan_id, final, "user")


class Line(MemoryBus):
    """A bus whose broker can go away."""

    cut = False

    def _check(self) -> None:
        if self.cut:
            raise BrokerError("the broker does not answer: cut")

    def follow(self, *args: Any, **kwargs: Any) -> Any:
        self._check()
        return super().follow(*args, **kwargs)

    def commit(self, *args: Any, **kwargs: Any) -> Any:
        self._check()
        return super().commit(*args, **kwargs)

    def get(self, *args: Any, **kwargs: Any) -> Any:
        self._check()
        return super().get(*args, **kwargs)


@pytest.fixture
def broker() -> MemoryBroker:
    return MemoryBroker()


@pytest.fixture
def server(broker: MemoryBroker) -> Iterator[ToyServer]:
    toy = ToyServer(MemoryBus(broker, "scan_server"))
    toy.start()
    yield toy
    toy.over.set()
    toy.join(5)


@pytest.fixture
def line(broker: MemoryBroker) -> Line:
    return Line(broker, "tester")


@pytest.fixture
def bec(server: ToyServer, line: Line) -> Iterator[Client]:
    with Client(line) as client:
        yield client


@pytest.fixture
def until(broker: MemoryBroker) -> Callable[[Callable[[], Any]], None]:
    """Wait for something on the broker to become true."""
    return partial(until_on, broker)
