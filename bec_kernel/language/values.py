"""Words and Python objects to the values of parameters, and back to words."""

import difflib
import json
import math
import re
from collections.abc import Callable, Iterable
from typing import Any

import msgspec

from bec_kernel.errors import RefusedError
from bec_kernel.language.format import TRUTH, show
from bec_kernel.language.tokenizer import Word
from bec_kernel.wire import Parameter, Part

_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_WHOLE = re.compile(r"[+-]?\d{1,19}", re.ASCII)
_LARGEST = 2**63 - 1
_SEVERAL = 3  # so many words that begin alike are all named
_CALLED = {
    "float": "a number",
    "int": "a whole number",
    "bool": "true or false",
    "str": "a text",
    "device": "a device",
    "number_list": "a list of numbers like [1,2,3]",
    "device_list": "a list of devices like [samx,samy]",
    "number_lists": "a list of lists of numbers like [[0,1,5],[2,3,11]]",
    "scan": "a scan as one types it, in quotes",
}


class _Unfit(Exception):  # noqa: N818 - told to the asker as a RefusedError
    """A value is not of its parameter's kind."""


def nearest(word: str, valid: Iterable[str]) -> str:
    """Return what to say behind "no such …": the nearest valid word, or all."""
    names = sorted(valid)
    begun = [name for name in names if word and name.startswith(word)]
    close = begun or difflib.get_close_matches(word, names, 1, 0.5)
    if 0 < len(close) <= _SEVERAL:
        return f"did you mean {' or '.join(close)}?"
    if not names:
        return "there is none"
    more = f" and {len(names) - 12} more" if len(names) > 12 else ""
    return f"there is {', '.join(names[:12])}{more}"


def refuse_unknown(kind: str, word: str, valid: Iterable[str]) -> RefusedError:
    """Return the error for a word that names nothing."""
    names = sorted(valid)
    return RefusedError(
        f"no {kind} {word!r:.60}: {nearest(word, names)}",
        subject=kind,
        value=word,
        allowed=", ".join(names),
    )


def is_number(value: Any) -> bool:
    """Tell whether it is a number, or a word that stands for one."""
    if isinstance(value, str):
        return _NUMBER.fullmatch(value) is not None
    return isinstance(_plain(value), int | float) and not isinstance(value, bool)


def from_word(parameter: Parameter, word: Word) -> Any:
    """Return the object `word` stands for; what it cannot be stays a text."""
    match parameter.kind:
        case "int" if _WHOLE.fullmatch(word):
            return int(word)
        case "int" | "float" if _NUMBER.fullmatch(word):
            return float(word)
        case "bool":
            return TRUTH.get(word.lower(), str(word))
        case "number_list":
            return _list_of(word)
        case "number_lists":
            return _lists_of(word)
        case "device_list":
            parts = (part.strip(" \"'") for part in _bare(word).split(","))
            return [part for part in parts if part]
    return str(word)


def _bare(word: str) -> str:
    return word[1:-1] if word.startswith("[") and word.endswith("]") else word


def _list_of(word: str) -> Any:
    parts = [part.strip() for part in _bare(word).split(",")]
    if parts[-1] == "":
        parts.pop()
    if not all(_NUMBER.fullmatch(part) for part in parts):
        return str(word)
    return [float(part) for part in parts]


def _lists_of(word: str) -> Any:
    """Return lists in a list; numbers as they are typed (`.5`), unlike in JSON."""
    try:
        return json.loads(_NUMBER.sub(lambda found: repr(float(found[0])), word))
    except (ValueError, RecursionError):
        return str(word)


def metadata_from(word: Word) -> tuple[str, Any]:
    """Return name and value of `name=value`.

    Raises:
        RefusedError: there is no name.
    """
    name, equals, text = word.partition("=")
    if not name or not equals:
        raise RefusedError(
            f"--metadata takes name=value, not {str(word)!r:.60}",
            subject="metadata",
            value=word,
            allowed="name=value",
        )
    if word.quoted is not None:
        return name, text
    return name, _guess(text)


def _guess(text: str) -> Any:
    if _WHOLE.fullmatch(text) and abs(int(text)) <= _LARGEST:
        return int(text)
    if _NUMBER.fullmatch(text) and math.isfinite(float(text)):
        return float(text)
    if text in TRUTH:
        return TRUTH[text]
    if text.startswith(("[", "{")):
        try:
            return json.loads(text, parse_constant=_no_constant)
        except (ValueError, RecursionError):
            return text
    return text


def _no_constant(name: str) -> None:
    raise ValueError(name)


