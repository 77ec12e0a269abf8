"""A simulated beamline's devices: ophyd devices that live on the server's clock."""

from bec_services.device_server.sim.asynchronous import SimAsyncGauss, SimAsyncMonitor
from bec_services.device_server.sim.camera import SimCamera, SimWaveform
from bec_services.device_server.sim.machine import SimRing, SimShutter, SimTemperature
from bec_services.device_server.sim.monitor import SimMonitor
from bec_services.device_server.sim.positioner import SimPositioner
from bec_services.device_server.sim.pseudo import SimMonochromator, SimSlit
from bec_services.device_server.sim.state import SimState
from bec_services.device_server.sim.streaming import SimAsyncCounter, SimFlyer

__all__ = [
    "SimAsyncCounter",
    "SimAsyncGauss",
    "SimAsyncMonitor",
    "SimCamera",
    "SimFlyer",
    "SimMonitor",
    "SimMonochromator",
    "SimPositioner",
    "SimRing",
    "SimShutter",
    "SimSlit",
    "SimState",
    "SimTemperature",
    "SimWaveform",
]
