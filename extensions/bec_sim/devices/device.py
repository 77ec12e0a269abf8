"""What all simulated devices have in common: ophyd's ways, at little cost."""

import math
from collections.abc import Callable
from typing import Any, ClassVar, cast

from ophyd import Device, Kind, Signal
from ophyd.device import Staged
from ophyd.ophydobj import OphydObject
from ophyd.utils import ReadOnlyError

from bec_services.device_server import Clock, DeviceState
from bec_services.device_server.devices import LightStatus
from bec_sim.devices.checked import number

Reading = dict[str, dict[str, Any]]
"""What ophyd's `read` returns: by key, `value` and `timestamp`."""


class SimSignal(Signal):
    """A value of a simulated device, stamped by the device's clock.

    Args:
        write: Whether `put` and `set` are allowed.
        low: The lowest number accepted, if there is one; then only numbers are.
        high: The highest number accepted.
        units: The unit, if it is not the device's `egu` (see `SimReadback`).
    """

    NEVER_BLOCKS = ALWAYS_CONNECTED = True
    parent: "SimDevice"

    def __init__(
        self,
        *,
        parent: "SimDevice",
        write: bool = False,
        low: float | None = None,
        high: float = math.inf,
        units: str | None = None,
        **kwargs: Any,
    ) -> None:
        self._low = low
        self._high = high
        self._units = units
        self._readback: Any = None
        self._listeners: dict[int, Callable[..., None]] = {}
        kwargs.setdefault("timestamp", parent.clock.time())
        super().__init__(parent=parent, **kwargs)
        self._metadata["write_access"] = write

    def measure_in(self, units: str) -> None:
        """Have this unit from now on."""
        self._units = units

    @property
    def kind(self) -> Kind:
        """Which readings this signal is part of."""
        return cast("Kind", self._kind)

    @kind.setter
    def kind(self, value: Kind | str | int) -> None:
        OphydObject.kind.fset(self, value)
        parent = getattr(self, "_parent", None)
        if parent is not None:
            parent.forget_structure()

    def check_value(self, value: Any) -> None:
        """Refuse what the signal cannot be.

        Raises:
            ValueError: outside of what is accepted, or no number.
        """
        if self._low is not None:
            number(self.name, value, self._low, self._high)

    def put(self, value: Any, *, force: bool = False, **kwargs: Any) -> None:
        """Write the value.

        Raises:
            ReadOnlyError: the signal only shows something.
            ValueError: see `check_value`.
        """
        if not force:
            if not self._metadata["write_access"]:
                raise ReadOnlyError(f"{self.name} can be read, not written")
            self.check_value(value)
        self.show(value, kwargs.get("timestamp"))

    def set(self, value: Any, **_: Any) -> LightStatus:
        """Write the value; done on return."""
        self.put(value)
        return LightStatus.finished()

    def show(self, value: Any, timestamp: float | None = None) -> None:
        """Be `value` from now on, and tell the subscribers."""
        old = self._readback
        self._readback = value
        if timestamp is None:
            timestamp = self.parent.clock.time()
        self._metadata["timestamp"] = timestamp
        self._run_subs(
            sub_type="value", old_value=old, value=value, timestamp=timestamp
        )

        for report in tuple(self._listeners.values()):
            report(value=value, timestamp=timestamp)

    def listen(self, report: Callable[..., None]) -> int:
        """Call `report` with value and timestamp of each change, in the same thread.

        ophyd's `subscribe` hands each change to another thread: at a thousand points a
        second that costs more than the point.
        """
        number = max(self._listeners, default=0) + 1
        self._listeners[number] = report
        return number

    def unlisten(self, number: int) -> None:
        """Remove the callback that `listen` gave this `number`; ignore unknown ones."""
        self._listeners.pop(number, None)

    def reading(self) -> dict[str, Any]:
        """Value and timestamp."""
        return {"value": self._readback, "timestamp": self._metadata["timestamp"]}

    def read(self) -> Reading:
        """Value and timestamp under the signal's name."""
        return {self.name: self.reading()}

    def describe(self) -> dict[str, dict[str, Any]]:
        """Shape, type and unit under the signal's name."""
        description = cast("dict[str, dict[str, Any]]", super().describe())
        if self._units is not None:
            description[self.name]["units"] = self._units
        return description

    def trigger(self) -> LightStatus:
        """Nothing to wait for."""
        return LightStatus.finished()


class SimDevice(Device):
    """A simulated device on a clock.

    Staging twice is staging once. Attributes of simulated hardware that outlive the
    process are in cells of `state`, named after the device.

    Attributes:
        clock: The time it lives in.
        USER_ACCESS: What a person may call from a client.
    """

    NEVER_BLOCKS = ALWAYS_CONNECTED = True
    USER_ACCESS: ClassVar[tuple[str, ...]] = ()

    def __init__(
        self,
        prefix: str = "",
        *,
        name: str,
        clock: Clock,
        state: DeviceState | None = None,
        **kwargs: Any,
    ) -> None:
        self.clock = clock
        self.state = DeviceState() if state is None else state
        self._read_signals: tuple[SimSignal, ...] | None = None
        self._config_signals: tuple[SimSignal, ...] | None = None
        super().__init__(prefix, name=name, **kwargs)

    def forget_structure(self) -> None:
        """Look again at which signals a reading has."""
        self._read_signals = None
        self._config_signals = None

    def read(self) -> Reading:
        """The readings of all signals of kind normal and hinted, hinted first."""
        signals = self._read_signals or self._find_read_signals()
        return {signal.name: signal.reading() for signal in signals}

    def read_configuration(self) -> Reading:
        """The readings of all signals of kind config."""
        if self._config_signals is None:
            found = self._get_components_of_kind(Kind.config)
            self._config_signals = tuple(signal for _, signal in found)
        return {signal.name: signal.reading() for signal in self._config_signals}

    def describe(self) -> dict[str, dict[str, Any]]:
        """Shape, type and unit of each key of a reading, in the same order."""
        description: dict[str, dict[str, Any]] = {}
        for signal in self._find_read_signals():
            description.update(signal.describe())
        return description

    def _find_read_signals(self) -> tuple[SimSignal, ...]:
        signals = [part for _, part in self._get_components_of_kind(Kind.normal)]
        signals.sort(key=lambda signal: signal.kind != Kind.hinted)
        self._read_signals = tuple(signals)
        return self._read_signals

    def trigger(self) -> LightStatus:
        """Nothing to expose, done on return."""
        return LightStatus.finished()

    def stage(self) -> list[object]:
        """Make ready for a scan; a staged device is ready."""
        if self._staged == Staged.yes:
            return [self]
        if self._staged == Staged.partially:
            self.unstage()
        return cast("list[object]", super().stage())

    def unstage(self) -> list[object]:
        """Put back as it was; safe to call twice."""
        if self._staged == Staged.no:
            return [self]
        return cast("list[object]", super().unstage())

    def destroy(self) -> None:
        """Do nothing more by itself: what was due later never is."""
        self.stop()
        super().destroy()
