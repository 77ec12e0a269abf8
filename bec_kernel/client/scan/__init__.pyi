from .columns import Hints as Hints, TableColumns as TableColumns, hints as hints
from .report import ScanReport as ScanReport
