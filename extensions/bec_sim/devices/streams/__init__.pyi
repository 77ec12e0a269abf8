from .asynchronous import (
    SimAsyncGauss as SimAsyncGauss,
    SimAsyncMonitor as SimAsyncMonitor,
)
from .streaming import (
    SimAsyncCounter as SimAsyncCounter,
    SimFlyer as SimFlyer,
)
