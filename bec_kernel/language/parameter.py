"""Pure: binding and checking the parameters of a scan, for clients and the scan server.

A client binds what a person typed or called, to refuse a mistake before anything is
sent. The scan server binds what arrives, by the same function, and its answer counts:
it trusts no client. Binding a second time changes nothing: what a client accepts for
given devices, the scan server accepts with equal values, and the other way round.
"""

import math
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from bec_kernel.errors import RefusedError
from bec_kernel.language.format import NUMBER, show
from bec_kernel.language.signature import (
    Naming,
    keyword,
    no_option,
    parameter_meaning,
)
from bec_kernel.language.suggestion import closest, refuse_unknown
from bec_kernel.wire import Form, FormWord, Parameter, Part, Signature

LARGEST = 2**53
"""Largest whole number: up to here they are exact as a double, in every language."""
_KINDS = {
    "float": "a number",
    "int": "a whole number",
    "bool": "true or false",
    "str": "a text",
    "device": "a device",
    "number_list": "a list of numbers like [1,2,3]",
    "device_list": "a list of devices like [samx,samy]",
    "number_lists": "a list of lists of numbers like [[0,1,5],[2,3,11]]",
    "scan": "a scan: in quotes as one types it, or its name, args and kwargs",
}


class Arguments(NamedTuple):
    """The checked parameters of one scan, in the scan's own order of words.

    Attributes:
        args: positional values, bundle after bundle: `["samx", -5.0, 5.0]`.
        kwargs: the options that were given: `{"steps": 21}`; defaults are not added.
    """

    args: list[Any]
    kwargs: dict[str, Any]


class _UnfitError(Exception):
    """A value is not of the kind of its parameter; the text says in what way."""


def bind(
    signature: Signature,
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    devices: Collection[str],
    naming: Naming = keyword,
) -> Arguments:
    """Bind values to the parameters of a scan and check each of them.

    Args:
        signature: of the scan, or of one of its forms (`find_signature` makes that).
        args: positional values, bundle after bundle.
        kwargs: options by name.
        devices: names of the devices there are.
        naming: how an error writes an option: `steps=` or `--steps`.

    Raises:
        RefusedError: a parameter is missing, unknown, out of range, or of another kind.
    """
    checked = _options(signature, kwargs, devices, naming)
    forms = signature.forms if signature.form_of else ()
    for form in forms:
        _refuse_surplus(form, args)
    _refuse_misplaced(signature, args, checked, naming)
    bound = _bundles(signature, args, devices)
    _refuse_twice(signature, bound)
    for form in forms:
        # Intervals have become points, and presets are the site's: checked again.
        bound, unfolded = unfold_form(form, bound, checked)
        places = [word.parameter for word in form.words if not word.option]
        bound = [
            check(signature.name, parameter, value, devices)
            for parameter, value in zip(places, bound, strict=False)
        ]
        checked = _options(signature, unfolded, devices, naming)
    for option in signature.options:
        if option.required and option.name not in checked:
            raise RefusedError(
                f"{signature.name} needs {naming(option.name)} "
                f"({parameter_meaning(option)}){as_in(signature)}",
                subject=option.name,
                allowed=parameter_meaning(option),
            )
    return Arguments(bound, checked)


def _options(
    signature: Signature,
    kwargs: Mapping[str, Any],
    devices: Collection[str],
    naming: Naming,
) -> dict[str, Any]:
    """Check the options that are given."""
    options = {p.name: p for p in signature.options}
    checked = {}
    for name, value in kwargs.items():
        if name not in options:
            raise no_option(signature, name, naming)
        checked[name] = check(signature.name, options[name], value, devices)
    return checked


def as_in(signature: Signature) -> str:
    """Word the end of an error: the example of the scan, where it has one."""
    return f", as in: {signature.example}" if signature.example else ""


