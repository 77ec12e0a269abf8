"""What the product's sources name: found by content, wherever the modules are."""

import ast
import importlib
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import BaseModel

ROOT = Path(__file__).parents[2]
ROOMS = ("bec_kernel", "bec_services", "magics/bec_magics", "extensions")
VARIABLE = re.compile(r"BEC_[A-Z_]+")
GROUP = re.compile(r"bec\.[a-z_]+")
DATABASE = "bec.sqlite"
READS = {"get", "getenv", "pop", "setdefault"}


@cache
def trees() -> list[tuple[Path, ast.Module]]:
    """Return every module of the product, read but not imported."""
    paths = [path for room in ROOMS for path in (ROOT / room).rglob("*.py")]
    return [(path, ast.parse(path.read_text())) for path in sorted(paths)]


@cache
def texts() -> list[str]:
    """Return all texts in the sources of the product."""
    nodes = (node for _, tree in trees() for node in ast.walk(tree))
    constants = (node.value for node in nodes if isinstance(node, ast.Constant))
    return [one for one in constants if isinstance(one, str)]


def variables() -> list[str]:
    """Return the environment variables that the product reads or sets for itself."""
    own = {text for text in texts() if VARIABLE.fullmatch(text)}
    nodes = (node for _, tree in trees() for node in ast.walk(tree))
    return sorted(own.union(*map(of_environ, nodes)))


def of_environ(node: ast.AST) -> Iterator[str]:
    """Yield the name in `os.environ.get("NAME")` or `os.environ["NAME"]`."""
    match node:
        case ast.Call(func=ast.Attribute(value=where, attr=attr), args=[key, *_]):
            if attr not in READS:
                return
        case ast.Subscript(value=where, slice=key):
            pass
        case _:
            return
    is_environ = ast.unparse(where) in ("os", "environ", "os.environ")
    if is_environ and isinstance(key, ast.Constant):
        yield str(key.value)


def groups() -> list[str]:
    """Return the names of entry-point groups: all texts like `bec.scans`."""
    return sorted({text for text in texts() if GROUP.fullmatch(text)} - {DATABASE})


def model_with(*fields: str) -> type[BaseModel]:
    """Return the pydantic model of the kernel that has these fields.

    It is looked for by its fields, as its module and its name may change.
    """
    for path, tree in trees():
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef) and {*fields} <= {*annotated(node)}:
                module = ".".join(path.relative_to(ROOT).with_suffix("").parts)
                found: Any = getattr(importlib.import_module(module), node.name)
                if issubclass(found, BaseModel):
                    return found
    raise AssertionError(f"no model has the fields {', '.join(fields)}")


def annotated(node: ast.ClassDef) -> Iterator[str]:
    """Yield the names that a class annotates."""
    for one in node.body:
        if isinstance(one, ast.AnnAssign) and isinstance(one.target, ast.Name):
            yield one.target.id


def keys_of(model: type[BaseModel]) -> list[str]:
    """Return one line for each key of a model, with what may stand there."""
    schema = model.model_json_schema()
    return sorted(keys_in(schema, schema.get("$defs", {}), ""))


def keys_in(part: dict[str, Any], models: dict[str, Any], path: str) -> Iterator[str]:
    """Yield path and rules of each value below a part of a JSON schema."""
    required = {*part.get("required", [])}
    for name, one in part.get("properties", {}).items():
        need = " required" if name in required else ""
        yield f"{path}{name}{need}: {rules(one)}"
        yield from deeper(one, models, f"{path}{name}")


def deeper(part: Any, models: dict[str, Any], path: str) -> Iterator[str]:
    """Yield the keys of models that a part of a schema refers to."""
    if isinstance(part, list):
        for one in part:
            yield from deeper(one, models, path)
    elif isinstance(part, dict):
        if target := part.get("$ref"):
            yield from keys_in(models[target.rpartition("/")[2]], models, f"{path}.")
        for name in ("anyOf", "items"):
            yield from deeper(part.get(name), models, path)
        yield from deeper(part.get("additionalProperties"), models, f"{path}.*")


def rules(part: Any) -> str:
    """Return a part of a schema in short, without titles and names of classes."""
    if isinstance(part, list):
        return f"[{', '.join(map(rules, part))}]"
    if not isinstance(part, dict):
        return repr(part)
    kept = {
        name: "'mapping'" if name == "$ref" else rules(one)
        for name, one in sorted(part.items())
        if name not in ("title", "description")
    }
    return f"{{{', '.join(f'{name}: {one}' for name, one in kept.items())}}}"
