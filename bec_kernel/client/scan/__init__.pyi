from .report import ScanReport as ScanReport
