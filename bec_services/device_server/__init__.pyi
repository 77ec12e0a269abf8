from .clock import (
    Clock as Clock,
    Timer as Timer,
    VirtualClock as VirtualClock,
    WallClock as WallClock,
)
from .state import DeviceState as DeviceState
