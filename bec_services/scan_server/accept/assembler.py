"""Makes a definition out of a request: finds the scan, binds its words, checks each."""

import difflib
import math
import textwrap
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import msgspec

from bec_kernel.errors import RefusedError
from bec_kernel.language import form_named, unfold
from bec_kernel.wire import Device, Parameter, Part, ScanRequest
from bec_services.scan_server.accept.metadata import Schema
from bec_services.scan_server.program import Bound, Hooks, Scan

_LISTED = 240
_SHOWN = 80
"""So much of a wrong word is repeated."""
_LARGEST = 2**53
"""Whole numbers up to here are the same in every language."""


class Catalogue:
    """The scans there are, by name and alias, and the site's rules for them.

    Attributes:
        scans: by name.
        schemas: what the metadata of every scan must be like, by who says so.
        hooks: what the site adds to scans.
        account: whose files the scans' are.
    """

    def __init__(
        self,
        scans: Iterable[type[Scan]],
        schemas: Mapping[str, Schema] | None = None,
        hooks: Hooks | None = None,
        account: str = "",
    ) -> None:
        self.account = account
        self.scans: dict[str, Scan] = {}
        self.schemas = dict(schemas or {})
        self.hooks: Hooks = hooks or {}
        self._names: dict[str, str] = {}
        for kind in scans:
            self.scans[kind.name] = scan = kind()
            scan.others = self.find
            names = (kind.name, *kind.all_aliases())
            self._names |= dict.fromkeys(names, kind.name)

    def find(self, name: str) -> Scan:
        """Return the scan with this name or alias.

        Raises:
            RefusedError: there is none.
        """
        if name not in self._names:
            raise unknown("scan", name, self._names)
        return self.scans[self._names[name]]


def unknown(what: str, name: str, known: Iterable[str]) -> RefusedError:
    """Return the error that names the nearest valid one."""
    listed = sorted(known)
    name = name[:_SHOWN]
    near = difflib.get_close_matches(name, listed, 1)
    some = textwrap.shorten(", ".join(listed), _LISTED, placeholder=" …")
    hint = f"did you mean {near[0]}?" if near else f"there are: {some}"
    return RefusedError(
        f"no {what} {name!r}; {hint}",
        subject=name,
        value=name,
        allowed=", ".join(listed),
    )


def bind(scan: Scan, request: ScanRequest, devices: Mapping[str, Device]) -> Bound:
    """Bind a request's words to `scan`; every value is checked against its parameter.

    Raises:
        RefusedError: it names the parameter, the value, and what was allowed.
    """
    args, given = request.args, request.kwargs
    form = form_named(scan.forms, request.name)
    if form is not None:
        args, given = unfold(form, args, given)
    bundles = _bundles(scan, args, devices)
    known = {option.name: option for option in scan.all_options()}
    for name in given:
        if name not in known:
            raise unknown(f"option of {scan.name}", name, known)
    options = {}
    for name, option in known.items():
        if name in given:
            options[name] = check(option, given[name], devices)
        elif option.required:
            raise RefusedError(
                f"{scan.name} needs {name} ({option.doc}), as in: {scan.example}",
                subject=name,
                allowed=option.kind,
            )
        else:
            options[name] = option.default
    return Bound(bundles=bundles, options=options)


def _bundles(
    scan: Scan, args: Sequence[Any], devices: Mapping[str, Device]
) -> list[list[Any]]:
    size = len(scan.bundle)
    least, most = scan.bundles
    form = " ".join(parameter.name for parameter in scan.bundle)
    if size == 0 and args:
        raise RefusedError(
            f"{scan.name} takes options only, not {args[0]!r:.80}", subject=scan.name
        )
    if size and len(args) % size:
        raise RefusedError(
            f"{scan.name} takes {form}, once or more; {len(args)} words do not fit",
            subject=scan.name,
            allowed=form,
        )
    count = len(args) // size if size else 0
    if count < least or (most and count > most):
        raise RefusedError(
            f"{scan.name} takes {form} at least {least} times, not {count}; "
            f"as in: {scan.example}",
            subject=scan.name,
            allowed=form,
        )
    bundles = [
        [check(p, args[i * size + j], devices) for j, p in enumerate(scan.bundle)]
        for i in range(count)
    ]
    motors = [bundle[0] for bundle in bundles if isinstance(bundle[0], str)]
    twice = next((m for m in motors if motors.count(m) > 1), None)
    if twice:
        raise RefusedError(f"{twice} is named twice", subject=twice)
    return bundles


