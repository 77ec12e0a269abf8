from .checked import (
    FASTEST as FASTEST,
    number as number,
    whole as whole,
)
from .computed import ComputedSignal as ComputedSignal
from .device import (
    Reading as Reading,
    SimDevice as SimDevice,
    SimSignal as SimSignal,
)
from .plain import (
    SimGroup as SimGroup,
    SimReadOnly as SimReadOnly,
    SimValue as SimValue,
)
