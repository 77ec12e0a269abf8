"""A device server on a bus in memory: what it does with the logs it follows."""

import threading

from bec_kernel.bus.changes import Append, Id, Put
from bec_kernel.device_list import DeviceSpec
from bec_kernel.testing import MemoryBroker
from bec_kernel.wire import (
    AnswerStatus,
    Begin,
    ScanRequest,
    Step,
    StepKind,
    StepRequest,
    Stop,
    Taken,
    Users,
    keys,
)
from bec_services.device_server import DeviceState
from bec_services.device_server.clock import WallClock
from bec_services.device_server.devices.adapter import DeviceAdapter
from bec_services.device_server.devices.registry import Registry
from bec_services.device_server.server import DeviceServer
from bec_sim import SimPositioner
from tests.services.recorded import new_life, running, until

SCAN = Begin(
    scan_id="s1",
    user="ada",
    request=ScanRequest(request_id="s1", name="line_scan"),
    motors=["samx"],
    servers={"samx": "main"},
)
TAKEN = Taken(scan_id="s1", scan_number=1, name="line_scan", user="ada")
USERS = Users(names=["ada"], device_servers=["main"])


def test_a_stop_in_the_log_of_a_scan_stops_its_motor(tmp_path):
    clock, begun = WallClock(), threading.Event()
    registry = Registry(clock, DeviceState())
    motor = SimPositioner(name="samx", clock=clock, velocity=1)
    motor.subscribe(lambda **_: begun.set(), event_type=motor.SUB_START, run=False)
    spec = {"deviceClass": "a.b", "readoutPriority": "baseline"}
    held = registry.held["samx"] = DeviceAdapter(
        "samx", DeviceSpec.model_validate(spec)
    )
    held.device = motor
    life = new_life("device_server", MemoryBroker(), tmp_path)
    move = Step(
        index=1,
        on=["main"],
        request=StepRequest(kind=StepKind.MOVE, set={"samx": 500.0}),
    )
    changes = [
        Append(keys.steps("s1"), SCAN, Id.of(0)),
        Append(keys.steps("s1"), move, Id.of(1)),
        Append(keys.scans(), TAKEN, Id(1)),
        Put(keys.todo["device_server"]("main"), TAKEN, "s1"),
    ]
    server = DeviceServer(life, registry, clock, USERS)
    with running(life, lambda _: server.run()):
        until(life.bus, lambda: life.bus.get(keys.devices("main"), "samx"))
        life.bus.commit(changes)
        assert begun.wait(5)
        life.bus.commit([Append(keys.stops("s1"), Stop(epoch=0, severity=2), Id(1, 2))])
        answers = keys.answers("s1", "main")
        until(life.bus, lambda: life.bus.last(answers) is not None)
        assert life.bus.last(answers).message.outcome.status is AnswerStatus.STOPPED
        assert not motor.moving
    life.join(5)
    clock.close()
