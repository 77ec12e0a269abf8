"""The device list, as the device server knows it."""

from bec_kernel.device_list import DeviceList, DeviceListError, DeviceSpec
from bec_kernel.device_list.reading import load

__all__ = ["DeviceList", "DeviceListError", "DeviceSpec", "load"]
