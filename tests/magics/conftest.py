"""An IPython of its own, and a client on a bus in memory."""

import pytest
from IPython.core.interactiveshell import InteractiveShell
from IPython.testing.globalipapp import get_ipython

from bec_kernel.bus.changes import Put
from bec_kernel.client import connect
from bec_kernel.testing import MemoryBus
from bec_kernel.wire import Device, Parameter, SignalDescription, Signature, keys
from bec_magics import load_ipython_extension, unload_ipython_extension

LINE_SCAN = Signature(
    name="line_scan",
    doc="Move along a line. Reads at each stop.",
    bundle=[
        Parameter(name="motor", kind="device"),
        Parameter(name="start", kind="float", unit="motor"),
        Parameter(name="stop", kind="float", unit="motor"),
    ],
    bundles=(1, 0),
    options=[
        Parameter(name="steps", kind="int", doc="number of stops", low=2),
        Parameter(name="exp_time", kind="float", unit="s", default=0.0),
    ],
    aliases=["ascan"],
    example="line_scan samx -5 5 --steps 21",
)
MV = Signature(
    name="mv",
    doc="Move motors.",
    bundle=[
        Parameter(name="motor", kind="device", required=True),
        Parameter(name="position", kind="float", unit="motor", required=True),
    ],
    bundles=(1, 0),
    options=[Parameter(name="relative", kind="bool", default=False)],
    aliases=["umv"],
    is_scan=False,
)
ACQUIRE = Signature(
    name="acquire",
    options=[
        Parameter(name="exp_time", kind="float", unit="s", default=0.0, low=0.0),
        Parameter(name="frames_per_trigger", kind="int", default=1),
    ],
)
SAMX = Device(
    name="samx",
    server="main",
    device_class="SimPositioner",
    positioner=True,
    limits=(-50.0, 50.0),
    signals=[SignalDescription(name="samx", kind="hinted", unit="mm")],
    methods=["velocity.get", "velocity.set"],
    description="sample, across",
)
BPM = Device(
    name="bpm4i",
    server="main",
    device_class="SimMonitor",
    signals=[
        SignalDescription(name="bpm4i", kind="hinted"),
        SignalDescription(name="bpm4i_exposures"),
    ],
)


@pytest.fixture
def bus():
    bus = MemoryBus(user="ann")
    devices = keys.devices("main")
    bus.commit(
        [
            *(Put(keys.catalogue(), one, one.name) for one in (LINE_SCAN, MV, ACQUIRE)),
            Put(devices, SAMX, SAMX.name),
            Put(devices, BPM, BPM.name),
        ]
    )
    return bus


@pytest.fixture
def plain_shell(tmp_path, monkeypatch):
    """IPython as it is, its folder somewhere else."""
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))  # no instance is found here
    monkeypatch.delenv("BEC_REDIS", raising=False)
    monkeypatch.chdir(tmp_path)
    shell = get_ipython() or InteractiveShell.instance()
    yield shell
    unload_ipython_extension(shell)
    shell.user_ns.pop("error", None)


@pytest.fixture
def shell(plain_shell):
    load_ipython_extension(plain_shell)
    return plain_shell


@pytest.fixture
def connected(shell, bus, monkeypatch):
    """A shell whose names stand for a client on the bus in memory."""
    monkeypatch.setattr("bec_magics.setup.session.connect", lambda: connect(bus=bus))
    return shell
