"""Pure: a request as a person types it: `line_scan samx -5 5 --steps 21`.

Prompt, table, card and the title of a file show the same text for a scan.
"""

import json
import re
from typing import Any

import msgspec

from bec_kernel.wire import Part, ScanRequest

TRUTH = {"true": True, "false": False}
ESCAPES = {"n": "\n", "t": "\t", "r": "\r"}
"""Characters by the letter that stands for them after a backslash, in quotes."""
NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
"""A number as a person types it."""
_PLAIN = re.compile(r"[A-Za-z_/][\w.:/@+-]*", re.ASCII)


def summary(request: ScanRequest | Part) -> str:
    """Format a request as a person types it, without queue and metadata."""
    words = [request.name, *map(_shown, request.args)]
    for name, value in request.kwargs.items():
        if isinstance(value, bool):
            words.append(dashed(name if value else f"no_{name}"))
        else:
            words += [dashed(name), show_option(value)]
    return " ".join(words)


def _shown(arg: Any) -> str:
    if not isinstance(arg, dict):
        return show(arg)
    return quote(summary(msgspec.convert(arg, Part)))


def dashed(name: str) -> str:
    """Format the name of an option as a person types it: `--exp-time`."""
    return "--" + name.replace("_", "-")


def show(value: Any) -> str:
    """Format a value as one word of a line."""
    match value:
        case bool():
            return str(value).lower()
        case float():
            return repr(value).removesuffix(".0")
        case str():
            plain = _PLAIN.fullmatch(value) and value.lower() not in TRUTH
            return value if plain else quote(value)
        case list() if _is_bare(value):
            return f"[{','.join(show(one) for one in value)}]"
        case list() | dict():
            return json.dumps(value)
    return str(value)


def _is_bare(value: Any, deep: int = 3) -> bool:
    """Tell whether it is a list of numbers, or of such lists."""
    if not isinstance(value, list):
        return isinstance(value, int | float)
    return bool(value) and deep > 0 and all(_is_bare(one, deep - 1) for one in value)


def show_option(value: Any) -> str:
    """Format an option's value as one word; a list of texts is one of names."""
    if isinstance(value, list) and all(isinstance(one, str) for one in value):
        return f"[{','.join(value)}]"
    return show(value)


def quote(text: str) -> str:
    r"""Put `text` in quotes, as one word of a line."""
    named = {char: name for name, char in ESCAPES.items()} | {'"': '"', "\\": "\\"}
    return '"' + "".join(f"\\{named[c]}" if c in named else c for c in text) + '"'
