"""The product's import graph, read from the sources without importing them.

Imports inside functions and below `TYPE_CHECKING` count. A name imported through a
front door leads to the module that defines it: `from bec_kernel.bus import connect` is
an import of `bec_kernel.bus.redis`, as the door's `__init__.pyi` says.
"""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

PURE = "Pure: "
"""The docstring of a module without IO, clock or thread begins with it."""


@dataclass(frozen=True)
class Import:
    """One imported name: `line` of the importing file, `module` that is imported.

    `name` is the imported name as written, with the package it was imported from.
    """

    line: int
    module: str
    name: str


class ImportGraph:
    """The modules below some folders, and what each imports.

    Args:
        folders: name of a top package -> its folder.
    """

    def __init__(self, folders: dict[str, Path]) -> None:
        self.paths = {
            name: path
            for top, folder in folders.items()
            for path in sorted(folder.rglob("*.py"))
            if (name := _module_name(top, folder, path))
        }
        self._trees = {
            name: ast.parse(path.read_bytes()) for name, path in self.paths.items()
        }
        self._doors = {
            name: _exports(name, path)
            for name, path in self.paths.items()
            if path.name == "__init__.py"
        }
        self.imports = {name: list(self._imports(name)) for name in self.paths}

    def docstring(self, module: str) -> str:
        """Return the docstring of a module, empty if it has none."""
        return ast.get_docstring(self._trees[module]) or ""

    def is_pure(self, module: str) -> bool:
        """Say whether a module's docstring promises that the module is pure."""
        return self.docstring(module).startswith(PURE)

    def cycles(self) -> list[list[str]]:
        """Return the groups of modules that import each other, directly or not."""
        edges = {
            module: {one.module for one in found if one.module in self.paths} - {module}
            for module, found in self.imports.items()
        }
        reach = {module: _reachable(edges, module) for module in edges}
        groups = {
            tuple(sorted(one for one in reach[module] if module in reach[one]))
            for module in edges
            if module in reach[module]
        }
        return [list(group) for group in sorted(groups)]

    def _imports(self, module: str) -> Iterator[Import]:
        for node in ast.walk(self._trees[module]):
            if isinstance(node, ast.Import):
                for alias in node.names:
                    yield Import(node.lineno, alias.name, alias.name)
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                for alias in node.names:
                    found = self._defining(node.module, alias.name)
                    full = f"{node.module}.{alias.name}"
                    yield Import(node.lineno, found, full)

    def _defining(self, package: str, name: str) -> str:
        """Return the module in which `name`, imported from `package`, is defined."""
        seen = set()
        while (package, name) not in seen:
            seen.add((package, name))
            if f"{package}.{name}" in self.paths:
                return f"{package}.{name}"
            if name not in self._doors.get(package, {}):
                return package
            package, name = self._doors[package][name]
        return package


def _module_name(top: str, folder: Path, path: Path) -> str:
    parts = path.relative_to(folder).with_suffix("").parts
    return ".".join((top, *(part for part in parts if part != "__init__")))


def _exports(package: str, path: Path) -> dict[str, tuple[str, str]]:
    """Return what a front door offers: name -> (module that it is from, name there)."""
    stub = path.with_suffix(".pyi")
    tree = ast.parse((stub if stub.exists() else path).read_bytes())
    found = {}
    for node in tree.body:
        if isinstance(node, ast.ImportFrom):
            parents = package.split(".")
            parents = parents[: len(parents) - node.level + 1] if node.level else []
            source = ".".join([*parents, *([node.module] if node.module else [])])
            for alias in node.names:
                found[alias.asname or alias.name] = (source, alias.name)
    return found


def _reachable(edges: dict[str, set[str]], start: str) -> set[str]:
    """Return the modules that `start` imports, directly or through others."""
    found: set[str] = set()
    todo = [start]
    while todo:
        new = edges.get(todo.pop(), set()) - found
        found |= new
        todo.extend(new)
    return found
