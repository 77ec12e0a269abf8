"""A finished scan as text: the same for the same data, so that nbval compares it."""

from bec_kernel.language import ending_text, fit_words
from bec_live.views.card_state import INDEX, CardState

ROWS = 5
"""Number of the last points that a card shows."""


def number(value: float | str | None) -> str:
    """Return a value as a table shows it: five digits."""
    if value is None:
        return ""
    return value if isinstance(value, str) else f"{value:.5g}"


def summary(state: CardState) -> str:
    """Summarize a scan in a few lines, without ids, paths or times."""
    lines = [f"{state.title}: {how_far(state)}", *_extreme(state), fit_words(state.fit)]
    return "\n".join(line for line in lines if line)


def how_far(state: CardState) -> str:
    """Return state, reason and points, as a report says them."""
    return ending_text(state.state, state.message or state.reason, len(state.rows))


def _extreme(state: CardState) -> list[str]:
    """Say where a detector had its maximum; empty for fewer than two points."""
    names = _places(state)
    if len(state.rows) < 2 or not names or state.y in names:
        return []
    found = [
        (y, x, row)
        for row, (x, y) in enumerate(
            zip(state.series(state.x), state.series(state.y), strict=True)
        )
        if x is not None and y is not None
    ]
    if not found:
        return []
    y, _, row = max(found)
    where = (f"{name} = {number(state.series(name, row)[0])}" for name in names)
    return [f"{state.y}: largest {number(y)} at {', '.join(where)}"]


def _places(state: CardState) -> list[str]:
    """List the columns that locate a row: x, or the motors of a grid."""
    motors = state.begin.motors if state.begin else []
    known = [name for name in motors if name in state.columns]
    return known if state.x == INDEX else [state.x]
