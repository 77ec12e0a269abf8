"""What a person's program holds: `from bec_kernel.client import connect`."""

from bec_kernel.client._problems import error_of
from bec_kernel.client.devices import Devices, RemoteDevice, UnknownDeviceError
from bec_kernel.client.forecast import DryBlock, ScanForecast
from bec_kernel.client.history import History
from bec_kernel.client.queue import Queue
from bec_kernel.client.report import ScanReport
from bec_kernel.client.scans import Scans, UnknownScanError
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
