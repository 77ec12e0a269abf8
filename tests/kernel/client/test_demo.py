"""The demo moves nothing but our own simulated hardware."""

from pathlib import Path

import pytest

from bec_kernel.bus.changes import Put
from bec_kernel.cli.demo import COUNTER, MOTOR, check
from bec_kernel.errors import DeviceError
from bec_kernel.wire import Device, Process, SignalDescription, Users, keys

HERE = Path("/there/data")


def put(server, *, ioc=True, **sources):
    """Publish devices by their signals' source, and whether our IOC runs."""
    process = Process(name="simulated_ioc" if ioc else "my_ioc", pid=7)
    server.bus.commit([Put(keys.processes(), process, process.name)])
    for name, source in sources.items():
        device = Device(
            name=name,
            server="main",
            device_class="ophyd.EpicsMotor",
            positioner=name == MOTOR,
            signals=[SignalDescription(name=name, source=f"PV:{source}")],
        )
        server.bus.commit([Put(keys.devices("main"), device, name)])


def test_the_simulated_beamline_is_known(bec, server):
    put(server, **{MOTOR: "SIM:m1.RBV", COUNTER: "SIM:det1:Counts"})
    check(bec, HERE)


@pytest.mark.parametrize(
    ("ioc", "sources"),
    [
        (True, {}),
        (True, {MOTOR: "X12SA:m1.RBV", COUNTER: "SIM:det1:Counts"}),
        (True, {MOTOR: "SIM:m1.RBV", COUNTER: "X12SA:ct1"}),
        (True, {MOTOR: "SIM:m1.RBV"}),
        (False, {MOTOR: "SIM:m1.RBV", COUNTER: "SIM:det1:Counts"}),
    ],
)
def test_a_real_motor_of_the_same_name_is_refused(bec, server, ioc, sources):
    put(server, ioc=ioc, **sources)
    with pytest.raises(DeviceError, match=r"m1 of the simulated.*/there/data.*--data"):
        check(bec, HERE)


def test_a_virtual_instance_is_refused(bec, server):
    users = Users(names=["tester"], device_servers=["main"], virtual=True)
    server.bus.commit([Put(keys.users(), users)])
    with pytest.raises(DeviceError, match="virtual"):
        check(bec, HERE)
