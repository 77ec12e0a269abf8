"""A table that shows the same in a terminal, a notebook and a comparison."""

from collections.abc import Sequence
from html import escape
from typing import Any


class Table:
    """Rows under headings; numbers to the right."""

    def __init__(self, headings: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
        self.headings = list(headings)
        self.rows = [list(row) for row in rows]

    def __repr__(self) -> str:
        """Return it in columns of blanks."""
        lines = [self.headings, *([shown(cell) for cell in row] for row in self.rows)]
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        numeric = [self._is_numeric(n) for n in range(len(widths))]
        return "\n".join(
            "  ".join(
                cell.rjust(width) if right else cell.ljust(width)
                for cell, width, right in zip(line, widths, numeric, strict=True)
            ).rstrip()
            for line in lines
        )

    def _repr_html_(self) -> str:
        """Return it as HTML."""
        heads = "".join(f"<th>{escape(name)}</th>" for name in self.headings)
        rows = "".join(
            f"<tr>{''.join(f'<td>{escape(shown(cell))}</td>' for cell in row)}</tr>"
            for row in self.rows
        )
        return f"<table><tr>{heads}</tr>{rows}</table>"

    def _is_numeric(self, n: int) -> bool:
        cells = [row[n] for row in self.rows if row[n] is not None]
        return bool(cells) and all(isinstance(cell, int | float) for cell in cells)


def shown(value: Any) -> str:
    """Return a cell's text: six digits of a number, nothing for None."""
    if value is None:
        return ""
    if hasattr(value, "item") and getattr(value, "ndim", 0) == 0:
        value = value.item()
    return f"{value:.6g}" if isinstance(value, float) else str(value)
