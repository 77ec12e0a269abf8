"""A small picture of a scan's path: the same for the same forecast."""

from collections.abc import Sequence

from bec_kernel.tabulate import escaped
from bec_kernel.wire import Forecast

_WIDTH, _HEIGHT = 280, 180
_LEFT, _RIGHT, _TOP, _BOTTOM = 52, 10, 10, 34


def path(told: Forecast) -> str:
    """Return the path as SVG: two motors over each other, one over time."""
    first, *others = told.axes.items()
    if others:
        (x_name, x_axis), (y_name, y_axis) = first, others[0]
        xs, ys = x_axis.path, y_axis.path
        x_label, y_label = _label(x_name, x_axis.unit), _label(y_name, y_axis.unit)
    else:
        xs, ys = told.times, first[1].path
        x_label, y_label = "time, s", _label(first[0], first[1].unit)
    across, up = (
        _PathScale(xs, _LEFT, _WIDTH - _RIGHT),
        _PathScale(ys, _HEIGHT - _BOTTOM, _TOP),
    )
    places = [f"{across.at(x):.1f} {up.at(y):.1f}" for x, y in zip(xs, ys, strict=True)]
    floor, wall = _HEIGHT - _BOTTOM, _WIDTH - _RIGHT
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{_HEIGHT}" '
        'font-family="sans-serif" font-size="10">'
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="white"/>'
        f'<path d="M{_LEFT} {_TOP}V{floor}H{wall}" fill="none" stroke="#888"/>'
        f'<path d="M{"L".join(places)}" fill="none" stroke="#1f77b4"/>'
        f'<path d="{"".join(f"M{place}h0" for place in places)}" stroke="#1f77b4" '
        'stroke-width="3" stroke-linecap="round"/>'
        f'<path d="M{places[0]}h0" stroke="#2ca02c" stroke-width="7" '
        'stroke-linecap="round"/>'
        f"{_text(_LEFT, floor + 12, f'{across.low:.4g}', 'start')}"
        f"{_text(wall, floor + 12, f'{across.high:.4g}', 'end')}"
        f"{_text(_LEFT - 4, floor, f'{up.low:.4g}', 'end')}"
        f"{_text(_LEFT - 4, _TOP + 8, f'{up.high:.4g}', 'end')}"
        f"{_text((_LEFT + wall) / 2, _HEIGHT - 6, x_label, 'middle')}"
        f'<g transform="translate(12 {(_TOP + floor) / 2:g}) rotate(-90)">'
        f"{_text(0, 0, y_label, 'middle')}</g>"
        "</svg>"
    )


class _PathScale:
    """Numbers to pixels."""

    def __init__(self, values: Sequence[float], start: float, end: float) -> None:
        self.low, self.high = min(values), max(values)
        self._start, self._end = start, end

    def at(self, value: float) -> float:
        room = self.high - self.low
        share = (value - self.low) / room if room else 0.5
        return self._start + share * (self._end - self._start)


def _label(name: str, unit: str) -> str:
    return f"{name}, {unit}" if unit else name


def _text(x: float, y: float, words: str, anchor: str) -> str:
    return (
        f'<text x="{x:g}" y="{y:g}" text-anchor="{anchor}" fill="#222">'
        f"{escaped(words)}</text>"
    )
