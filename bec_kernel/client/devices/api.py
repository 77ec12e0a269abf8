"""Devices in a client: `dev.samx` with values, fields and method calls."""

from collections.abc import Callable, Iterator
from typing import Any

from bec_kernel import tabulate
from bec_kernel.bus import Bus
from bec_kernel.client.connection import Reader
from bec_kernel.client.devices.fields import DeviceFields, Update
from bec_kernel.client.devices.subscriptions import Changes, Subscription
from bec_kernel.client.devices.text import explained, flaws, hidden, no_method, row
from bec_kernel.errors import DeviceError, RefusedError
from bec_kernel.language import main_signal, nearest, show
from bec_kernel.wire import Device, DeviceValue, Reading, SignalDescription, keys

_NOT_OFFERED = {"getdoc", "method", "names_behind"}
READING = 10.0
"""Default timeout of calls that do not move the device, s."""
MOVING = 600.0
"""Default timeout of calls that move the device, s."""

Calling = Callable[[Device, str, list[Any], dict[str, Any], float], Any]
"""Calls a public method of a device and returns its result."""
Read = dict[str, dict[str, Any]]
"""Readings as in ophyd: `{"samx": {"value": 1.0, "timestamp": t}}`, t in s."""


class UnknownDeviceError(RefusedError, AttributeError):
    """A device, signal or method of this name does not exist."""


class RemoteMethod:
    """A public method of a device, or a prefix of one (`velocity` of `velocity.set`).

    Attributes:
        path: dotted name without the device.
    """

    def __init__(self, device: "RemoteDevice", path: str) -> None:
        self._device = device
        self.path = path

    def __call__(self, *args: Any, timeout: float | None = None, **kwargs: Any) -> Any:
        """Call the method on the device server and return its result.

        Raises:
            RefusedError: it is not public, or the arguments do not fit.
            DeviceError: the method failed.
            DeadlineError: no result within `timeout` s.
        """
        return self._device.call(self.path, *args, timeout=timeout, **kwargs)

    def __getattr__(self, name: str) -> "RemoteMethod":
        return self._device.method(f"{self.path}.{name}")

    def __dir__(self) -> list[str]:
        return self._device.names_behind(f"{self.path}.")

    def __repr__(self) -> str:
        behind = self._device.names_behind(f"{self.path}.")
        tail = f": {', '.join(behind)}" if behind else "()"
        return f"{self._device.name}.{self.path}{tail}"


