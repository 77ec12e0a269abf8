from .adapter import DeviceAdapter as DeviceAdapter
from .builder import construct as construct, destroy as destroy, plan as plan
from .capabilities import (
    ReportsChanges as ReportsChanges,
    capabilities_of as capabilities_of,
    watch_signal as watch_signal,
)
from .description import (
    is_configured as is_configured,
    limits_of as limits_of,
    read_signals as read_signals,
)
from .needs import (
    changed as changed,
    disabled_needs as disabled_needs,
    needed as needed,
)
from .registry import Change as Change, Registry as Registry, let_go as let_go
from .signals import (
    AsyncSignal as AsyncSignal,
    FileEventSignal as FileEventSignal,
    PreviewSignal as PreviewSignal,
    ProgressSignal as ProgressSignal,
    ScanFiles as ScanFiles,
    signals_of as signals_of,
)
from .status import ActionStopped as ActionStopped, LightStatus as LightStatus
from .threads import (
    POOL as POOL,
    begin_stop as begin_stop,
    each as each,
    join_channel_access as join_channel_access,
    stopped as stopped,
)
from .travel_time import pace_signals as pace_signals, signals_behind as signals_behind
from .watched_signals import watched as watched
