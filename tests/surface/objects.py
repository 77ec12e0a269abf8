"""The public attributes of an object, with the parameters of its methods."""

import inspect
import re
from typing import Any

PLAIN = ("builtins", "typing", "abc", "collections", "collections.abc", "pathlib")
"""What an object has from classes of these modules is not ours."""
ADDRESS = re.compile(r" at 0x[0-9a-f]+|<(?!<)[^<>]*object[^<>]*>")


def described(title: str, found: Any) -> str:
    """Return one line for each public attribute of an object or class."""
    lines = [f"{name}{suffix}" for name, suffix in sorted(attributes(found).items())]
    return "\n".join([f"# {title}", *lines]) + "\n"


def attributes(found: Any) -> dict[str, str]:
    """Return by name the parameters of a method; of other attributes, nothing.

    What an object offers to Tab counts, of a class what it defines.
    """
    kind = found if inspect.isclass(found) else type(found)
    names = (name for name in dir(found) if not name.startswith("_"))
    return {
        name: suffix(inspect.getattr_static(found, name, None))
        for name in names
        if name.isidentifier() and not plain(kind, name)
    }


def plain(kind: type, name: str) -> bool:
    """Say whether a class has a name from Python itself."""
    owner = next((one for one in kind.__mro__ if name in vars(one)), None)
    return owner is not None and owner.__module__ in PLAIN


def suffix(found: Any) -> str:
    """Return what follows the name of an attribute."""
    if isinstance(found, staticmethod | classmethod):
        found = found.__func__
    return parameters(found) if inspect.isroutine(found) else ""


def parameters(function: Any) -> str:
    """Return the parameters of a function with their defaults, without types.

    Types are named after classes, which may be renamed inside.
    """
    signature = inspect.signature(function)
    bare = [
        one.replace(annotation=inspect.Parameter.empty)
        for one in signature.parameters.values()
        if one.name not in ("self", "cls")
    ]
    return ADDRESS.sub("<default>", str(inspect.Signature(bare)))