# --- positional values ----------------------------------------------------------------
def _refuse_misplaced(
    signature: Signature, args: Sequence[Any], given: Collection[str], naming: Naming
) -> None:
    """Refuse a number where the next motor would stand, and name the option it is.

    `line_scan samx -5 5 21` lacks `--steps`: 21 was meant to be that.
    """
    bundle = signature.bundle
    missing = [p for p in signature.options if p.required and p.name not in given]
    numeric = next((p for p in missing if p.kind in ("int", "float")), None)
    if numeric is None:
        return
    for i in range(len(bundle), len(args)):
        parameter, value = bundle[i % len(bundle)], args[i]
        if parameter.kind == "device" and _is_number(value):
            option = naming(numeric.name)
            shown = f"{option}{'' if option.endswith('=') else ' '}{value}"
            raise RefusedError(
                f"{signature.name} {parameter.name}: {value} is not a device; did you "
                f"mean {shown}?",
                subject=parameter.name,
                value=str(value),
                allowed=option,
            )


def _is_number(value: Any) -> bool:
    """Tell whether a value, or a word of a line, is a number."""
    if isinstance(value, str):
        return NUMBER.fullmatch(value) is not None
    return isinstance(_plain(value), int | float) and not isinstance(value, bool)


def _bundles(
    signature: Signature, args: Sequence[Any], devices: Collection[str]
) -> list[Any]:
    """Check positional values, each against its parameter, and how many there are."""
    bundle, name = signature.bundle, signature.name
    if args and not bundle:
        raise RefusedError(
            f"{name} takes no positional words: {args[0]!r:.60}",
            subject=name,
            value=f"{args[0]!s:.60}",
        )
    bound = [
        check(name, bundle[i % len(bundle)], value, devices)
        for i, value in enumerate(args)
    ]
    if bundle:
        _check_count(signature, bound)
    return bound


def _check_count(signature: Signature, bound: list[Any]) -> None:
    bundle, (low, high) = signature.bundle, signature.bundles
    names = " ".join(p.name for p in bundle)
    count, rest = divmod(len(bound), len(bundle))
    may_miss = signature.form_of and not any(p.required for p in bundle[rest:])
    if rest and may_miss:
        count, rest = count + 1, 0
    if rest:
        before = " ".join(show(value) for value in bound[-rest:])
        raise RefusedError(
            f"{signature.name} takes {names}: {bundle[rest].name} is missing after "
            f"{before:.60}",
            subject=bundle[rest].name,
            allowed=names,
        )
    if not count and low:
        raise RefusedError(
            f"{signature.name} needs {names}{as_in(signature)}",
            subject=signature.name,
            allowed=names,
        )
    if count < low or (high and count > high):
        times = f"{low}" if low == high else f"at least {low}"
        times = f"at most {high}" if high and count > high and low != high else times
        raise RefusedError(
            f"{signature.name} needs {names}, {times} times, not {count}",
            subject=signature.name,
            value=str(count),
            allowed=f"{names}, {times} times",
        )


def _refuse_twice(signature: Signature, bound: list[Any]) -> None:
    """Refuse a device that is the first of two bundles: it cannot be at two places."""
    bundle = signature.bundle
    places = range(0, len(bound), 1 if signature.form_of else len(bundle) or 1)
    seen: set[str] = set()
    for place in places:
        if bundle[place % len(bundle)].kind != "device":
            continue
        if bound[place] in seen:
            raise RefusedError(
                f"{signature.name}: {bound[place]} is named twice", subject=bound[place]
            )
        seen.add(bound[place])


