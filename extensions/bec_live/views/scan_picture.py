"""The stored output of a scan in a notebook: a picture, and a comparable text."""

from collections.abc import Sequence
from typing import Any

from bec_kernel.language import fit_words
from bec_kernel.svg import Curve, Pairs, line_plot
from bec_live.views.card_state import CardState
from bec_live.views.scan_text import how_far, summary

POINTS = "#1f77b4"
FIT = "#d62728"


def picture(state: CardState, troubles: Sequence[str] = ()) -> str:
    """Return the scan as SVG; at most 100 kB, the same for the same data."""
    y = state.y
    curves = [Curve(_pairs(state.series(state.x), state.series(y)), POINTS, marks=True)]
    if state.fit is not None and state.fit.curve:
        curves.append(Curve(_pairs(*state.fit.curve), FIT))
    notes = [" · ".join([how_far(state), *troubles]), fit_words(state.fit)]
    return line_plot(
        curves,
        title=state.title,
        notes=notes,
        x=state.label(state.x),
        y=state.label(y),
    )


def mime_bundle(
    state: CardState, troubles: Sequence[str] = ()
) -> tuple[dict[str, str], dict[str, Any]]:
    """Return the data that are compared, and metadata with what varies.

    Args:
        state: of the scan.
        troubles: what is missing because a service does not run.
    """
    data = {"text/plain": "\n".join([summary(state), *troubles])}
    if state.rows:
        data["image/svg+xml"] = picture(state, troubles)
    varies: dict[str, Any] = {"file": state.file}
    if state.begin is not None:
        varies["scan_id"] = state.begin.scan_id
    return data, {"bec": varies}


def _pairs(xs: Any, ys: Any) -> Pairs:
    return [
        (float(x), float(y))
        for x, y in zip(xs, ys, strict=True)
        if x is not None and y is not None
    ]
