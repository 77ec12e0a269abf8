from .columns import (
    STATUS as STATUS,
    Array as Array,
    Batch as Batch,
    Column as Column,
    Columns as Columns,
    runs as runs,
)
from .events import happened as happened
from .fits import fit_patches as fit_patches
from .layout import tree as tree
from .metadata import END_TIME as END_TIME, REASON as REASON, STATE as STATE
from .nodes import (
    DEVICES as DEVICES,
    Node as Node,
    Patch as Patch,
    column_path as column_path,
    group as group,
    iso as iso,
    text as text,
)
from .plot import PLOT as PLOT, DefaultPlot as DefaultPlot, plot_of as plot_of
from .point_metadata import kinds as kinds
from .readings import STATUSES as STATUSES
from .scan import ScanFacts as ScanFacts, hinted as hinted, place as place
from .streams import (
    AlignedLayout as AlignedLayout,
    Source as Source,
    StreamLayout as StreamLayout,
)
