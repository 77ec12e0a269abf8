"""Pure: a line plot as SVG; the same data give the same bytes."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

WIDTH = 560
HEIGHT = 336
LEFT, RIGHT, TOP, BOTTOM = 64, 16, 60, 48
MOST = 2000
"""Maximum number of points; longer curves are thinned to the extremes of stretches."""

Pairs = list[tuple[float, float]]


@dataclass(frozen=True)
class Curve:
    """One series: `[(x, y), …]` joined by a line, with or without marks."""

    pairs: Pairs
    colour: str
    marks: bool = False


def line_plot(
    curves: Sequence[Curve], *, title: str, notes: Sequence[str], x: str, y: str
) -> str:
    """Draw `curves` as SVG; at most 100 kB for any length.

    Args:
        curves: in order of drawing.
        title: above it.
        notes: two lines at most, below the title.
        x: name of the horizontal axis.
        y: name of the vertical axis.
    """
    curves = [Curve(thin(c.pairs), c.colour, c.marks) for c in curves if c.pairs]
    xs = [pair[0] for curve in curves for pair in curve.pairs]
    ys = [pair[1] for curve in curves for pair in curve.pairs]
    across, up = _Scale.of(xs, LEFT, WIDTH - RIGHT), _Scale.of(ys, HEIGHT - BOTTOM, TOP)
    middle, right = (LEFT + WIDTH - RIGHT) / 2, WIDTH - RIGHT
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}" '
        f'viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" font-size="12">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
        _text(LEFT, 18, title, "start", weight="bold"),
        *(
            _text(LEFT, 34 + 16 * n, line, "start", colour="#555")
            for n, line in enumerate(notes[:2])
        ),
        *_axis_marks(across, up),
        f'<rect x="{LEFT}" y="{TOP}" width="{right - LEFT}" '
        f'height="{HEIGHT - BOTTOM - TOP}" fill="none" stroke="#888"/>',
        *(part for curve in curves for part in _drawn(curve, across, up)),
        _text(middle, HEIGHT - 10, x, "middle"),
        f'<g transform="translate(14 {(TOP + HEIGHT - BOTTOM) / 2:g}) rotate(-90)">'
        f"{_text(0, 0, y, 'middle')}</g>",
        "</svg>",
    ]
    return "\n".join(parts)


def thin(pairs: Pairs, most: int = MOST) -> Pairs:
    """Keep at most `most` pairs: the lowest and highest of each stretch."""
    if len(pairs) <= most:
        return pairs
    stretches = most // 2
    kept: Pairs = []
    for n in range(stretches):
        start = n * len(pairs) // stretches
        part = pairs[start : (n + 1) * len(pairs) // stretches]
        low = min(range(len(part)), key=lambda i: part[i][1])
        high = max(range(len(part)), key=lambda i: part[i][1])
        kept += [part[i] for i in sorted({low, high})]
    return kept


def ticks(low: float, high: float, about: int = 6) -> list[float]:
    """Return round numbers from `low` to `high`."""
    rough = (high - low) / about
    size = 10.0 ** math.floor(math.log10(rough))
    step = next(size * k for k in (1, 2, 5, 10) if size * k >= rough * 0.999)
    first = math.ceil(low / step - 1e-9)
    last = math.floor(high / step + 1e-9)
    return [round(n * step, 12) for n in range(first, last + 1)]


@dataclass(frozen=True)
class _Scale:
    """Converts numbers to pixels; `start` may lie right of (or below) `end`."""

    low: float
    high: float
    start: float
    end: float

    @classmethod
    def of(cls, values: Sequence[float], start: float, end: float) -> "_Scale":
        low, high = (min(values), max(values)) if values else (0.0, 1.0)
        room = (high - low) * 0.05 or abs(high) * 0.05 or 1.0
        return cls(low - room, high + room, start, end)

    def at(self, value: float) -> float:
        share = (value - self.low) / (self.high - self.low)
        return self.start + share * (self.end - self.start)


def _axis_marks(across: _Scale, up: _Scale) -> list[str]:
    floor = HEIGHT - BOTTOM
    parts = []
    for tick in ticks(across.low, across.high):
        at = f"{across.at(tick):.1f}"
        parts.append(f'<path d="M{at} {TOP}V{floor}" stroke="#eee"/>')
        parts.append(_text(float(at), floor + 16, f"{tick:g}", "middle"))
    for tick in ticks(up.low, up.high):
        at = f"{up.at(tick):.1f}"
        parts.append(f'<path d="M{LEFT} {at}H{WIDTH - RIGHT}" stroke="#eee"/>')
        parts.append(_text(LEFT - 6, float(at) + 4, f"{tick:g}", "end"))
    return parts


def _drawn(curve: Curve, across: _Scale, up: _Scale) -> list[str]:
    places = [f"{across.at(x):.1f} {up.at(y):.1f}" for x, y in curve.pairs]
    line = f'<path d="M{"L".join(places)}" fill="none" stroke="{curve.colour}"/>'
    if not curve.marks:
        return [line]
    # A stroke of no length with round ends is a dot: one element for all of them.
    dots = "".join(f"M{place}h0" for place in places)
    return [
        line,
        f'<path d="{dots}" stroke="{curve.colour}" stroke-width="5" '
        'stroke-linecap="round"/>',
    ]


def _text(
    x: float,
    y: float,
    words: str,
    anchor: str,
    *,
    colour: str = "#222",
    weight: str = "normal",
) -> str:
    return (
        f'<text x="{x:g}" y="{y:g}" text-anchor="{anchor}" fill="{colour}" '
        f'font-weight="{weight}">{escape(words)}</text>'
    )
