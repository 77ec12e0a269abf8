"""Adapter of one ophyd device: set, trigger, read, stage, stop, describe."""

import contextlib
import copy
from collections.abc import Callable, Mapping
from typing import Any

from ophyd import Signal

from bec_kernel.device_list import DeviceSpec
from bec_kernel.errors import DeviceError
from bec_kernel.wire import Device, Problem, Reading, Readings, SignalDescription
from bec_services.device_server.clock import Status
from bec_services.device_server.devices import description, watched_signals
from bec_services.device_server.devices.capabilities import capabilities_of
from bec_services.device_server.devices.link import Description, Link
from bec_services.device_server.devices.travel_time import motions_of


class DeviceAdapter:
    """One device of this server.

    Attributes:
        name: of the device.
        spec: its entry in the device list.
        link: its connection.
        quick: it never blocks (see `capabilities`): it is called without a thread.
        built: it was created and configured as its entry says.
    """

    def __init__(self, name: str, spec: DeviceSpec) -> None:
        self.name = name
        self.spec = spec
        self.link = Link(name)
        self.quick = self.built = True
        self._device: Any = None

    @property
    def device(self) -> Any:
        """The ophyd object; None when it could not be built."""
        return self._device

    @device.setter
    def device(self, device: Any) -> None:
        self._device = device
        found = capabilities_of(type(device))
        self.quick = device is None or found.never_blocks
        if device is not None and not found.always_connected:
            self.link.watch(device)

    @property
    def problem(self) -> Problem | None:
        """Why it cannot be used."""
        return self.link.problem

    @problem.setter
    def problem(self, problem: Problem | None) -> None:
        self.link.problem = problem

    @property
    def stopped(self) -> int:
        """Number of stops requested so far."""
        return self.link.stopped

    @stopped.setter
    def stopped(self, count: int) -> None:
        self.link.stopped = count

    def with_spec(self, spec: DeviceSpec) -> "DeviceAdapter":
        """Return the same device with another entry of the device list."""
        other = copy.copy(self)
        other.spec = spec
        return other

    @property
    def usable(self) -> bool:
        """Whether it is built, connected and enabled."""
        return self.device is not None and self.problem is None and self.spec.enabled

    @property
    def moves(self) -> bool:
        """Whether it moves something: itself, or devices it needs."""
        kind = type(self.device)
        return hasattr(kind, "position") or hasattr(kind, "kickoff")

    def check(self) -> Any:
        """Return the ophyd object.

        Raises:
            DeviceError: it cannot be used; the text says why.
        """
        if not self.spec.enabled:
            raise DeviceError(f"{self.name} is disabled", subject=self.name)
        problem = self.link.problem
        if problem is not None:
            raise DeviceError(problem.message, subject=self.name)
        return self._device

    def ready(self) -> Any:
        """Return the ophyd object; `onFailure: retry` waits for it to come back.

        Raises:
            DeviceError: it cannot be used; the text says why.
        """
        spec = self.spec
        if self.link.problem is not None and spec.enabled and spec.onFailure == "retry":
            self.link.wait(spec.connectionTimeout)
        return self.check()

    def set(self, position: float) -> Status:
        """Begin to move.

        Raises:
            DeviceError: it is read-only, cannot be used, or refuses the position.
        """
        if self.spec.readOnly:
            raise DeviceError(f"{self.name} is read-only", subject=self.name)
        device = self.ready()
        try:
            self.link.catch_up()
            status: Status = device.set(position)
        except Exception as error:
            raise DeviceError(
                f"{self.name} refuses {position:g}: {error}", subject=self.name
            ) from error
        return status if self.quick else self.link.guard(status)

    def begin(self, what: str) -> Status:
        """Begin to `trigger`, `kickoff` or `complete`.

        Raises:
            DeviceError: it cannot be used, has no such thing, or refuses.
        """
        device = self.ready()
        method = getattr(device, what, None)
        if method is None:
            raise DeviceError(f"{self.name} has no {what}", subject=self.name)
        try:
            status: Status = method()
        except Exception as error:
            raise DeviceError(
                f"{self.name} refuses to {what}: {error}", subject=self.name
            ) from error
        return status if self.quick else self.link.guard(status)

    def prepare(self, plan: dict[str, Any]) -> Status:
        """Configure the next flight.

        Raises:
            DeviceError: it cannot be used, takes no such plan, or refuses it.
        """
        device = self.ready()
        if not hasattr(device, "prepare"):
            raise DeviceError(
                f"{self.name} cannot fly: it has no prepare",
                subject=self.name,
            )
        try:
            status: Status = device.prepare(plan)
        except Exception as error:
            raise DeviceError(
                f"{self.name} refuses {plan}: {error}", subject=self.name
            ) from error
        return status if self.quick else self.link.guard(status)

    def trigger(self) -> Status:
        """Begin an exposure.

        Raises:
            DeviceError: it cannot be used, or refuses.
        """
        device = self.ready()
        try:
            status: Status = device.trigger()
        except Exception as error:
            raise DeviceError(
                f"{self.name} cannot be triggered: {error}", subject=self.name
            ) from error
        return status if self.quick else self.link.guard(status)

    def read(self) -> Readings:
        """Return its readings; after a failure as `onFailure` says.

        Raises:
            DeviceError: it cannot be read.
        """
        device = self.check()
        try:
            return _readings(device.read())
        except Exception as error:
            if self.spec.onFailure != "retry":
                raise self._unreadable(error) from error
        try:
            return _readings(self.check().read())
        except DeviceError:
            raise
        except Exception as error:
            raise self._unreadable(error) from error

    def configuration(self) -> Readings:
        """Return the readings of its config signals; `link.units` has their units.

        Raises:
            DeviceError: they cannot be read.
        """
        device = self.check()
        if isinstance(device, Signal) or not hasattr(device, "read_configuration"):
            return {}
        try:
            found = _readings(device.read_configuration())
        except Exception as error:
            raise DeviceError(
                f"how {self.name} is set up cannot be read: {error}", subject=self.name
            ) from error
        if found and self.link.units is None:
            with contextlib.suppress(Exception):  # whatever it raises: values are there
                self.link.units = description.config_units(device)
        return found

    def _unreadable(self, error: Exception) -> DeviceError:
        return DeviceError(f"{self.name} cannot be read: {error}", subject=self.name)

    def stage(self, exposure: float) -> None:
        """Stage for a scan whose exposures take `exposure` s; safe to call twice."""
        device = self.check()
        try:
            names = ("exposure_time", "preset_time")
            signals = (getattr(device, name, None) for name in names)
            signal = next((one for one in signals if one is not None), None)
            if exposure > 0 and signal is not None:
                signal.put(exposure)
            if hasattr(device, "stage"):
                device.unstage()
                device.stage()
        except Exception as error:
            raise DeviceError(
                f"{self.name} cannot be staged: {error}", subject=self.name
            ) from error

    def unstage(self) -> None:
        """Put back as it was. Safe to call twice."""
        device = self.check()
        try:
            if hasattr(device, "unstage"):
                device.unstage()
        except Exception as error:
            raise DeviceError(
                f"{self.name} cannot be unstaged: {error}", subject=self.name
            ) from error

    def stop(self) -> None:
        """Stop what it does; a move under way counts as stopped, not as arrived.

        Raises:
            DeviceError: its `stop` fails.
        """
        self.count_stop()
        self.halt()

    def count_stop(self) -> None:
        """Count a requested stop: no action under way counts as arrived."""
        self.stopped += 1
        self.link.give_up()

    def halt(self) -> None:
        """Call the device's `stop`; may block.

        Raises:
            DeviceError: its `stop` fails.
        """
        if self.device is None or not hasattr(self.device, "stop"):
            return
        try:
            self.device.stop()
        except Exception as error:
            raise DeviceError(
                f"{self.name} cannot be stopped: {error}", subject=self.name
            ) from error

    def call(self, method: str) -> Callable[..., Any]:
        """Return the method a dotted name means: of the device, or a signal of it.

        Raises:
            DeviceError: there is none that may be called from outside.
        """
        thing, left = self.check(), method
        while (found := description.declared(thing, left)) is None and "." in left:
            part, _, left = left.partition(".")
            if part not in getattr(thing, "component_names", ()):
                thing = None
                break
            thing = getattr(thing, part)
        if found is None and left in description.public(thing):
            found = getattr(thing, left)
        if found is None or not callable(found):
            raise DeviceError(
                f"{self.name} has no public method {method!r:.80}",
                subject=self.name,
                value=method[:80],
                allowed=f"{', '.join(self.methods()):.2000}",
            )
        return found

    def methods(self) -> list[str]:
        """List the dotted names of the methods that clients may call."""
        return description.methods(self.device)

    def published(self, server: str) -> Device:
        """Return the description that is published on the bus.

        A device that cannot be described is published with that as its problem.
        """
        spec = self.spec
        said = self.look()
        return Device(
            name=self.name,
            server=server,
            device_class=spec.deviceClass,
            readout_priority=spec.readoutPriority,
            enabled=spec.enabled,
            read_only=spec.readOnly,
            software_trigger=spec.softwareTrigger,
            connected=self.device is not None and self.problem is None,
            positioner=description.is_motor(self.device),
            limits=said.limits,
            signals=list(said.signals),
            methods=list(said.methods),
            description=spec.description,
            tags=spec.deviceTags,
            problem=self.problem,
            on_failure=spec.onFailure,
            user_parameter=dict(spec.userParameter or {}),
            motion=list(said.motion),
            needs=spec.needs,
            built=self.built,
        )

    def look(self) -> Description:
        """Describe the device; while it is disconnected, as last known."""
        device, link = self.device, self.link
        if device is None:
            return Description()
        try:
            if not link.said.methods:
                link.said = link.said._replace(methods=description.methods(device))
            if self.usable:
                link.said = Description(
                    description.limits_of(device),
                    self._signals(device),
                    link.said.methods,
                    motions_of(device) if description.is_motor(device) else (),
                )
        except Exception as error:  # noqa: BLE001 - whatever a device raises
            if self.problem is None:
                what = f"{type(error).__name__}: {error!s:.300}"
                text = f"{self.name} cannot be described: {what}"
                self.problem = Problem(
                    kind="DeviceError", message=text, subject=self.name
                )
        return link.said

    def _signals(self, device: Any) -> list[SignalDescription]:
        signals = description.signals_of(device)
        if self.spec.readoutPriority == "async":
            return watched_signals.published(device, signals)
        return signals


def _readings(raw: Mapping[str, Mapping[str, Any]]) -> Readings:
    return {n: Reading(r["value"], r["timestamp"]) for n, r in raw.items()}
