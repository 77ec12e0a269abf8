"""The description of an ophyd object on the bus: limits, signals, methods."""

import functools
from collections.abc import Callable
from typing import Any

from ophyd import Device, Signal
from ophyd.pseudopos import PseudoPositioner

from bec_kernel.wire import SignalDescription
from bec_services.device_server.devices import signals

PUBLIC = (
    *("read", "read_configuration", "describe", "describe_configuration", "get"),
    *("set", "stop", "trigger", "stage", "unstage"),
    *("prepare", "kickoff", "complete", "collect"),
)
"""What may be called on any device, or device in it, from outside, if it has it."""
OF_A_SIGNAL = (*PUBLIC, "put")
"""The same of a signal."""

_TOLD = ("get", "set", "put", "read", "describe")
"""Methods of a signal in a device that are listed; others can be called, too."""


def public(thing: Any) -> list[str]:
    """List the methods that clients may call on a device or signal, or on its class."""
    kind = thing if isinstance(thing, type) else type(thing)
    names = OF_A_SIGNAL if issubclass(kind, Signal) else PUBLIC
    own = map(str, getattr(thing, "USER_ACCESS", ()))
    return [*(name for name in names if hasattr(thing, name)), *own]


def declared(device: Any, method: str) -> Callable[..., Any] | None:
    """Look up a dotted name that the device lists in `USER_ACCESS`; None: not listed.

    A property counts as a method: without an argument it returns the value, with one it
    sets it; named arguments are passed as a mapping.
    """
    if method not in getattr(device, "USER_ACCESS", ()):
        return None
    *path, last = method.split(".")
    thing = functools.reduce(getattr, path, device)
    if isinstance(getattr(type(thing), last, None), property):
        return functools.partial(_property, thing, last)
    found = getattr(thing, last, None)
    return found if callable(found) else None


def _property(thing: Any, name: str, *value: Any, **values: Any) -> Any:
    if value or values:
        setattr(thing, name, values or value[0])
    return getattr(thing, name)


def methods(device: Any) -> list[str]:
    """List the dotted names of all methods that clients may call.

    The classes of the parts are asked: those of an area detector connect when they are
    first looked at.
    """
    found = public(device)
    if isinstance(device, Device):
        for walk in device.walk_components():
            found += [f"{walk.dotted_name}.{name}" for name in _of_part(walk.item.cls)]
    return found


def _of_part(kind: Any) -> list[str]:
    is_signal = issubclass(kind, Signal)
    return [name for name in public(kind) if not is_signal or name in _TOLD]


def is_motor(device: Any) -> bool:
    """It is set to one number; the axes of a pseudo positioner are devices apart."""
    several = isinstance(device, PseudoPositioner)
    # Asked of the class: the property of one that is away raises.
    return hasattr(type(device), "position") and not several


def limits_of(device: Any) -> tuple[float, float] | None:
    """Return lowest and highest setpoint, motor units; None: there are no limits."""
    limits = getattr(device, "limits", None) if is_motor(device) else None
    if not limits or limits[0] is None or limits[1] is None:
        return None
    low, high = float(limits[0]), float(limits[1])
    return (low, high) if low < high else None


def read_signals(device: Any) -> dict[str, Any]:
    """Return the signals that are in a device's readings, by key."""
    if isinstance(device, Signal):
        return {device.name: device}
    found = (getattr(device, attr) for attr in getattr(device, "read_attrs", ()))
    return {one.name: one for one in found if isinstance(one, Signal)}


def signals_of(device: Any) -> list[SignalDescription]:
    """Return the signals in its readings, and those that send by themselves."""
    hinted = set(getattr(device, "hints", {}).get("fields", ()))
    found = [
        SignalDescription(
            name=str(name),
            kind="hinted" if name in hinted else "normal",
            dtype=str(described.get("dtype", "number")),
            shape=[int(length) for length in described.get("shape", ())],
            unit=str(described.get("units") or _unit(device, name)),
            precision=_whole(described.get("precision")),
            source=str(described.get("source", "")),
        )
        for name, described in device.describe().items()
    ]
    return found + signals.published(device)


def is_configured(device: Any) -> bool:
    """It has config signals, as far as one knows without asking it.

    A bare signal has none: ophyd would give its reading once more.
    """
    if isinstance(device, Signal) or not hasattr(device, "read_configuration"):
        return False
    if type(device).read_configuration is not Device.read_configuration:
        return True
    return len(device.configuration_attrs) > 0


def config_units(device: Any) -> dict[str, str]:
    """Return the units of the config signals that have one."""
    described = device.describe_configuration().items()
    return {str(name): str(one["units"]) for name, one in described if one.get("units")}


def _whole(value: Any) -> int | None:
    return None if value is None else int(value)


def _unit(device: Any, name: str) -> str:
    unit = getattr(device, "egu", "") if name.startswith(device.name) else ""
    return str(unit or "")