class RemoteDevice(DeviceFields):
    """One device; its methods run in its device server.

    Attributes:
        name: of the device.
    """

    def __init__(self, devices: "Devices", name: str, calling: Calling) -> None:
        self.name = name
        self._devices = devices
        self._calling = calling
        self._update = devices.update

    @property
    def info(self) -> Device:
        """Description published by its device server, read at each access."""
        return self._devices.info(self.name)

    # --- values -----------------------------------------------------------------------
    def read(self, *, cached: bool = False, timeout: float | None = None) -> Read:
        """Return its readings: `{"samx": {"value": 1.0, "timestamp": t}}`, t in s.

        Args:
            cached: take the newest published readings; the device is not read.
            timeout: s.
        """
        if cached:
            return _as_read(self._devices.value(self.name).readings)
        return _as_read(self.call("read", timeout=timeout))

    def read_configuration(self, *, timeout: float | None = None) -> Read:
        """Return the readings of its config signals."""
        return _as_read(self.call("read_configuration", timeout=timeout))

    def get(self, *, timeout: float | None = None) -> Any:
        """Return the value of its main signal, read now."""
        return self._main(self.read(timeout=timeout))

    @property
    def position(self) -> Any:
        """Position in motor units, read from the device."""
        return self.get()

    @property
    def readback(self) -> Any:
        """Newest published value of its main signal; the device is not read."""
        return self._main(self.read(cached=True))

    @property
    def is_moving(self) -> bool:
        """Whether it is moving, as published by its device server."""
        return self._devices.value(self.name).moving

    def _main(self, read: Read) -> Any:
        signal = self._main_signal()
        found = read.get(signal.name if signal else self.name)
        if found is None:
            raise DeviceError(
                f"{self.name} has no value: it read {', '.join(read) or 'nothing'}",
                subject=self.name,
            )
        return found["value"]

    def _main_signal(self) -> SignalDescription | None:
        return main_signal(self.info)

    def on_change(self, call: Callable[[Read], object]) -> Subscription:
        """Call `call` with the newest readings, now and on each change.

        It runs in a thread of its own; a slow function misses intermediate values but
        gets the newest. An exception ends the subscription (see its `error`), and so
        does `stop`.
        """
        return self._devices.on_change(
            self.name, lambda value: call(_as_read(value.readings))
        )

    # --- facts ------------------------------------------------------------------------
    @property
    def unit(self) -> str:
        """Engineering unit of its main signal."""
        signal = self._main_signal()
        return signal.unit if signal else ""

    def describe(self) -> dict[str, dict[str, Any]]:
        """Return type, shape, unit, precision, kind and source of each signal."""
        return {
            one.name: {
                "dtype": one.dtype,
                "shape": list(one.shape),
                "units": one.unit,
                "precision": one.precision,
                "kind": one.kind,
                "source": one.source,
            }
            for one in self.info.signals
        }

    # --- acting -----------------------------------------------------------------------
    def set(self, value: Any, *, timeout: float | None = None) -> None:
        """Move to `value` (motor units) and wait until it arrives.

        An interrupt (Ctrl-C) stops the device.
        """
        try:
            self.call("set", value, timeout=timeout)
        except KeyboardInterrupt:
            self.stop()
            raise

    def stop(self) -> None:
        """Stop it now, without going through the queue."""
        self._devices.stop([self.name])

    def call(
        self, path: str, *args: Any, timeout: float | None = None, **kwargs: Any
    ) -> Any:
        """Call a public method by its dotted name; see `RemoteMethod`."""
        moves = path.rsplit(".", 1)[-1] in ("set", "move")
        patience = timeout if timeout is not None else MOVING if moves else READING
        return self._calling(self.info, path, list(args), kwargs, patience)

    def method(self, path: str) -> RemoteMethod:
        """Return a public method, or a prefix of one.

        Raises:
            UnknownDeviceError: no public method begins with `path`.
        """
        methods = self.info.methods
        if any(one == path or one.startswith(f"{path}.") for one in methods):
            return RemoteMethod(self, path)
        raise UnknownDeviceError(
            no_method(self.info, path, dir(self)),
            subject=self.name,
            value=path,
            allowed=", ".join(methods),
        )

    def names_behind(self, prefix: str) -> list[str]:
        """List the next parts of public method names that begin with `prefix`."""
        ends = (
            one.removeprefix(prefix)
            for one in self.info.methods
            if one.startswith(prefix)
        )
        return sorted({end.split(".")[0] for end in ends})

    def __getattr__(self, name: str) -> RemoteMethod:
        if name.startswith("_"):
            raise AttributeError(name)
        return self.method(name)

    def __dir__(self) -> list[str]:
        own = (n for n in object.__dir__(self) if not n.startswith("_"))
        return sorted({*own, *self.names_behind("")} - _NOT_OFFERED)

    def getdoc(self) -> str:
        """Return the text of `dev.samx?` in IPython: description, unit, limits."""
        return explained(self.info)

    def __repr__(self) -> str:
        info = self.info
        parts = [info.device_class.rsplit(".", 1)[-1], info.readout_priority]
        if info.limits:
            parts.append(f"limits {show(info.limits[0])} to {show(info.limits[1])}")
        parts += flaws(info)
        return f"{self.name}: {', '.join(parts)}{self._at()}"

    def _at(self) -> str:
        """Format the position of a positioner; empty if unknown."""
        signal = self._main_signal()
        value = self._devices.value(self.name).readings
        if signal is None or not self.info.positioner or signal.name not in value:
            return ""
        number = value[signal.name].value
        digits = 4 if signal.precision is None else signal.precision
        if not isinstance(number, int | float):
            return ""
        return f", at {number:.{digits}f} {signal.unit}".rstrip()


