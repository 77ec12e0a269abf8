"""Data of a scan by device and signal: `report.devices.samx.readback`; streams."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from bec_kernel.bus import Bus, entries
from bec_kernel.client.scan import dataframes
from bec_kernel.client.scan.dataframes import ByPoint
from bec_kernel.errors import RefusedError
from bec_kernel.language import nearest
from bec_kernel.scan import streams_of
from bec_kernel.wire import (
    Aligned,
    Begin,
    Reading,
    Readings,
    Sample,
    Samples,
    SignalDescription,
    StreamMode,
    keys,
)

if TYPE_CHECKING:
    import numpy

_MAIN = ("readback", "value")
"""Other names of the signal that is called like its device."""


class SignalData:
    """One signal's values in one scan.

    Attributes:
        name: as in ophyd.
        value: array `(points, *shape)`; of a stream `(samples, *shape)`.
        timestamp: array `(points,)`, s since the epoch, device server's clock.
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
        text = f"{self.name}: {count} value{'' if count == 1 else 's'}"
        if not count or self.value.ndim != 1 or self.value.dtype.kind not in "iuf":
            return text
        unit = f" {self.unit}" if self.unit else ""
        return f"{text}, {self.value[0]:.6g} to {self.value[-1]:.6g}{unit}"


def signal_data(name: str, readings: Sequence[Reading | None], unit: str) -> SignalData:
    """Convert readings of one signal to arrays; missing ones become NaN."""
    import numpy as np

    values = [None if one is None else one.value for one in readings]
    nan = float("nan")
    times = np.array([nan if one is None else one.timestamp for one in readings])
    return SignalData(name, dataframes.array(values), times, unit)


Load = Callable[[], SignalData]
"""Reads the data at the time they are looked at."""


class NoNameError(RefusedError, AttributeError, KeyError):
    """The scan has no device, signal or stream of this name."""

    __str__ = Exception.__str__  # a KeyError shows its text in quotes


class _Names:
    """A collection whose members are attributes and keys."""

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

    Keys are the signal's full name (`samx_velocity`), the name without the device
    (`velocity`), and `readback` or `value` for the signal called like the device.
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
        """Readings of its config signals: `{"samx_velocity": Reading(1.0, t)}`."""
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


# --- streams on the bus -------------------------------------------------------------
ONE = "value"
"""Name of the value in a stream with a single one."""


def column(signal: str, name: str) -> str:
    """Return the column name of one value of a stream."""
    return signal if name == ONE else f"{signal}_{name}"


class AtPoints(NamedTuple):
    """Stream values aligned to points by the bundler.

    Attributes:
        readings: `{"counter_stream": {0: Reading(7.0, t)}}`, by signal and `point_id`;
            the value is None if no sample covers the point. Rows not aligned yet are
            missing.
        units: engineering unit by signal, for those that have one.
    """

    readings: ByPoint
    units: dict[str, str]


def aligned(bus: Bus, begin: Begin) -> AtPoints:
    """Read the stream values aligned to points so far."""
    found = AtPoints({}, {})
    for device, signal in streams_of(bus, begin):
        if signal.align is None:
            continue
        for name in signal.stream:
            shown = column(signal.name, name)
            found.readings[shown] = {}
            if unit := unit_of(begin, signal):
                found.units[shown] = unit
        log = keys.aligned(begin.scan_id, device.name, signal.name)
        for entry in entries(bus, log):
            one = entry.message
            for row in one.rows if isinstance(one, Aligned) else ():
                for name, reading in row.values.items():
                    found.readings.setdefault(name, {})[row.point_id] = reading
    return found


def unit_of(begin: Begin, signal: SignalDescription) -> str:
    """Return the unit of a stream's values at the start of the scan."""
    return begin.units.get(signal.name, signal.unit)


def samples(
    bus: Bus, scan_id: str, device: str, signal: str, name: str
) -> list[Reading]:
    """Read one value of a stream so far: one reading per sample.

    In mode `replace` only the newest; in mode `add_slice` the rows assembled from the
    slices, as in the file.
    """
    log = keys.streams(scan_id, device, signal)
    messages = [entry.message for entry in entries(bus, log)]
    found = [one for one in messages if isinstance(one, Samples)]
    mode = found[-1].mode if found else StreamMode.ADD
    some = [sample for one in found for sample in one.samples]
    if mode is StreamMode.ADD_SLICE:
        return _put_together(some, name)
    if mode is StreamMode.REPLACE:
        some = some[-1:]
    return [Reading(one.values.get(name), one.timestamp) for one in some]


def _put_together(slices: list[Sample], name: str) -> list[Reading]:
    """Assemble rows of equal length from slices; gaps are NaN, 0 for integers."""
    import numpy as np

    parts: dict[int, list[Any]] = {}
    times: dict[int, float] = {}
    for one in slices:
        parts.setdefault(one.row, []).append(np.atleast_1d(one.values[name]))
        times.setdefault(one.row, one.timestamp)
    rows = {number: np.concatenate(some) for number, some in parts.items()}
    kind = np.result_type(*rows.values()) if rows else np.dtype(float)
    width = max(map(len, rows.values()), default=0)
    hole = np.nan if kind.kind == "f" else 0
    whole = np.full((max(rows, default=-1) + 1, width), hole, kind)
    for number, row in rows.items():
        whole[number, : len(row)] = row
    return [Reading(row, times.get(n, np.nan)) for n, row in enumerate(whole)]
