"""The data of a scan by device and signal: `report.devices.samx.readback`."""

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from bec_kernel.errors import RefusedError
from bec_kernel.language import nearest
from bec_kernel.wire import Readings

if TYPE_CHECKING:
    import numpy

_MAIN = ("readback", "value")
"""Words for the signal that has the name of its device."""


class SignalData:
    """One signal's values in one scan.

    Attributes:
        name: as ophyd names it.
        value: one a point, or one a sample of a stream.
        timestamp: of each, s since the epoch, device server's clock.
        unit: engineering unit.
    """

    def __init__(
        self,
        name: str,
        value: "numpy.ndarray[Any, Any]",
        timestamp: "numpy.ndarray[Any, Any]",
        unit: str = "",
    ) -> None:
        self.name = name
        self.value = value
        self.timestamp = timestamp
        self.unit = unit

    def __len__(self) -> int:
        return len(self.value)

    def __getitem__(self, index: Any) -> Any:
        return self.value[index]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        """Return the values: numpy takes this for an array."""
        import numpy as np

        return np.array(self.value, dtype, copy=copy)

    def __repr__(self) -> str:
        count = len(self.value)
        told = f"{self.name}: {count} value{'' if count == 1 else 's'}"
        if not count or self.value.ndim != 1 or self.value.dtype.kind not in "iuf":
            return told
        unit = f" {self.unit}" if self.unit else ""
        return f"{told}, {self.value[0]:.6g} to {self.value[-1]:.6g}{unit}"


Load = Callable[[], SignalData]
"""Gets the data when they are looked at."""


class NoNameError(RefusedError, AttributeError, KeyError):
    """A scan has no device, signal or stream of this name."""

    __str__ = Exception.__str__  # a KeyError shows its text in quotes


class _Names:
    """What can be looked at by name: as an attribute, or in brackets."""

    _kind = ""
    _title = ""
    _found: Mapping[str, Any]

    def _get(self, name: str) -> Any:
        raise NotImplementedError

    def __getitem__(self, name: str) -> Any:
        if name not in self:
            raise NoNameError(self._missing(name), value=f"{name!r:.60}")
        return self._get(name)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") or name not in self:
            raise NoNameError(self._missing(name), value=name)
        return self._get(name)

    def _missing(self, name: object) -> str:
        hint = nearest(str(name), self._found)
        return f"no {self._kind} {name!r:.60} in {self._title}: {hint}"

    def _all(self) -> str:
        return ", ".join(self._found) or "none"

    def __contains__(self, name: object) -> bool:
        return name in self._found

    def __iter__(self) -> Iterator[str]:
        return iter(self._found)

    def __len__(self) -> int:
        return len(self._found)

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *self._found]

    def __repr__(self) -> str:
        return f"{self._title}: {self._all()}"


class DeviceData(_Names):
    """One device's signals in one scan.

    A signal is found by its whole name, by that without the device's, and the one that
    is named like the device as `readback` or `value`.
    """

    _kind = "signal"

    def __init__(
        self,
        name: str,
        signals: Mapping[str, Load],
        set_up: Callable[[], Readings] = dict,
    ) -> None:
        self._title = name
        self._set_up = set_up
        self._found = signals
        self._known = dict(signals)
        for one, load in signals.items():
            if one.startswith(f"{name}_"):
                self._known.setdefault(one.removeprefix(f"{name}_"), load)
        if name in signals:
            for word in _MAIN:
                self._known.setdefault(word, signals[name])

    @property
    def configuration(self) -> Readings:
        """How it was set up: readings of its config signals, by name."""
        return self._set_up()

    def __contains__(self, name: object) -> bool:
        return name in self._known

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *self._known]

    def _get(self, name: str) -> SignalData:
        return self._known[name]()


class DevicesData(_Names):
    """Devices of one scan, each with its signals."""

    _kind = "device"

    def __init__(
        self,
        title: str,
        devices: Mapping[str, Mapping[str, Load]],
        configuration: Callable[[], Mapping[str, Readings]] = dict,
    ) -> None:
        self._title = title
        self._found = devices
        self._configuration = configuration

    def _get(self, name: str) -> DeviceData:
        def set_up() -> Readings:
            return dict(self._configuration().get(name, {}))

        return DeviceData(name, self._found[name], set_up)
