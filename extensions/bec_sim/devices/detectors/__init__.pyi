from .camera import (
    SimCamera as SimCamera,
    SimWaveform as SimWaveform,
)
from .detector import (
    Noise as Noise,
    SimDetector as SimDetector,
)
from .frames import (
    ENTRIES as ENTRIES,
    FrameFile as FrameFile,
)
from .models import (
    SignalModel as SignalModel,
    all_names as all_names,
)
from .monitor import SimMonitor as SimMonitor
