"""Tables as text and as HTML: the same for the same rows."""

from collections.abc import Sequence
from html import escape

Rows = Sequence[Sequence[str]]


def escaped(words: str) -> str:
    """Return `words` for a notebook."""
    return escape(words)


def text(head: Sequence[str], rows: Rows) -> str:
    """Return the table in columns of even width."""
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
    lines = [head, ["-" * width for width in widths], *rows]
    return "\n".join(
        "  ".join(
            cell.ljust(width) for cell, width in zip(line, widths, strict=True)
        ).rstrip()
        for line in lines
    )


def html(head: Sequence[str], rows: Rows) -> str:
    """Return the table for a notebook."""
    top = "".join(f"<th>{escape(cell)}</th>" for cell in head)
    body = "".join(
        f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>"
        for row in rows
    )
    return f"<table><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table>"
