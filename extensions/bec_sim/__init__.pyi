from .devices import (
    ComputedSignal as ComputedSignal,
    SimDevice as SimDevice,
    SimGroup as SimGroup,
    SimReadOnly as SimReadOnly,
    SimSignal as SimSignal,
    SimValue as SimValue,
)
from .devices.detectors import (
    SimCamera as SimCamera,
    SimDetector as SimDetector,
    SimMonitor as SimMonitor,
    SimWaveform as SimWaveform,
)
from .devices.motors import (
    SimAxis as SimAxis,
    SimMonochromator as SimMonochromator,
    SimPositioner as SimPositioner,
    SimPseudo as SimPseudo,
    SimReadback as SimReadback,
    SimRing as SimRing,
    SimShutter as SimShutter,
    SimSlit as SimSlit,
    SimTemperature as SimTemperature,
)
from .devices.streams import (
    SimAsyncCounter as SimAsyncCounter,
    SimAsyncGauss as SimAsyncGauss,
    SimAsyncMonitor as SimAsyncMonitor,
    SimFlyer as SimFlyer,
)
from .simulation import SIMULATION as SIMULATION
