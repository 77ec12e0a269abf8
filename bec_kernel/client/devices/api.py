"""Devices as they stand in a person's program: names, values, calls."""

from collections.abc import Callable, Iterator
from typing import Any

from bec_kernel.bus import Bus
from bec_kernel.client import tabulate
from bec_kernel.client.connection import Reader
from bec_kernel.client.devices.fields import DeviceFields, Update
from bec_kernel.client.devices.subscriptions import Changes, Subscription
from bec_kernel.client.devices.text import explained, flaws, hidden, no_method, row
from bec_kernel.errors import DeviceError, RefusedError
from bec_kernel.language import main_signal, nearest, show
from bec_kernel.wire import Device, DeviceValue, Reading, SignalDescription, keys

_NOT_OFFERED = {"getdoc", "method", "names_behind"}
READING = 10.0
"""A device may take so long (s) to answer a call that moves nothing."""
MOVING = 600.0
"""A device may take so long (s) to arrive."""

Calling = Callable[[Device, str, list[Any], dict[str, Any], float], Any]
"""Calls a public method of a device and returns what it answers."""
Read = dict[str, dict[str, Any]]
"""Readings as ophyd gives them: {signal: {"value": …, "timestamp": …}}."""


class UnknownDeviceError(RefusedError, AttributeError):
    """There is no device, signal or method of this name."""


class RemoteMethod:
    """A public method of a device, or what leads to one (`velocity` of `velocity.set`).

    Attributes:
        path: dotted, from the device on.
    """

    def __init__(self, device: "RemoteDevice", path: str) -> None:
        self._device = device
        self.path = path

    def __call__(self, *args: Any, timeout: float | None = None, **kwargs: Any) -> Any:
        """Call it on the device server and return what it answers.

        Raises:
            RefusedError: it is not public, or the arguments are not what it takes.
            DeviceError: the device could not do it.
            DeadlineError: it did not answer within `timeout` s.
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
    """A device that a device server holds.

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
        """What its device server publishes of it, as of now."""
        return self._devices.info(self.name)

    # --- values -----------------------------------------------------------------------
    def read(self, *, cached: bool = False, timeout: float | None = None) -> Read:
        """Return its readings.

        Args:
            cached: the newest ones its device server published; asks nobody.
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
        """Where it is, motor units; read now."""
        return self.get()

    @property
    def readback(self) -> Any:
        """The newest published value of its main signal; asks nobody."""
        return self._main(self.read(cached=True))

    @property
    def is_moving(self) -> bool:
        """It is on its way, as far as is published."""
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

    def on_change(self, told: Callable[[Read], object]) -> Subscription:
        """Call `told` with the newest readings, now and whenever they change.

        It runs in a thread of its own; a slow one misses values, never the newest. What
        it raises ends it (`error` of what is returned), and so does `stop`.
        """
        return self._devices.on_change(
            self.name, lambda value: told(_as_read(value.readings))
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
        """Go to `value` (motor units) and wait until it is there.

        An interrupt (Ctrl-C) stops the device.
        """
        try:
            self.call("set", value, timeout=timeout)
        except KeyboardInterrupt:
            self.stop()
            raise

    def stop(self) -> None:
        """Stop it now: no queue, no worker."""
        self._devices.stop([self.name])

    def call(
        self, path: str, *args: Any, timeout: float | None = None, **kwargs: Any
    ) -> Any:
        """Call a public method by its dotted name; see `RemoteMethod`."""
        moves = path.rsplit(".", 1)[-1] in ("set", "move")
        patience = timeout if timeout is not None else MOVING if moves else READING
        return self._calling(self.info, path, list(args), kwargs, patience)

    def method(self, path: str) -> RemoteMethod:
        """Return a public method, or what leads to one.

        Raises:
            UnknownDeviceError: nothing public begins so.
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
        """Return what may follow `prefix` in the name of a public method."""
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
        """Return what IPython shows for `dev.samx?`: what it is, unit, limits."""
        return explained(self.info)

    def __repr__(self) -> str:
        info = self.info
        parts = [info.device_class.rsplit(".", 1)[-1], info.readout_priority]
        if info.limits:
            parts.append(f"limits {show(info.limits[0])} to {show(info.limits[1])}")
        parts += flaws(info)
        return f"{self.name}: {', '.join(parts)}{self._at()}"

    def _at(self) -> str:
        """Its position, for a positioner with a known one."""
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
        """Return the devices' names in order; as last seen, unless `fresh`."""
        if fresh or not self._servers:
            self._servers = {d.name: d.server for d in self.all()}
        return sorted(self._servers)

    def all(self) -> list[Device]:
        """Return what is published of each device, in the order of names."""

        def look() -> list[Device]:
            users = self._bus.get(keys.users())
            servers = users.device_servers if users else ["main"]
            found = (
                self._bus.get_all(keys.devices(one)) for one in servers or ["main"]
            )
            return [device for some in found for device in some.values()]

        return sorted(self._reader.retry(look), key=lambda device: device.name)

    def info(self, name: str) -> Device:
        """Return what is published of one device, as of now.

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
        self, name: str, told: Callable[[DeviceValue], object]
    ) -> Subscription:
        """Call `told` with a device's newest readings, now and on each change."""
        server = self._server(name)
        if server not in self._changes:
            self._changes[server] = Changes(self._bus, self._reader, server)
        return self._changes[server].add(name, told)

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
        # Else `dev.samx = 3` would hide the motor behind a number, and move nothing.
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