# --- one value ------------------------------------------------------------------------
def check(scan: str, parameter: Parameter, value: Any, devices: Iterable[str]) -> Any:
    """Check a value against its parameter and return it as plain data.

    Numpy's numbers and arrays become Python's, a device its name. The axis `slit.gap`
    is the device `slit_gap`.

    Args:
        scan: its name, for errors.
        parameter: kind, range and choices.
        value: plain data, or a Python object that stands for it.
        devices: names of the devices there are.

    Raises:
        RefusedError: the value is of another kind, out of range, not one of the
            choices, or names no device.
    """
    try:
        made = _made(parameter, value)
    except _UnfitError as error:
        wanted = _KINDS.get(parameter.kind, parameter.kind)
        raise _refuse(
            scan, parameter, value, str(error) or f"is not {wanted}"
        ) from None
    if parameter.kind == "device":
        return _known(made, devices)
    if parameter.kind == "device_list":
        return [_known(one, devices) for one in made]
    _check_range(scan, parameter, made)
    _check_choices(scan, parameter, made)
    return made


def _made(parameter: Parameter, value: Any) -> Any:
    if parameter.kind == "number_lists":
        return _number_lists(value, [0, *parameter.shape])
    if parameter.kind not in _MAKERS:
        raise _UnfitError
    return _MAKERS[parameter.kind](value)


def _known(name: str, devices: Iterable[str]) -> str:
    if name in devices:
        return name
    if name.replace(".", "_") in devices:
        return name.replace(".", "_")
    raise refuse_unknown("device", name, devices)


def _check_range(scan: str, parameter: Parameter, value: Any) -> None:
    for one in value if isinstance(value, list) else [value]:
        if isinstance(one, list):
            _check_range(scan, parameter, one)
            continue
        if parameter.low is not None and one < parameter.low:
            raise _refuse(scan, parameter, one, f"is below {show(parameter.low)}")
        if parameter.high is not None and one > parameter.high:
            raise _refuse(scan, parameter, one, f"is above {show(parameter.high)}")


def _check_choices(scan: str, parameter: Parameter, value: Any) -> None:
    if not parameter.choices or value in (parameter.default, *parameter.choices):
        return
    near = closest(str(value), parameter.choices)
    hint = f"; did you mean {' or '.join(near)}?" if near else ""
    why = f"is none of {', '.join(parameter.choices)}{hint}"
    raise _refuse(scan, parameter, value, why)


def _refuse(scan: str, parameter: Parameter, value: Any, why: str) -> RefusedError:
    shown = f"{value!r:.60}" if isinstance(value, str) else f"{_plain(value)!r:.60}"
    unit = "" if parameter.unit in ("", "motor") else f" ({parameter.unit})"
    return RefusedError(
        f"{scan} {parameter.name}{unit}: {shown} {why}",
        subject=parameter.name,
        value=shown,
        allowed=_allowed(parameter),
    )


def _allowed(parameter: Parameter) -> str:
    low = "" if parameter.low is None else f"{show(parameter.low)} <= "
    high = "" if parameter.high is None else f" <= {show(parameter.high)}"
    kind = _KINDS.get(parameter.kind, parameter.kind)
    return ", ".join(parameter.choices) or f"{low}{kind}{high}"


def _plain(value: Any) -> Any:
    """Convert a scalar or array of numpy to Python's own numbers and lists."""
    return value.tolist() if hasattr(value, "tolist") else value