def _as_read(value: Any) -> Read:
    found = {}
    for name, one in value.items():
        if isinstance(one, dict):
            found[name] = one
        else:
            pair = (one.value, one.timestamp) if isinstance(one, Reading) else one
            found[name] = {"value": pair[0], "timestamp": pair[1]}
    return found


class Devices:
    """All devices: `dev.samx`, `dev["samx"]`, `for device in dev`."""

    _HEAD = ("name", "class", "readout", "unit", "limits", "state", "description")

    def __init__(
        self,
        bus: Bus,
        reader: Reader,
        calling: Calling,
        stop: Callable[..., None],
        update: Update,
    ) -> None:
        self._bus = bus
        self._reader = reader
        self._calling = calling
        self._servers: dict[str, str] = {}
        self._changes: dict[str, Changes] = {}
        self.stop = stop
        self.update = update

    def names(self, *, fresh: bool = False) -> list[str]:
        """Return the devices' names, sorted; from the cache, unless `fresh`."""
        if fresh or not self._servers:
            self._servers = {d.name: d.server for d in self.all()}
        return sorted(self._servers)

    def all(self) -> list[Device]:
        """Return the published description of each device, sorted by name."""

        def look() -> list[Device]:
            users = self._bus.get(keys.users())
            servers = users.device_servers if users else ["main"]
            found = (
                self._bus.get_all(keys.devices(one)) for one in servers or ["main"]
            )
            return [device for some in found for device in some.values()]

        return sorted(self._reader.retry(look), key=lambda device: device.name)

    def info(self, name: str) -> Device:
        """Return the published description of one device.

        Raises:
            UnknownDeviceError: there is none of this name.
        """
        server = self._server(name)
        found = self._reader.retry(lambda: self._bus.get(keys.devices(server), name))
        if found is None:
            self._servers.pop(name, None)
            server = self._server(name)  # another server may hold it now
            found = self._bus.get(keys.devices(server), name)
        if found is None:
            raise self._unknown(name)
        return found

    def on_change(
        self, name: str, call: Callable[[DeviceValue], object]
    ) -> Subscription:
        """Call `call` with a device's newest readings, now and on each change."""
        server = self._server(name)
        if server not in self._changes:
            self._changes[server] = Changes(self._bus, self._reader, server)
        return self._changes[server].add(name, call)

    def value(self, name: str) -> DeviceValue:
        """Return a device's newest published readings; empty when there are none."""
        server = self._server(name)
        found = self._reader.retry(lambda: self._bus.get(keys.values(server), name))
        return found or DeviceValue(readings={})

    def _server(self, name: str) -> str:
        if name not in self._servers:
            self.names(fresh=True)
        if name not in self._servers:
            raise self._unknown(name)
        return self._servers[name]

    def _unknown(self, name: str) -> UnknownDeviceError:
        names = sorted(self._servers)
        return UnknownDeviceError(
            f"no device {name!r:.60}: {nearest(name, names)}",
            subject="device",
            value=name,
            allowed=", ".join(names),
        )

    def __getitem__(self, name: str) -> RemoteDevice:
        self._server(name)
        return RemoteDevice(self, name, self._calling)

    def __getattr__(self, name: str) -> RemoteDevice:
        if name.startswith("_"):
            raise AttributeError(name)
        return self[name]

    def __setattr__(self, name: str, value: object) -> None:
        # Otherwise `dev.samx = 3` would replace the motor by a number.
        if not name.startswith("_") and name not in ("stop", "update") and name in self:
            raise AttributeError(hidden(self.info(name), value))
        super().__setattr__(name, value)

    def __contains__(self, name: object) -> bool:
        return name in self.names() or name in self.names(fresh=True)

    def __iter__(self) -> Iterator[RemoteDevice]:
        for name in self.names(fresh=True):
            yield RemoteDevice(self, name, self._calling)

    def __len__(self) -> int:
        return len(self.names(fresh=True))

    def __dir__(self) -> list[str]:
        return self.names(fresh=True)

    def _rows(self) -> list[tuple[str, ...]]:
        return [row(device) for device in self.all()]

    def __repr__(self) -> str:
        return tabulate.text(self._HEAD, self._rows())

    def _repr_html_(self) -> str:
        return tabulate.html(self._HEAD, self._rows())
