"""Pure: texts about a device: table row, help, error messages."""

from collections.abc import Iterable, Iterator

from bec_kernel.language import nearest, show
from bec_kernel.wire import Device

_ROOM = 60  # letters
_MOVING = ("mv", "move", "mvr", "umv")
"""Method names that users of other systems try for a move."""


def flaws(info: Device) -> list[str]:
    """List why a device cannot be used or moved."""
    return [*(["read-only"] if info.read_only else []), *filter(None, [info.flaw])]


def row(device: Device) -> tuple[str, ...]:
    """Return a table row: name, class, readout, unit, limits, state, description."""
    return (
        device.name,
        _class_of(device),
        device.readout_priority,
        _unit_of(device),
        _limits(device),
        _short(", ".join(flaws(device))) or "ok",
        device.description,
    )


def in_few_words(device: Device) -> str:
    """Return unit, description and limits in one line, for completion."""
    units = [signal.unit for signal in device.signals if signal.unit]
    parts = [*units[:1], device.description or device.readout_priority]
    return ", ".join([*parts, *filter(None, [_limits(device)])])


def _class_of(device: Device) -> str:
    return device.device_class.rsplit(".", 1)[-1]


def _unit_of(device: Device) -> str:
    same = [one for one in device.signals if one.name == device.name]
    units = [one.unit for one in same + device.signals if one.unit]
    return units[0] if units else ""


def _limits(device: Device) -> str:
    if device.limits is None:
        return ""
    return f"{show(device.limits[0])} to {show(device.limits[1])}"


def _short(words: str) -> str:
    """Shorten a text to the width of a table column."""
    return words if len(words) <= _ROOM else f"{words[: _ROOM - 1]}…"


def explained(device: Device) -> str:
    """Return the help text of a device, one fact per line."""
    unit = _unit_of(device)
    facts = {
        "class": device.device_class,
        "readout": device.readout_priority,
        "unit": unit,
        "limits": f"{_limits(device)} {unit}".strip() if device.limits else "",
        "state": ", ".join(flaws(device)) or "ok",
        "tags": ", ".join(device.tags),
        "signals": ", ".join(one.name for one in device.signals),
        "methods": ", ".join(dict.fromkeys(n.split(".")[0] for n in device.methods)),
    }
    title = f"{device.name}: {device.description}".removesuffix(": ")
    lines = [f"{name:<8} {fact}" for name, fact in facts.items() if fact]
    if device.positioner:
        lines += ["", *_how_to_move(device)]
    return "\n".join([title, "", *lines])


def _how_to_move(device: Device) -> Iterator[str]:
    yield f"move it  bec.mv(dev.{device.name}, 1)   %mv {device.name} 1"


def no_method(device: Device, path: str, own: Iterable[str]) -> str:
    """Return the error text for an unknown public method.

    Args:
        device: of the method.
        path: dotted name of the method.
        own: names that completion offers for the device.
    """
    text = f"{device.name} has nothing public called {path}"
    if path in _MOVING and device.positioner:
        return f"{text}: {_to_move(device)}"
    known = device.methods if "." in path else {*own}
    return f"{text}: {nearest(path, known)}"


def _to_move(device: Device) -> str:
    name = f"dev.{device.name}"
    return f"to move it, bec.mv({name}, 1) or {name}.set(1)"


def hidden(device: Device, value: object) -> str:
    """Return the error text for `dev.samx = value`."""
    text = f"dev.{device.name} cannot be assigned"
    return f"{text}{_by_hand(device, value)}" if device.positioner else text


def _by_hand(device: Device, value: object) -> str:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    to = f"{value:g}" if number else "…"
    return (
        f": to move it, bec.mv(dev.{device.name}, {to}) or dev.{device.name}.set({to})"
    )


def not_assigned(device: Device, name: str, value: object) -> str:
    """Return the error text for `dev.samx.name = value` if it cannot be assigned."""
    text = f"{device.name}.{name} cannot be assigned"
    if device.positioner and name in ("position", "readback", "value"):
        return f"{text}{_by_hand(device, value)}"
    if f"{name}.set" in device.methods:
        return f"{text}: call dev.{device.name}.{name}.set(…)"
    set_it = f": set it with dev.{device.name}.set(…)"
    return f"{text}{set_it if 'set' in device.methods or device.positioner else ''}"