def _float(value: Any) -> float:
    value = _plain(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _UnfitError
    try:
        number = float(value)
    except OverflowError:
        raise _UnfitError("is too large for a number") from None
    if not math.isfinite(number):
        raise _UnfitError("is not finite")
    return number


def _int(value: Any) -> int:
    number = _float(value)
    if not number.is_integer():
        raise _UnfitError
    plain = _plain(value)
    whole = plain if isinstance(plain, int) else int(number)
    if abs(whole) > LARGEST:
        raise _UnfitError(f"is too large for a whole number: up to {LARGEST}")
    return whole


def _bool(value: Any) -> bool:
    value = _plain(value)
    if not isinstance(value, bool):
        raise _UnfitError
    return value


def _str(value: Any) -> str:
    if not isinstance(value, str):
        raise _UnfitError
    return str(value)


def _device(value: Any) -> str:
    name = value if isinstance(value, str) else getattr(value, "name", None)
    if not isinstance(name, str):
        raise _UnfitError
    return str(name)


def _devices(value: Any) -> list[str]:
    if not isinstance(value, list | tuple):
        raise _UnfitError
    return [_device(one) for one in value]


def _numbers(value: Any) -> list[float]:
    value = _plain(value)
    if not isinstance(value, list | tuple | range):
        raise _UnfitError
    if not value:
        raise _UnfitError("is empty")
    return [_float(one) for one in value]


def _number_lists(value: Any, shape: list[int]) -> list[Any]:
    """Check nested lists of numbers; `shape`: length at each depth, 0 for any."""
    value = _plain(value)
    if not isinstance(value, list | tuple):
        raise _UnfitError
    if not value:
        raise _UnfitError("is empty")
    made: list[Any]
    if len(shape) > 1:
        made = [_number_lists(one, shape[1:]) for one in value]
    else:
        made = [_float(one) for one in value]
    # After the items: lists nested too deep are refused for that, at any length.
    if shape[0] and len(value) != shape[0]:
        raise _UnfitError(f"has a list of {len(value)}, not of {shape[0]}")
    return made


def _part(value: Any) -> dict[str, Any]:
    """Check the form of a part only: its own parameters are bound by its own scan."""
    try:
        part = msgspec.convert(value, Part)
    except msgspec.ValidationError:
        raise _UnfitError from None
    return {"name": part.name, "args": part.args, "kwargs": part.kwargs}


_MAKERS: dict[str, Callable[[Any], Any]] = {
    "float": _float,
    "int": _int,
    "bool": _bool,
    "str": _str,
    "device": _device,
    "number_list": _numbers,
    "device_list": _devices,
    "scan": _part,
}


# --- forms ----------------------------------------------------------------------------
def _refuse_surplus(form: Form, args: Sequence[Any]) -> None:
    """Refuse more positional values than a form has words.

    Raises:
        RefusedError: it names the first value that does not fit.
    """
    known = [word.parameter.name for word in form.words]
    if len(args) > len(known):
        raise RefusedError(
            f"{form.name} takes {' '.join(known)}: {args[len(known)]!r:.60} does not "
            f"fit, as in: {form.example}",
            subject=form.name,
            value=f"{args[len(known)]!r:.60}",
            allowed=" ".join(known),
        )


def unfold_form(
    form: Form, args: Sequence[Any], kwargs: Mapping[str, Any]
) -> tuple[list[Any], dict[str, Any]]:
    """Convert the words of a form to positional values and options of its scan.

    Values are not checked here; `bind` does that.

    Raises:
        RefusedError: there are too many words, one is missing, or an option is given
            twice.
    """
    _refuse_surplus(form, args)
    given: list[Any] = []
    options: dict[str, Any] = {}
    for word, value in zip(form.words, args, strict=False):
        if not word.option:
            given.append(_added(value, word.add))
        elif word.option in kwargs:
            name = word.parameter.name
            raise RefusedError(
                f"{form.name}: {word.option} is given twice, as {name} too",
                subject=word.option,
                value=f"{value!r:.60}",
            )
        else:
            options[word.option] = _added(value, word.add)
    for word in form.words[len(args) :]:
        if word.parameter.required and word.option not in kwargs:
            raise _missing(form, word)
    return given, {**form.preset, **options, **kwargs}


def _added(value: Any, more: int) -> Any:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return value + more if is_number and more else value


def _missing(form: Form, word: FormWord) -> RefusedError:
    parameter = word.parameter
    doc = f" ({parameter.doc})" if parameter.doc else ""
    return RefusedError(
        f"{form.name} needs {parameter.name}{doc}, as in: {form.example}",
        subject=parameter.name,
        allowed=" ".join(one.parameter.name for one in form.words),
    )
