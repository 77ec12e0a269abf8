"""Contract types of our own for import-linter, registered in pyproject.toml."""

import importlib.util
from functools import cache
from pathlib import Path
from typing import Any

from grimp import ImportGraph as GrimpGraph
from importlinter import Contract, ContractCheck, fields, output

from tests.import_graph import ImportGraph


@cache
def import_graph(*tops: str) -> ImportGraph:
    """Return the graph of the packages that are found on the import path."""
    folders = {}
    for top in tops:
        spec = importlib.util.find_spec(top)
        assert spec, top
        folders[top] = Path(next(iter(spec.submodule_search_locations or ())))
    return ImportGraph(folders)


def within(module: str, packages: set[str]) -> bool:
    """Say whether a module is one of the packages or lies in one."""
    return any(module == one or module.startswith(f"{one}.") for one in packages)


class OwnContract(Contract):
    """A contract whose offences are lines of text."""

    def check(self, graph: GrimpGraph, verbose: bool) -> ContractCheck:
        """Look for offences; there must be none."""
        ours = import_graph(*self.session_options["root_packages"])
        found = sorted(self.offences(ours))
        return ContractCheck(kept=not found, metadata={"offences": found})

    def render_broken_contract(self, check: ContractCheck) -> None:
        """Print one offence a line."""
        for line in check.metadata["offences"]:
            output.print_error(line, bold=False)

    def offences(self, graph: ImportGraph) -> list[str]:
        """Return what breaks the contract."""
        raise NotImplementedError


class FrontDoors(OwnContract):
    """A module is imported from outside its package only through the package.

    A plain module is private to its package and to the packages below that. The modules
    right below a container, and those that are doors of their own, are public.
    """

    containers: Any = fields.SetField(subfield=fields.StringField())
    doors: Any = fields.SetField(subfield=fields.StringField())

    def offences(self, graph: ImportGraph) -> list[str]:
        """Return each import that goes around a front door."""
        return [
            f"{module}:{one.line}: {named} is private to {package}"
            for module, found in graph.imports.items()
            for one in found
            for named in {self._named(graph, one.name)} - {""}
            for package in {named.rpartition(".")[0]}
            if not within(module, {package}) and not self._is_public(graph, named)
        ]

    @staticmethod
    def _named(graph: ImportGraph, name: str) -> str:
        """Return the module that an import statement spells out, if it is ours."""
        parent = name.rpartition(".")[0]
        return next((one for one in (name, parent) if one in graph.paths), "")

    def _is_public(self, graph: ImportGraph, module: str) -> bool:
        is_package = graph.paths[module].name == "__init__.py"
        parent = module.rpartition(".")[0]
        return is_package or parent in self.containers or module in self.doors


class NoCycles(OwnContract):
    """No modules import each other, not even inside a function."""

    def offences(self, graph: ImportGraph) -> list[str]:
        """Return each group of modules that import each other."""
        return ["import each other: " + ", ".join(one) for one in graph.cycles()]


class Purity(OwnContract):
    """A module whose docstring begins with "Pure:" reaches no IO, clock or thread.

    `pure` lists packages that need not be checked; `forbidden` the modules of Python
    and of libraries that do IO, read a clock or start a thread.
    """

    pure: Any = fields.SetField(subfield=fields.StringField())
    forbidden: Any = fields.SetField(subfield=fields.StringField())

    def offences(self, graph: ImportGraph) -> list[str]:
        """Return each forbidden import of a pure module, and of what it imports."""
        origin = {module: module for module in graph.paths if graph.is_pure(module)}
        todo, found = list(origin), []
        while todo:
            module = todo.pop()
            if within(module, set(self.pure)):
                continue
            for one in graph.imports[module]:
                if within(one.name, set(self.forbidden)):
                    why = f"{module}:{one.line}: imports {one.name}"
                    found.append(f"{why}; {origin[module]} is pure")
                elif one.module in graph.paths and one.module not in origin:
                    origin[one.module] = origin[module]
                    todo.append(one.module)
        return found