def check(scan: str, parameter: Parameter, value: Any, devices: Iterable[str]) -> Any:
    """Return `value` as it travels.

    Raises:
        RefusedError: it is not what the parameter takes.
    """
    try:
        made = _made(parameter, value)
    except (_Unfit, KeyError, OverflowError) as error:
        said = str(error) if isinstance(error, _Unfit) and str(error) else ""
        wanted = _CALLED.get(parameter.kind, parameter.kind)
        raise _refuse(scan, parameter, value, said or f"is not {wanted}") from None
    if parameter.kind == "device":
        return _known(made, devices)
    if parameter.kind == "device_list":
        return [_known(one, devices) for one in made]
    _check_range(scan, parameter, made)
    return made


def _made(parameter: Parameter, value: Any) -> Any:
    if parameter.kind == "number_lists":
        return _number_lists(value, [0, *parameter.shape])
    return _MAKERS[parameter.kind](value)


def _known(name: str, devices: Iterable[str]) -> str:
    if name in devices:
        return name
    # An axis is a device of its own: `slit.gap` is `slit_gap`.
    if name.replace(".", "_") in devices:
        return name.replace(".", "_")
    raise refuse_unknown("device", name, devices)


def _check_range(scan: str, parameter: Parameter, value: Any) -> None:
    for one in value if isinstance(value, list) else [value]:
        if isinstance(one, list):
            _check_range(scan, parameter, one)
            continue
        if parameter.low is not None and one < parameter.low:
            said = f"is below {show(parameter.low)}"
            raise _refuse(scan, parameter, one, said)
        if parameter.high is not None and one > parameter.high:
            said = f"is above {show(parameter.high)}"
            raise _refuse(scan, parameter, one, said)
    if parameter.choices and value not in (parameter.default, *parameter.choices):
        near = difflib.get_close_matches(str(value), parameter.choices, 1)
        hint = f"; did you mean {near[0]}?" if near else ""
        said = f"is none of {', '.join(parameter.choices)}{hint}"
        raise _refuse(scan, parameter, value, said)


def _refuse(scan: str, parameter: Parameter, value: Any, said: str) -> RefusedError:
    shown = repr(value) if isinstance(value, str) else f"{value!s}"
    unit = "" if parameter.unit in ("", "motor") else f" ({parameter.unit})"
    return RefusedError(
        f"{scan} {parameter.name}{unit}: {shown:.60} {said}",
        subject=parameter.name,
        value=shown,
        allowed=_allowed(parameter),
    )


def _allowed(parameter: Parameter) -> str:
    low = "" if parameter.low is None else f"{show(parameter.low)} <= "
    high = "" if parameter.high is None else f" <= {show(parameter.high)}"
    kind = _CALLED.get(parameter.kind, parameter.kind)
    return ", ".join(parameter.choices) or f"{low}{kind}{high}"


def _plain(value: Any) -> Any:
    """Numpy's scalars and arrays as Python's own."""
    return value.tolist() if hasattr(value, "tolist") else value


def _float(value: Any) -> float:
    value = _plain(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _Unfit
    if not math.isfinite(value):
        raise _Unfit("is not finite")
    return float(value)


def _int(value: Any) -> int:
    number = _float(value)
    if not number.is_integer():
        raise _Unfit
    whole = _plain(value)
    whole = whole if isinstance(whole, int) else int(number)
    if abs(whole) > _LARGEST:
        raise _Unfit("is too large")
    return whole


def _bool(value: Any) -> bool:
    value = _plain(value)
    if not isinstance(value, bool):
        raise _Unfit
    return value


def _str(value: Any) -> str:
    if not isinstance(value, str):
        raise _Unfit
    return str(value)


def _device(value: Any) -> str:
    name = value if isinstance(value, str) else getattr(value, "name", None)
    if not isinstance(name, str):
        raise _Unfit
    return str(name)


def _numbers(value: Any) -> list[float]:
    value = _plain(value)
    if not isinstance(value, list | tuple | range):
        raise _Unfit
    if not value:
        raise _Unfit("is empty")
    return [_float(one) for one in value]


def _number_lists(value: Any, shape: list[int]) -> list[Any]:
    """Return lists in lists; `shape`: how many are in each, 0 for any number."""
    value = _plain(value)
    if not isinstance(value, list | tuple):
        raise _Unfit
    if not value:
        raise _Unfit("is empty")
    made: list[Any]
    if len(shape) > 1:
        made = [_number_lists(one, shape[1:]) for one in value]
    else:
        made = [_float(one) for one in value]
    # After the items: lists nested too deep are refused for that, at any length.
    if shape[0] and len(value) != shape[0]:
        raise _Unfit(f"has a list of {len(value)}, not of {shape[0]}")
    return made


def _part(value: Any) -> dict[str, Any]:
    try:
        part = msgspec.convert(value, Part)
    except msgspec.ValidationError:
        raise _Unfit from None
    return {"name": part.name, "args": part.args, "kwargs": part.kwargs}


def _devices(value: Any) -> list[str]:
    several = value if isinstance(value, list | tuple) else [value]
    return [_device(one) for one in several]


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
