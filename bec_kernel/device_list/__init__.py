"""Device lists as people write them: read, checked, shared out, kept as versions."""

from bec_kernel.device_list.spec import (
    DeviceList,
    DeviceListError,
    DeviceSpec,
    checked,
    in_order,
    written,
)

__all__ = [
    "DeviceList",
    "DeviceListError",
    "DeviceSpec",
    "checked",
    "in_order",
    "written",
]
