"""Pure: Points of a plane in an order that takes a shorter way.

None of these is the shortest way: that takes longer to find than it saves. All give the
points back as they came where they find no shorter order.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence

PlanePoint = tuple[float, float]

_WIDTHS = (0.6, 0.8, 1.0, 1.25, 1.5, 1.75, 2.0, 2.5)
"""Of the strips that are tried, in mean distances of the points.

Strips of 1.7 are best for points at random (C. F. Daganzo, Transportation Research B
18, 345, 1984); a spiral or a grid has its own.
"""


def length(points: Iterable[PlanePoint]) -> float:
    """Return the length of the way through `points`, motor units."""
    total, last = 0.0, None
    for point in points:
        total += math.dist(last, point) if last else 0.0
        last = point
    return total


def corridor(points: Sequence[PlanePoint]) -> list[PlanePoint]:
    """Go up one strip and down the next one, along whichever axis is shorter."""
    turned = [(y, x) for x, y in points]
    ways = [
        *_strips(points),
        *([(x, y) for y, x in way] for way in _strips(turned)),
    ]
    return _shortest(points, ways)


def _strips(points: Sequence[PlanePoint]) -> Iterator[list[PlanePoint]]:
    low = min((y for _, y in points), default=0.0)
    for width in _widths(points):
        strips: dict[int, list[PlanePoint]] = {}
        for point in points:
            strips.setdefault(math.floor((point[1] - low) / width), []).append(point)
        way: list[PlanePoint] = []
        for place, number in enumerate(sorted(strips)):
            way += sorted(strips[number], reverse=place % 2 == 1)
        yield way


def shell(points: Sequence[PlanePoint]) -> list[PlanePoint]:
    """Go around ring by ring, from the middle outwards, each on from the one before."""
    return _shortest(points, _rings(points))


def _rings(points: Sequence[PlanePoint]) -> Iterator[list[PlanePoint]]:
    if not points:
        return
    middle = _middle(points)
    polar = [(math.dist(middle, p), _angle(middle, p), p) for p in points]
    for width in _widths(points):
        rings: dict[int, list[tuple[float, PlanePoint]]] = {}
        for radius, angle, point in polar:
            rings.setdefault(math.floor(radius / width), []).append((angle, point))
        way: list[PlanePoint] = []
        begin = 0.0
        for number in sorted(rings):
            ring = sorted((_turn(a - begin), a, point) for a, point in rings[number])
            way += [point for _, _, point in ring]
            begin = ring[-1][1]
        yield way


def _turn(angle: float) -> float:
    return angle % (2 * math.pi)


def _angle(middle: PlanePoint, point: PlanePoint) -> float:
    return math.atan2(point[1] - middle[1], point[0] - middle[0])


def nearest(points: Sequence[PlanePoint]) -> list[PlanePoint]:
    """Go from the first point always to the nearest one that is left."""
    if not points:
        return []
    left = _Cells(points, _mean_distance(points))
    way = [points[0]]
    left.take(points[0])
    while len(way) < len(points):
        way.append(left.nearest(way[-1]))
        left.take(way[-1])
    return _shortest(points, [way])


class _Cells:
    """Points by the square they lie in: the nearest is found without asking all."""

    def __init__(self, points: Sequence[PlanePoint], size: float) -> None:
        self._size = size
        self._cells: dict[tuple[int, int], list[PlanePoint]] = {}
        for point in points:
            self._cells.setdefault(self._cell(point), []).append(point)

    def _cell(self, point: PlanePoint) -> tuple[int, int]:
        return math.floor(point[0] / self._size), math.floor(point[1] / self._size)

    def take(self, point: PlanePoint) -> None:
        """It is not left any more."""
        cell = self._cell(point)
        self._cells[cell].remove(point)
        if not self._cells[cell]:
            del self._cells[cell]

    def nearest(self, point: PlanePoint) -> PlanePoint:
        """Return the nearest point that is left."""
        column, row = self._cell(point)
        best, away = (math.inf, point), 0
        # What lies `away` squares off is at least the side of `away - 1` squares away.
        while best[0] > (away - 1) * self._size:
            if (2 * away + 1) ** 2 > len(self._cells):
                return min(self._distances(point, self._cells))[1]
            around = self._around(column, row, away)
            best = min([best, *self._distances(point, around)])
            away += 1
        return best[1]

    def _around(self, column: int, row: int, away: int) -> Iterator[tuple[int, int]]:
        """Yield the squares that are that far off, in one direction at least."""
        near = range(-away, away + 1)
        for i in near:
            for j in near if abs(i) == away else {-away, away}:
                yield column + i, row + j

    def _distances(
        self, point: PlanePoint, cells: Iterable[tuple[int, int]]
    ) -> Iterator[tuple[float, PlanePoint]]:
        for cell in cells:
            for one in self._cells.get(cell, ()):
                yield math.dist(point, one), one


def _mean_distance(points: Sequence[PlanePoint]) -> float:
    if not points:
        return 1.0
    xs, ys = [x for x, _ in points], [y for _, y in points]
    wide, high = max(xs) - min(xs), max(ys) - min(ys)
    count = len(points)
    return math.sqrt(wide * high / count) or max(wide, high) / count or 1.0


def _middle(points: Sequence[PlanePoint]) -> PlanePoint:
    xs, ys = [x for x, _ in points], [y for _, y in points]
    return (max(xs) + min(xs)) / 2, (max(ys) + min(ys)) / 2


def _widths(points: Sequence[PlanePoint]) -> list[float]:
    mean = _mean_distance(points)
    return [width * mean for width in _WIDTHS]


def _shortest(
    points: Sequence[PlanePoint], ways: Iterable[list[PlanePoint]]
) -> list[PlanePoint]:
    """Return the shortest of these orders, the first of equals; `points` is one."""
    return min([list(points), *ways], key=length)


KINDS: dict[str, Callable[[Sequence[PlanePoint]], list[PlanePoint]]] = {
    "corridor": corridor,
    "shell": shell,
    "nearest": nearest,
}
"""By the name people ask for them with."""
