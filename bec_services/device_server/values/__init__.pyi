from .presence import Presence as Presence
from .publisher import Values as Values
from .streams import ScanStreams as ScanStreams
