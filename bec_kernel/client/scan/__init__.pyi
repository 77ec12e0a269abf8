from .columns import Columns as Columns, Hints as Hints, hints as hints
from .report import ScanReport as ScanReport
