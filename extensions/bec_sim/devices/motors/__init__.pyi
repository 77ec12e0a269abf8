from .machine import (
    SimRing as SimRing,
    SimShutter as SimShutter,
    SimTemperature as SimTemperature,
)
from .positioner import (
    SimPositioner as SimPositioner,
    SimReadback as SimReadback,
)
from .profile import Profile as Profile
from .pseudo import (
    SimAxis as SimAxis,
    SimMonochromator as SimMonochromator,
    SimPseudo as SimPseudo,
    SimSlit as SimSlit,
)
