from .api import Scans as Scans, UnknownScanError as UnknownScanError
from .dry_run import DryBlock as DryBlock, ScanForecast as ScanForecast
from .metadata import Metadata as Metadata
