"""A device server on a bus in memory that executes steps given one by one."""

from bec_kernel.bus.changes import Append, Id, Put
from bec_kernel.device_list import DeviceSpec
from bec_kernel.testing import MemoryBroker
from bec_kernel.wire import (
    Begin,
    End,
    Mark,
    ScanRequest,
    ScanState,
    Step,
    StepKind,
    StepRequest,
    Taken,
    keys,
)
from bec_services.device_server.clock import WallClock
from bec_services.device_server.devices.adapter import DeviceAdapter
from bec_services.device_server.steps.executor import Executor
from bec_services.device_server.values.publisher import Values
from bec_sim import SimPositioner
from tests.services.recorded import new_life, until

MINE = keys.answers("s1", "main")


BEGIN = Begin(
    scan_id="s1",
    user="ada",
    request=ScanRequest(request_id="s1", name="line_scan"),
    motors=["samx"],
    monitored=["samx"],
    servers={"samx": "main"},
)


class Server:
    """The executor of one scan with one motor of 1 mm/s."""

    def __init__(self, data):
        self.data = data
        self.broker = MemoryBroker()
        self.clock = WallClock()
        self.motor = SimPositioner(name="samx", clock=self.clock, velocity=1)
        self.held = {}
        spec = {"deviceClass": "a.b", "readoutPriority": "baseline"}
        self.held["samx"] = DeviceAdapter("samx", DeviceSpec.model_validate(spec))
        self.held["samx"].device = self.motor
        self.life = None
        self.count = 0

    def write(self, entry):
        changes = [Append(keys.steps("s1"), entry, Id.of(self.count))]
        if not self.count:
            taken = Taken(scan_id="s1", scan_number=1, name="line_scan", user="ada")
            changes.append(Put(keys.todo["device_server"]("main"), taken, "s1"))
        self.bus.commit(changes)
        self.count += 1

    def begin(self, begin=BEGIN):
        self.start()
        self.write(begin)
        return self

    def start(self, *, inherited=False):
        self.life = new_life("device_server", self.broker, self.data)
        self.bus = self.life.bus
        self.values = Values("main", self.held)
        self.executor = Executor(
            self.life,
            "s1",
            self.held,
            self.clock,
            self.values,
            inherited=inherited,
        )

    def run(self):
        self.life.spawn(self.executor.run)
        return self

    def step(self, kind=StepKind.POINT, epoch=0, **fields):
        step = Step(
            index=self.count,
            on=["main"],
            epoch=epoch,
            request=StepRequest(kind=kind, **fields),
        )
        self.write(step)
        return step.index

    def mark(self, verb, epoch):
        self.write(Mark(index=self.count, verb=verb, epoch=epoch))

    def answer(self, index):
        def found():
            entries = self.bus.read(MINE)
            return next((e.message for e in entries if e.message.index == index), None)

        until(self.bus, lambda: found() is not None)
        return found()

    def status(self, index):
        return self.answer(index).status

    def end(self):
        self.write(End(index=self.count, state=ScanState.CLOSED, reason="done"))
        todo = keys.todo["device_server"]("main")
        until(self.bus, lambda: self.bus.get(todo, "s1") is None)

    def stop(self, *names):
        self.executor.stop_devices(names)
        self.clock.wake()

    def close(self):
        self.life.join(5)
        self.clock.close()
        assert self.life._failure is None
