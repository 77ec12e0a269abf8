"""A table of values for a terminal, a notebook and the comparison of outputs."""

from collections.abc import Sequence
from typing import Any

from bec_kernel import tabulate


class Table:
    """Rows of values under headings; columns of numbers are aligned to the right."""

    def __init__(self, headings: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
        self.headings = list(headings)
        self.rows = [list(row) for row in rows]

    def __repr__(self) -> str:
        """Format the table as lines of text."""
        right = [n for n in range(len(self.headings)) if self._is_numeric(n)]
        return tabulate.text(self.headings, self._shown(), rule=False, right=right)

    def _repr_html_(self) -> str:
        """Format the table as HTML."""
        return tabulate.html(self.headings, self._shown())

    def _shown(self) -> list[list[str]]:
        return [[shown(cell) for cell in row] for row in self.rows]

    def _is_numeric(self, n: int) -> bool:
        cells = [row[n] for row in self.rows if row[n] is not None]
        return bool(cells) and all(isinstance(cell, int | float) for cell in cells)


def shown(value: Any) -> str:
    """Format a cell: numbers with six digits, None as an empty text."""
    if value is None:
        return ""
    if hasattr(value, "item") and getattr(value, "ndim", 0) == 0:
        value = value.item()
    return f"{value:.6g}" if isinstance(value, float) else str(value)
