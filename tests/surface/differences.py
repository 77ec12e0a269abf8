"""Compare a text with a stored one, in a few lines."""

import difflib
import itertools
from collections.abc import Iterator
from pathlib import Path

STORED = Path(__file__).with_name("stored")


COMMAND = "uv run pytest -n 0 tests/surface --rewrite"


LINES = 30
"""A difference is shown up to this number of lines."""


WIDTH = 240
"""A longer line is cut."""


HEAD = 60


PLAIN_TERMINAL = {"COLUMNS": "80", "NO_COLOR": "1", "TERM": "dumb"}


def message(name: str, wanted: str, found: str) -> str:
    """Return what differs in a few lines, and how to accept it."""
    lines = [*changes(wanted.splitlines(), found.splitlines())]
    more = len(lines) - LINES
    shown = [*lines[:LINES], *([f"... and {more} more lines"] if more > 0 else [])]
    return "\n".join(
        [
            f"the surface of the product differs from tests/surface/stored/{name}:",
            *shown,
            f"If this is intended, store it with: {COMMAND}",
        ]
    )


def changes(wanted: list[str], found: list[str]) -> Iterator[str]:
    """Yield each line that differs: as it is stored (-), and as it is now (+)."""
    matcher = difflib.SequenceMatcher(None, wanted, found, autojunk=False)
    for kind, first, last, begin, end in matcher.get_opcodes():
        if kind == "equal":
            continue
        yield f"line {first + 1}:"
        for old, new in itertools.zip_longest(wanted[first:last], found[begin:end]):
            at = first_difference(old or "", new or "")
            yield from (f"-{around(old, at)}",) if old is not None else ()
            yield from (f"+{around(new, at)}",) if new is not None else ()


def first_difference(one: str, other: str) -> int:
    """Return the column at which two lines begin to differ."""
    pairs = enumerate(itertools.zip_longest(one, other))
    return next((at for at, (left, right) in pairs if left != right), 0)


def around(line: str, at: int) -> str:
    """Return a line; of a long one its beginning, and the part around column `at`."""
    if len(line) <= WIDTH:
        return line
    first = max(HEAD, at - (WIDTH - HEAD) // 3)
    return f"{line[:HEAD]} … {line[first : first + WIDTH - HEAD]} …"


def left_over(folder: str, names: set[str], *, rewrites: bool) -> list[str]:
    """Return stored files below `folder` that no test compares; rewriting removes them.

    Args:
        folder: below `stored`.
        names: of the files that are compared.
        rewrites: remove the others.
    """
    extra = [path for path in (STORED / folder).glob("*") if path.name not in names]
    for path in extra if rewrites else []:
        path.unlink()
    return [] if rewrites else sorted(path.name for path in extra)
