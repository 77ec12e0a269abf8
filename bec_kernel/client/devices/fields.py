"""Pure: fields of a device in the device list, as properties that can be set."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from bec_kernel.client.devices.text import not_assigned
from bec_kernel.wire import Device

Update = Callable[..., Any]
"""Changes fields of a device: `update("samx", enabled=False)`."""


class DeviceFields:
    """Fields of one device; assigning changes the running device list (new version).

    Attributes:
        name: of the device.
    """

    name: str
    _update: Update

    @property
    def info(self) -> Device:
        """Description published by its device server."""
        raise NotImplementedError

    @property
    def enabled(self) -> bool:
        """Whether it can be used."""
        return self.info.enabled

    @enabled.setter
    def enabled(self, value: bool) -> None:
        self._update(self.name, enabled=value)

    @property
    def read_only(self) -> bool:
        """Whether it refuses to be set."""
        return self.info.read_only

    @read_only.setter
    def read_only(self, value: bool) -> None:
        self._update(self.name, readOnly=value)

    @property
    def readout_priority(self) -> str:
        """`monitored`, `baseline`, `async`, `on_request` or `continuous`."""
        return self.info.readout_priority

    @readout_priority.setter
    def readout_priority(self, value: str) -> None:
        self._update(self.name, readoutPriority=value)

    @property
    def software_trigger(self) -> bool:
        """Whether it is triggered at every point."""
        return self.info.software_trigger

    @software_trigger.setter
    def software_trigger(self, value: bool) -> None:
        self._update(self.name, softwareTrigger=value)

    @property
    def on_failure(self) -> str:
        """Action when it cannot be read: `buffer`, `retry` or `raise`."""
        return self.info.on_failure

    @on_failure.setter
    def on_failure(self, value: str) -> None:
        self._update(self.name, onFailure=value)

    @property
    def tags(self) -> list[str]:
        """Tags of the device."""
        return list(self.info.tags)

    @tags.setter
    def tags(self, value: Sequence[str]) -> None:
        self._update(self.name, deviceTags=list(value))

    @property
    def user_parameter(self) -> dict[str, Any]:
        """Values that users store with it; assigning changes only the named keys."""
        return dict(self.info.user_parameter)

    @user_parameter.setter
    def user_parameter(self, value: Mapping[str, Any]) -> None:
        self._update(self.name, userParameter=dict(value))

    @property
    def limits(self) -> tuple[float, float] | None:
        """Lowest and highest setpoint, motor units; None: no limits."""
        return self.info.limits

    @limits.setter
    def limits(self, value: Sequence[float] | None) -> None:
        limits = None if value is None else list(value)
        self._update(self.name, deviceConfig={"limits": limits})

    def __setattr__(self, name: str, value: Any) -> None:
        field = getattr(type(self), name, None)
        is_field = isinstance(field, property) and field.fset is not None
        if not (is_field or name.startswith("_") or name == "name"):
            raise AttributeError(not_assigned(self.info, name, value))
        super().__setattr__(name, value)
