"""Plot a scan's data: one signal over another."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bec_kernel.errors import RefusedError
from bec_kernel.language import refuse_unknown
from bec_kernel.svg import Curve, Pairs, line_plot
from bec_kernel.wire import Fit, Reading

POINT = "point_id"
_DATA, _FIT = "#1f77b4", "#d62728"
Numbers = Mapping[str, Sequence[float | None]]
"""One value per point, by signal; None where it is missing."""


class ScanPlot:
    """A plot as SVG; a notebook shows it.

    Attributes:
        svg: the picture.
        x: signal on the axis.
        y: signal that is drawn.
    """

    def __init__(self, svg: str, x: str, y: str) -> None:
        self.svg = svg
        self.x = x
        self.y = y

    def save(self, path: Path | str) -> Path:
        """Write the SVG to a file and return its path."""
        target = Path(path)
        target.write_text(self.svg, encoding="utf-8")
        return target

    def _repr_svg_(self) -> str:
        return self.svg

    def __repr__(self) -> str:
        return f"plot of {self.y} over {self.x}"


def numbers(columns: Mapping[str, Sequence[Reading | None]]) -> Numbers:
    """Return the signals that can be drawn: those with one number per point."""
    found: dict[str, list[float | None]] = {}
    for name, column in columns.items():
        values = [None if one is None else _number(one.value) for one in column]
        if any(value is not None for value in values) or not values:
            found[name] = values
    return found


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) else None


def choose(
    found: Numbers, motors: Sequence[str], fit: Fit | None, x: str, y: str
) -> tuple[str, str]:
    """Return the names of x and y: as requested, as fitted, or the first that varies.

    Raises:
        RefusedError: there is no such signal, or none at all.
    """
    for name in (x, y):
        if name and name not in found and name != POINT:
            raise refuse_unknown("signal with numbers", name, [*found, POINT])
    if not x:
        x = next((name for name in motors if name in found), POINT)
    if not y:
        others = [n for n in found if n != x and n.split("_")[0] not in motors]
        varying = [name for name in others if len(set(found[name])) > 1]
        fitted = [fit.y] if fit is not None and fit.y in found else []
        y = next(iter([*fitted, *varying, *others]), "")
    if not y:
        raise RefusedError("there is no signal to plot", subject="y")
    return x, y


def draw(
    found: Numbers,
    x: str,
    y: str,
    fit: Fit | None,
    *,
    units: Mapping[str, str],
    title: str,
    notes: Sequence[str],
) -> ScanPlot:
    """Return the picture."""
    ups = found[y]
    across = range(len(ups)) if x == POINT else found[x]
    pairs: Pairs = [
        (float(a), float(b))
        for a, b in zip(across, ups, strict=True)
        if a is not None and b is not None
    ]
    curves = [Curve(pairs, _DATA, marks=True)]
    if fit is not None and fit.curve and (fit.x, fit.y) == (x, y):
        curves.append(Curve(list(zip(*fit.curve, strict=True)), _FIT))
    svg = line_plot(
        curves, title=title, notes=notes, x=_label(x, units), y=_label(y, units)
    )
    return ScanPlot(svg, x, y)


def _label(name: str, units: Mapping[str, str]) -> str:
    unit = units.get(name, "")
    return f"{name} [{unit}]" if unit else name
