"""Size budgets: a module fits in the head of one reader."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ROOMS = ("bec_kernel", "bec_services", "magics", "extensions", "benchmarks", "tests")
LINES = 600
NAMES = 12

MODULES = sorted(path for room in ROOMS for path in (ROOT / room).rglob("*.py"))
SCRIPTS = sorted(path for room in ROOMS for path in (ROOT / room).rglob("*.js"))
# A package's door repeats the names behind it; all keys are listed in one file.
WIRE = ROOT / "bec_kernel" / "wire"
ROOMY = {WIRE / "__init__.py", WIRE / "keys.py"}
COUNTED = [
    path for path in MODULES if path not in ROOMY and ROOT / "tests" not in path.parents
]


def shown(path: Path) -> str:
    return str(path.relative_to(ROOT))


def names_bound_by(node: ast.stmt) -> list[str]:
    match node:
        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
            return [node.name]
        case ast.Assign(value=ast.Call(func=ast.Name(id="TypeVar"))):
            return []  # a letter of an annotation
        case ast.Assign(targets=targets):
            return [target.id for target in targets if isinstance(target, ast.Name)]
        case ast.AnnAssign(target=ast.Name(id=name)):
            return [name]
    return []


def public_names(source: str) -> list[str]:
    names = [name for node in ast.parse(source).body for name in names_bound_by(node)]
    return [name for name in names if not name.startswith("_")]


def test_there_is_something_to_measure():
    assert MODULES
    assert SCRIPTS


@pytest.mark.parametrize("path", MODULES + SCRIPTS, ids=shown)
def test_a_file_is_at_most_600_lines_long(path):
    assert len(path.read_text().splitlines()) <= LINES


@pytest.mark.parametrize("path", COUNTED, ids=shown)
def test_a_module_has_at_most_12_public_names(path):
    names = public_names(path.read_text())
    assert len(names) <= NAMES, names


def test_a_module_that_is_too_wide_is_seen():
    source = "\n".join(f"name{i}: int = {i}" for i in range(NAMES + 1)) + "\n_own = 1"
    assert len(public_names(source)) == NAMES + 1
