"""Size budgets, names and words: a module fits in the head of one reader."""

import ast
import io
import re
import tokenize
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
PRODUCT = ("bec_kernel", "bec_services", "magics", "extensions")
ROOMS = (*PRODUCT, "benchmarks", "tests")
LINES = 600
NAMES = 18
MODULES_A_FOLDER = 12
# The contract is one package, flat; in `scans` each module is a scan.
FOLDERS = {"bec_kernel/wire": 16, "bec_services/scan_server/scans": 99}

MODULES = sorted(path for room in ROOMS for path in (ROOT / room).rglob("*.py"))
OURS = [path for path in MODULES if path.relative_to(ROOT).parts[0] in PRODUCT]
SCRIPTS = sorted(path for room in ROOMS for path in (ROOT / room).rglob("*.js"))
# A package's door repeats the names behind it; all keys are listed in one file.
WIRE = ROOT / "bec_kernel" / "wire"
ROOMY = {WIRE / "__init__.py", WIRE / "keys.py"}
COUNTED = [
    path for path in MODULES if path not in ROOMY and ROOT / "tests" not in path.parents
]
BANNED_SUFFIXES = ("Manager", "Handler", "Helper", "Utils", "Mixin", "Base", "Info")
BANNED_SUFFIXES += ("Service",)

# Phrases that a newcomer has to decode. One that names its subject is left alone: in
# "the user who asks" a noun stands before `who`.
PHRASES = {
    "told": r"\btold\b",
    "so many": r"\bso many\b",
    "so long": r"\bso long\b",
    "Return what": r"\bReturns? what\b",
    "who …": r"(?:^|[.:;,(] |\b(?:and|or|to|by|of|for|is|that|knows|says) )[Ww]ho\b",
    "wish": r"\bwish(?:es|ed)?\b",
    "deed": r"\bdeeds?\b",
    "is no …": r"(?<!\b[Tt]here )\b(?:is|are|was|were) no (?!longer\b|more\b)\w",
    "nobody": r"\b[Nn]obody\b",
    "one that …": r"(?:^|[.:;] )[Oo]ne that\b",
    "as is": r"\bas is\b(?! (?:the|a|an)\b)",
}
FIRST_LINE = re.compile(r"^What\b.*\b(?:is|are|was|were)\b")
IN_DOCSTRINGS = 20
"""All docstrings and comments of the product together hold fewer phrases."""


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


def classes(source: str) -> list[tuple[str, int]]:
    """Return the classes of a module, private and nested ones too: (name, line)."""
    nodes = (node for node in ast.walk(ast.parse(source)))
    return [
        (node.name, node.lineno) for node in nodes if isinstance(node, ast.ClassDef)
    ]


def defined_classes() -> dict[str, list[str]]:
    """Return where the classes of the product are defined: name -> `file:line`."""
    found = defaultdict(list)
    for path in OURS:
        for name, line in classes(path.read_text()):
            found[name].append(f"{shown(path)}:{line}")
    return found


def docstrings(tree: ast.Module) -> dict[int, str]:
    """Return the docstrings of a module, those of attributes too, by line."""
    return {
        node.lineno: node.value.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    }


def comments(source: str) -> dict[int, str]:
    """Return the comments of a module by line."""
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    return {
        token.start[0]: token.string.lstrip("#: ")
        for token in tokens
        if token.type == tokenize.COMMENT
    }


def messages(tree: ast.Module) -> dict[int, str]:
    """Return the texts of a module that are not docstrings: what a person reads.

    They are collected from all string constants: an error's text is often put together
    far from where it is raised.
    """
    prose = docstrings(tree)
    return {
        node.lineno: node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and " " in node.value
        and node.lineno not in prose
    }


def phrases(texts: dict[int, str], first_lines: bool = False) -> Iterator[str]:
    """Yield `line: phrase` for each phrase in texts that are given by line."""
    for start, text in texts.items():
        if first_lines and FIRST_LINE.search(text.split("\n")[0]):
            yield f"{start}: What … is"
        for offset, line in enumerate(text.split("\n")):
            for phrase, pattern in PHRASES.items():
                for _ in re.finditer(pattern, line.strip()):
                    yield f"{start + offset}: {phrase}"


def test_there_is_something_to_measure():
    assert MODULES
    assert SCRIPTS
    assert OURS


def test_a_file_is_at_most_600_lines_long():
    lines = {path: len(path.read_text().splitlines()) for path in MODULES + SCRIPTS}
    assert {shown(path): n for path, n in lines.items() if n > LINES} == {}


def test_a_module_has_at_most_18_public_names():
    names = {path: public_names(path.read_text()) for path in COUNTED}
    assert {shown(path): n for path, n in names.items() if len(n) > NAMES} == {}


def test_a_module_that_is_too_wide_is_seen():
    source = "\n".join(f"name{i}: int = {i}" for i in range(NAMES + 1)) + "\n_own = 1"
    assert len(public_names(source)) == NAMES + 1


def test_a_folder_holds_at_most_12_modules():
    modules = defaultdict(list)
    for path in OURS:
        if path.name != "__init__.py":
            modules[shown(path.parent)].append(path.stem)
    full = {
        folder: len(names)
        for folder, names in modules.items()
        if len(names) > FOLDERS.get(folder, MODULES_A_FOLDER)
    }
    assert full == {}


def test_a_class_name_is_defined_once():
    places = defined_classes()
    assert {name: at for name, at in places.items() if len(at) > 1} == {}


def test_a_class_name_does_not_end_in_a_word_that_says_nothing():
    places = defined_classes()
    assert {n: at for n, at in places.items() if n.endswith(BANNED_SUFFIXES)} == {}


def test_private_and_nested_classes_count():
    source = "class A:\n    class _B: ...\ndef f():\n    class C: ..."
    assert {name for name, _ in classes(source)} == {"A", "_B", "C"}


def test_texts_for_people_are_in_plain_english():
    found = [
        f"{shown(path)}:{one}"
        for path in OURS
        for one in phrases(messages(ast.parse(path.read_text())))
    ]
    assert not found, f"{len(found)} phrases:\n" + "\n".join(found)


def test_docstrings_and_comments_are_in_plain_english():
    found = []
    for path in OURS:
        source = path.read_text()
        prose = [*phrases(docstrings(ast.parse(source)), first_lines=True)]
        found += [
            f"{shown(path)}:{one}" for one in [*prose, *phrases(comments(source))]
        ]
    assert len(found) < IN_DOCSTRINGS, f"{len(found)} phrases:\n" + "\n".join(found)


def test_a_phrase_is_found_where_it_stands():
    source = '"""What x is."""\n# so many\nraise E(f"{x} is no number")\n'
    tree = ast.parse(source)
    assert [*phrases(docstrings(tree), first_lines=True)] == ["1: What … is"]
    assert [*phrases(comments(source))] == ["2: so many"]
    assert [*phrases(messages(tree))] == ["3: is no …"]
    plain = {1: "The user who asks is no longer there.", 2: "as is the rule"}
    assert [*phrases(plain)] == []
