"""What a person's program holds: `from bec_kernel.client import connect`."""

from bec_kernel.client.connection.errors import error_of
from bec_kernel.client.devices.api import Devices, RemoteDevice, UnknownDeviceError
from bec_kernel.client.history.api import History
from bec_kernel.client.queue.api import Queue
from bec_kernel.client.scan.report import ScanReport
from bec_kernel.client.scans.api import Scans, UnknownScanError
from bec_kernel.client.scans.dry_run import DryBlock, ScanForecast
from bec_kernel.client.session import Client, connect

__all__ = [
    "Client",
    "Devices",
    "DryBlock",
    "History",
    "Queue",
    "RemoteDevice",
    "ScanForecast",
    "ScanReport",
    "Scans",
    "UnknownDeviceError",
    "UnknownScanError",
    "connect",
    "error_of",
]
