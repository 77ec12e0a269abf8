"""Pure: tables as plain text and as HTML, from the same rows."""

from collections.abc import Collection, Sequence
from html import escape

Rows = Sequence[Sequence[str]]


def escaped(words: str) -> str:
    """Escape `words` for HTML."""
    return escape(words)


def text(
    head: Sequence[str], rows: Rows, *, rule: bool = True, right: Collection[int] = ()
) -> str:
    """Format a table as lines of text with columns of even width.

    Args:
        head: one heading per column.
        rows: cells, as many per row as there are headings.
        rule: draw a line of dashes below the headings.
        right: numbers of the columns aligned to the right; the others to the left.
    """
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
    rules = [["-" * width for width in widths]] if rule else []
    return "\n".join(
        "  ".join(
            cell.rjust(width) if number in right else cell.ljust(width)
            for number, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in [head, *rules, *rows]
    )


def html(head: Sequence[str], rows: Rows) -> str:
    """Format a table as an HTML `<table>`; cells are escaped."""
    top = "".join(f"<th>{escape(cell)}</th>" for cell in head)
    body = "".join(
        f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>"
        for row in rows
    )
    return f"<table><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table>"
