from .columns import Hints as Hints, TableColumns as TableColumns, hints as hints
from .devices import (
    devices_of as devices_of,
    streams_among as streams_among,
    streams_of as streams_of,
)
from .files import folder_of as folder_of, stem as stem
from .fold import (
    ScanFold as ScanFold,
    main_devices as main_devices,
    total_points as total_points,
)
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
