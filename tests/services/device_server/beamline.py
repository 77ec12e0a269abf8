"""Simulated devices driven by step actions, and devices that fail."""

import threading

from bec_kernel.device_list import DeviceSpec
from bec_kernel.wire import Begin, ScanRequest, StepKind, StepRequest
from bec_services.device_server.clock import VirtualClock
from bec_services.device_server.devices.adapter import DeviceAdapter
from bec_services.device_server.steps.actions import Actions
from bec_services.device_server.values.publisher import Values
from bec_sim import SimMonitor, SimPositioner

SIM = "bec_sim.Sim"


def hold(device, **spec):
    kind = {"deviceClass": SIM, "readoutPriority": "monitored"}
    one = DeviceAdapter(device.name, DeviceSpec.model_validate(kind | spec))
    one.device = device
    return one


class Beamline:
    """Two motors of 1 mm/s, a detector, and the actions of one scan with them."""

    def __init__(self):
        self.clock = VirtualClock()
        motors = [
            SimPositioner(name=n, clock=self.clock, velocity=1, limits=[-50, 50])
            for n in ("samx", "samy")
        ]
        named = {motor.name: motor for motor in motors}
        self.det = SimMonitor(
            name="det", clock=self.clock, devices=named, ref_motor="samx", noise="none"
        )
        self.held = {d.name: hold(d) for d in [*motors, self.det]}
        self.stop = threading.Event()
        self.meet(*self.held)

    def meet(self, *names):
        begin = Begin(
            scan_id="s1",
            user="ada",
            request=ScanRequest(request_id="s1", name="line_scan"),
            motors=["samx", "samy"],
            monitored=["samx", "samy", "det"],
            triggered=["det"],
        )
        self.actions = Actions(self.held, self.clock, Values("main", self.held))
        self.actions.begin(begin, set(names))

    def do(self, kind=StepKind.POINT, **fields):
        return self.actions.do(
            StepRequest(kind=kind, **fields),
            self.stop,
        )

    def at(self, name):
        return self.held[name].device.position

    def later(self, seconds, call):
        self.clock.call_later(seconds, call)


class Flaky:
    """A device whose reading fails so many times."""

    def __init__(self, failures):
        self.name = "flaky"
        self.failures = failures

    def read(self):
        self.failures -= 1
        if self.failures >= 0:
            raise OSError("no answer")
        return {"flaky": {"value": 1.0, "timestamp": 2.0}}
