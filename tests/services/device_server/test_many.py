"""What a scan costs does not depend on how many devices are configured."""

import time

from bec_kernel.bus.changes import Append, Id
from bec_kernel.device_list import DeviceSpec
from bec_kernel.testing import MemoryBroker
from bec_kernel.wire import Begin, ScanRequest, Step, StepKind, StepRequest, keys
from bec_services.device_server.clock import WallClock
from bec_services.device_server.devices.adapter import DeviceAdapter
from bec_services.device_server.steps.executor import Executor
from bec_services.device_server.values.publisher import Values
from bec_sim import SimMonitor, SimPositioner
from tests.services.recorded import new_life, until

POINTS = 200
ROUNDS = 5
SPEC = DeviceSpec(deviceClass="a.b", readoutPriority="baseline")
BEGIN = Begin(
    scan_id="s1",
    user="ada",
    request=ScanRequest(request_id="s1", name="line_scan"),
    motors=["d0"],
    monitored=["d0", "det"],
    triggered=["det"],
    servers={"d0": "main", "det": "main"},
)


class Server:
    """A device server with so many motors and a detector, on a bus in memory."""

    def __init__(self, tmp_path, count):
        self.clock = clock = WallClock()
        self.tmp_path = tmp_path
        motors = [
            SimPositioner(name=f"d{n}", clock=clock, velocity=0) for n in range(count)
        ]
        named = {one.name: one for one in motors}
        det = SimMonitor(name="det", clock=clock, devices=named, ref_motor="d0")
        self.held = {}
        for device in [*motors, det]:
            self.held[device.name] = one = DeviceAdapter(device.name, SPEC)
            one.device = device

    def work(self):
        """The CPU time (s) the device server needs for a scan of two devices."""
        life = new_life("device_server", MemoryBroker(), self.tmp_path)
        bus, log = life.bus, keys.answers("s1", "main")
        values = Values("main", self.held)
        values.watch()
        life.spawn(values.publish, life)
        until(bus, lambda: len(bus.get_all(keys.values("main"))) == len(self.held))
        steps = [
            Step(
                index=n,
                on=["main"],
                request=StepRequest(kind=StepKind.POINT, set={"d0": float(n)}),
            )
            for n in range(1, POINTS + 1)
        ]
        entries = enumerate([BEGIN, *steps])
        bus.commit([Append(keys.steps("s1"), one, Id.of(n)) for n, one in entries])
        executor = Executor(life, "s1", self.held, self.clock, values)
        begun = time.process_time()
        life.spawn(executor.run)
        until(bus, lambda: (e := bus.last(log)) and e.message.index == POINTS)
        work = time.process_time() - begun
        values.unwatch()
        life.join(5)
        return work


def test_a_thousand_configured_devices_do_not_slow_a_scan_of_two(tmp_path):
    few, many = Server(tmp_path, 2), Server(tmp_path, 1000)
    took = [(few.work(), many.work()) for _ in range(ROUNDS)]
    for server in (few, many):
        server.clock.close()
    # What disturbs a round adds to it: the least is what the work takes.
    least_few, least_many = map(min, zip(*took, strict=True))
    assert least_many < 1.3 * least_few, took
