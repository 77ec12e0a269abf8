"""The contract as JSON Schema; ``python -m bec_kernel.wire.schema`` writes it."""

import inspect
import json
import sys
import types
import typing
from pathlib import Path
from typing import Any

import msgspec

from bec_kernel.wire import RULES, VERSION
from bec_kernel.wire._base import Message

COMMAND = "python -m bec_kernel.wire.schema"
PATH = Path(__file__).with_name("wire.json")


def messages() -> list[type[Message]]:
    """Return every message that lives under some key, by name."""
    found: dict[str, type[Message]] = {}
    for rule in RULES:
        for kind in _members(rule.message):
            if inspect.isclass(kind) and issubclass(kind, Message):
                found[kind.__name__] = kind
    return [found[name] for name in sorted(found)]


def schema() -> dict[str, Any]:
    """Describe the whole contract as JSON Schema: version, keys, messages.

    Docstrings are left out: they do not belong to the contract, and msgspec renders
    them differently from one version to the next.
    """
    _, components = msgspec.json.schema_components(messages())
    return {
        "version": VERSION,
        "keys": [
            {
                "pattern": rule.pattern,
                "kind": rule.kind,
                "writers": list(rule.writers),
                "readers": rule.readers,
                "messages": [kind.__name__ for kind in _members(rule.message)],
            }
            for rule in sorted(RULES, key=lambda rule: rule.pattern)
        ],
        "messages": without_prose(components),
    }


def text() -> str:
    """Render the text of wire.json."""
    return json.dumps(schema(), indent=1, sort_keys=True) + "\n"


def without_prose(node: Any) -> Any:
    """Copy a schema without its descriptions.

    A field that is named ``description`` stays: its value is a schema, not a text.
    Default values are data and are copied unchanged.
    """
    if isinstance(node, list):
        return [without_prose(item) for item in node]
    if not isinstance(node, dict):
        return node
    return {
        key: value if key == "default" else without_prose(value)
        for key, value in node.items()
        if not (key == "description" and isinstance(value, str))
    }


def _members(kind: Any) -> tuple[Any, ...]:
    if isinstance(kind, types.UnionType):
        return typing.get_args(kind)
    return (kind,)


if __name__ == "__main__":
    PATH.write_text(text())
    sys.stdout.write(f"{PATH}\n")
