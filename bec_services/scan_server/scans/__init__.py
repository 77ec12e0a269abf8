"""The scans that come with the system; a site adds others by entry point."""

from bec_services.scan_server.scans.acquire import Acquire
from bec_services.scan_server.scans.adaptive_scan import AdaptiveScan
from bec_services.scan_server.scans.cont_line_scan import ContLineScan
from bec_services.scan_server.scans.fermat_scan import FermatScan
from bec_services.scan_server.scans.fly_scan import FlyScan
from bec_services.scan_server.scans.grid_scan import GridScan
from bec_services.scan_server.scans.hexagonal_scan import HexagonalScan
from bec_services.scan_server.scans.interactive import Interactive
from bec_services.scan_server.scans.line_scan import LineScan
from bec_services.scan_server.scans.line_sweep_scan import LineSweepScan
from bec_services.scan_server.scans.list_scan import ListScan
from bec_services.scan_server.scans.log_scan import LogScan
from bec_services.scan_server.scans.move import Move
from bec_services.scan_server.scans.multi import Multi
from bec_services.scan_server.scans.multi_region_scan import (
    MultiRegionGridScan,
    MultiRegionLineScan,
)
from bec_services.scan_server.scans.round_scan import RoundRoiScan, RoundScan
from bec_services.scan_server.scans.time_scan import TimeScan

__all__ = [
    "Acquire",
    "AdaptiveScan",
    "ContLineScan",
    "FermatScan",
    "FlyScan",
    "GridScan",
    "HexagonalScan",
    "Interactive",
    "LineScan",
    "LineSweepScan",
    "ListScan",
    "LogScan",
    "Move",
    "Multi",
    "MultiRegionGridScan",
    "MultiRegionLineScan",
    "RoundRoiScan",
    "RoundScan",
    "TimeScan",
]
