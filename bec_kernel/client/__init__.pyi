from .connection.errors import error_of as error_of
from .devices.api import (
    Devices as Devices,
    RemoteDevice as RemoteDevice,
    UnknownDeviceError as UnknownDeviceError,
)
from .history.api import History as History
from .queue.api import Queue as Queue
from .scan.report import ScanReport as ScanReport
from .scans.api import Scans as Scans, UnknownScanError as UnknownScanError
from .scans.dry_run import DryBlock as DryBlock, ScanForecast as ScanForecast
from .session import Client as Client, connect as connect
