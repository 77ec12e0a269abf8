from .devices import (
    devices_of as devices_of,
    streams_among as streams_among,
    streams_of as streams_of,
)
from .files import folder_of as folder_of, stem as stem
from .grid import (
    Grid as Grid,
    Index as Index,
    first_setpoints as first_setpoints,
    grid_of as grid_of,
)
from .obstacles import (
    device_obstacle as device_obstacle,
    item_label as item_label,
    queue_obstacle as queue_obstacle,
)
from .schedule import Span as Span, spans as spans
