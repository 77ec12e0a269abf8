"""What a device declares public: methods, and properties as methods."""

import functools
from collections.abc import Callable
from typing import Any


def declared(device: Any, method: str) -> Callable[..., Any] | None:
    """Return what a device's `USER_ACCESS` names; None: it does not.

    A property is a method, too: without an argument it says its value, with one it is
    set; named arguments are a mapping.
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