def check(parameter: Parameter, value: Any, devices: Mapping[str, Device]) -> Any:
    """Return `value` as `parameter` wants it.

    Raises:
        RefusedError: it cannot be that.
    """
    if parameter.kind == "device":
        return _device(parameter, value, devices)
    made = _made(parameter, value, devices)
    if made is None:
        raise _wrong(parameter, value, _words(parameter))
    if parameter.choices and made not in (parameter.default, *parameter.choices):
        raise _wrong(parameter, value, f"one of {', '.join(parameter.choices)}")
    return _in_range(parameter, made)


def _made(parameter: Parameter, value: Any, devices: Mapping[str, Device]) -> Any:
    if parameter.kind == "number_lists":
        return _number_lists(value, [0, *parameter.shape])
    if parameter.kind == "device_list":
        if not isinstance(value, list | tuple):
            return None
        return [_device(parameter, one, devices) for one in value]
    return _CHECKS[parameter.kind](value)


def _words(parameter: Parameter) -> str:
    if parameter.kind == "number_lists":
        shape = " x ".join(map(str, parameter.shape)) or "any number of"
        return f"a list of lists of {shape} finite numbers, like [[0,1,5],[2,3,11]]"
    return _WORDS[parameter.kind]


def _in_range(parameter: Parameter, value: Any) -> Any:
    low, high = parameter.low, parameter.high
    if low is None and high is None:
        return value
    for number in value if isinstance(value, list) else [value]:
        if isinstance(number, list):
            _in_range(parameter, number)
            continue
        if low is not None and number < low:
            raise _wrong(parameter, value, f"at least {low:g}")
        if high is not None and number > high:
            raise _wrong(parameter, value, f"at most {high:g}")
    return value


def _device(parameter: Parameter, value: Any, devices: Mapping[str, Device]) -> str:
    if not isinstance(value, str):
        raise _wrong(parameter, value, "the name of a device")
    name = value if value in devices else value.replace(".", "_")
    if name not in devices:
        raise unknown("device", value, devices)
    return name


def _wrong(parameter: Parameter, value: Any, allowed: str) -> RefusedError:
    return RefusedError(
        f"{parameter.name} must be {allowed}, not {value!r:.80}",
        subject=parameter.name,
        value=f"{value!r:.80}",
        allowed=allowed,
    )


def _float(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def _int(value: Any) -> int | None:
    number = _float(value)
    if number is None or number != int(number) or abs(number) > _LARGEST:
        return None
    return int(number)


def _numbers(value: Any) -> list[float] | None:
    if not isinstance(value, list | tuple) or not value:
        return None
    numbers = [_float(one) for one in value]
    return None if None in numbers else [n for n in numbers if n is not None]


def _number_lists(value: Any, shape: Sequence[int]) -> list[Any] | None:
    """Return lists in lists; `shape`: how many are in each, 0 for any number."""
    if not isinstance(value, list | tuple) or not value:
        return None
    if shape[0] and len(value) != shape[0]:
        return None
    if len(shape) == 1:
        return _numbers(value)
    lists = [_number_lists(one, shape[1:]) for one in value]
    return None if None in lists else lists


def _part(value: Any) -> dict[str, Any] | None:
    """Return a part as it travels; what it says is checked when it is bound."""
    try:
        part = msgspec.convert(value, Part)
    except msgspec.ValidationError:
        return None
    return {"name": part.name, "args": part.args, "kwargs": part.kwargs}


_CHECKS: dict[str, Callable[[Any], Any]] = {
    "scan": _part,
    "float": _float,
    "int": _int,
    "bool": lambda v: v if isinstance(v, bool) else None,
    "str": lambda v: v if isinstance(v, str) else None,
    "number_list": _numbers,
}
_WORDS = {
    "scan": "a scan: its name, its words (args) and its options (kwargs)",
    "float": "a finite number",
    "int": "a whole number",
    "bool": "true or false",
    "str": "text",
    "number_list": "a list of finite numbers, like [0,1,2]",
    "device_list": "a list of devices",
}
