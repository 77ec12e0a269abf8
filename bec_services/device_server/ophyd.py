"""Devices through ophyd: built from the device list, set, triggered, read."""

import copy
from collections.abc import Callable
from typing import Any

from ophyd import Signal
from ophyd.positioner import PositionerBase
from ophyd.pseudopos import PseudoPositioner

from bec_kernel.errors import DeviceError
from bec_kernel.wire import Device, Problem, Reading, Readings, SignalInfo
from bec_services.device_server import signals
from bec_services.device_server.access import declared
from bec_services.device_server.clock import Status
from bec_services.device_server.device_list import DeviceSpec
from bec_services.device_server.link import Link

PUBLIC = (
    *("read", "read_configuration", "describe", "describe_configuration", "get"),
    *("set", "stop", "trigger", "stage", "unstage"),
    *("prepare", "kickoff", "complete", "collect"),
)
"""What may be called on any device, or signal of it, from outside, if it has it."""

_SIMULATED = ("bec_services.device_server.sim", "ophyd.sim")
_QUICK = (*_SIMULATED, "bec_services.device_server.tcp_controller", "ophyd.signal")

_KINDS = {0: "omitted", 1: "normal", 2: "config", 5: "hinted"}


class Held:
    """One device this server holds.

    Attributes:
        name: of the device.
        spec: as people wrote it.
        link: its connection.
        quick: it never keeps one waiting: no thread is needed to ask it.
    """

    def __init__(self, name: str, spec: DeviceSpec) -> None:
        self.name = name
        self.spec = spec
        self.link = Link(name)
        self.quick = True
        self._device: Any = None

    @property
    def device(self) -> Any:
        """The ophyd object; None when it could not be built."""
        return self._device

    @device.setter
    def device(self, device: Any) -> None:
        self._device = device
        module = type(device).__module__
        self.quick = device is None or module.startswith(_QUICK)
        if device is not None and not module.startswith(_SIMULATED):
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
        """How many stops somebody asked for."""
        return self.link.stopped

    @stopped.setter
    def stopped(self, count: int) -> None:
        self.link.stopped = count

    def with_spec(self, spec: DeviceSpec) -> "Held":
        """Return the same device under what is newly written of it."""
        other = copy.copy(self)
        other.spec = spec
        return other

    @property
    def usable(self) -> bool:
        """It is there, connected, and enabled."""
        return self.device is not None and self.problem is None and self.spec.enabled

    @property
    def reports(self) -> bool:
        """It tells of its changes by itself: a motor, or a bare signal."""
        return isinstance(self.device, PositionerBase | Signal)

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
        """Tell it how the next flight is to be.

        Raises:
            DeviceError: it cannot be used, takes no such plan, or refuses it.
        """
        device = self.ready()
        if not hasattr(device, "prepare"):
            raise DeviceError(
                f"{self.name} cannot be told how to fly: it has no prepare",
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
            raw = device.read()
        except Exception as error:
            if self.spec.onFailure != "retry":
                raise self._unreadable(error) from error
            try:
                raw = self.check().read()
            except DeviceError:
                raise
            except Exception as again:
                raise self._unreadable(again) from again
        return {n: Reading(r["value"], r["timestamp"]) for n, r in raw.items()}

    def _unreadable(self, error: Exception) -> DeviceError:
        return DeviceError(f"{self.name} cannot be read: {error}", subject=self.name)

    def stage(self, exposure: float) -> None:
        """Make ready for a scan whose exposures take `exposure` s. Twice is once."""
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
            DeviceError: it could not be told.
        """
        self.stopped += 1
        self.link.give_up()
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
        thing = self.check()
        if (own := declared(thing, method)) is not None:
            return own
        *path, last = method.split(".")
        for part in path:
            known = getattr(thing, "component_names", ())
            thing = getattr(thing, part) if part in known else None
        allowed = (*PUBLIC, *getattr(thing, "USER_ACCESS", ()))
        found: Callable[..., Any] | None = (
            getattr(thing, last, None) if last in allowed else None
        )
        if found is None or not callable(found):
            raise DeviceError(
                f"{self.name} has no public method {method!r:.80}",
                subject=self.name,
                value=method[:80],
                allowed=", ".join(self.methods()),
            )
        return found

    def methods(self) -> list[str]:
        """Return what may be called, dotted."""
        device = self.device
        own = [name for name in PUBLIC if hasattr(device, name)]
        own += getattr(device, "USER_ACCESS", ())
        for part in getattr(device, "component_names", ()):
            own += [f"{part}.{name}" for name in ("get", "set", "read")]
        return own

    def published(self, server: str) -> Device:
        """Return the device as the bus shall know it."""
        spec = self.spec
        limits, signals = self._said()
        return Device(
            name=self.name,
            server=server,
            device_class=spec.deviceClass,
            readout_priority=spec.readoutPriority,
            enabled=spec.enabled,
            read_only=spec.readOnly,
            software_trigger=spec.softwareTrigger,
            connected=self.device is not None and self.problem is None,
            positioner=_is_motor(self.device),
            limits=limits,
            signals=signals,
            methods=self.methods() if self.device is not None else [],
            description=spec.description,
            tags=spec.deviceTags,
            problem=self.problem,
            on_failure=spec.onFailure,
            user_parameter=dict(spec.userParameter or {}),
        )

    def _said(self) -> tuple[tuple[float, float] | None, list[SignalInfo]]:
        """Return limits and signals; while it is away, what they were before."""
        if self.usable:
            try:
                self.link.said = self._limits(), self._signals()
            except Exception:
                if self.problem is None:
                    raise
        return self.link.said

    def _limits(self) -> tuple[float, float] | None:
        if not (self.usable and _is_motor(self.device)):
            return None
        limits = getattr(self.device, "limits", None)
        if not limits or limits[0] is None or limits[0] >= limits[1]:
            return None
        return float(limits[0]), float(limits[1])

    def _signals(self) -> list[SignalInfo]:
        hinted = set(getattr(self.device, "hints", {}).get("fields", ()))
        found = []
        for name, told in self.device.describe().items():
            found.append(
                SignalInfo(
                    name=name,
                    kind="hinted" if name in hinted else "normal",
                    dtype=told.get("dtype", "number"),
                    shape=list(told.get("shape", ())),
                    unit=told.get("units") or self._unit(name),
                    precision=told.get("precision"),
                    source=told.get("source", ""),
                )
            )
        return found + signals.published(self.device)

    def _unit(self, name: str) -> str:
        unit = getattr(self.device, "egu", "") if name.startswith(self.name) else ""
        return str(unit or "")


def _is_motor(device: Any) -> bool:
    """It is set to one number; the axes of a pseudo positioner are devices apart."""
    several = isinstance(device, PseudoPositioner)
    # Asked of the class: the property of one that is away raises.
    return hasattr(type(device), "position") and not several
