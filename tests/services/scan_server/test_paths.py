"""Points of a plane put into a shorter order."""

import math

import numpy as np
import pytest
from hypothesis import given, strategies as st

from bec_services.scan_server.program import paths

GRID = st.integers(-20, 20).map(lambda n: n / 4)
POINTS = st.lists(st.tuples(GRID, GRID), max_size=40)


def way(points):
    """The length of a way, worked out by numpy."""
    steps = np.diff(np.array(points, dtype=float).reshape(-1, 2), axis=0)
    return float(np.hypot(*steps.T).sum())


def spiral(count):
    """Points of even density, one for each unit of area, from the middle outwards."""
    turn = math.pi * (1 + math.sqrt(5))
    radii = [math.sqrt(i / math.pi) for i in range(count)]
    return [
        (r * math.cos(turn * i), r * math.sin(turn * i)) for i, r in enumerate(radii)
    ]


def test_a_length_is_the_sum_of_the_distances():
    assert paths.length([(0, 0), (3, 4), (3, 10)]) == 11
    assert paths.length([]) == paths.length([(1, 1)]) == 0


@pytest.mark.parametrize("kind", paths.KINDS)
@given(points=POINTS)
def test_all_points_are_there_once_the_way_is_no_longer_and_always_the_same(
    kind, points
):
    found = paths.KINDS[kind](points)
    assert sorted(found) == sorted(points)
    assert way(found) <= way(points) + 1e-9
    assert paths.KINDS[kind](list(points)) == found
    assert paths.length(found) == pytest.approx(way(found))


@pytest.mark.parametrize("kind", paths.KINDS)
def test_the_way_through_a_spiral_is_near_the_shortest_there_can_be(kind):
    points = spiral(1000)
    found = paths.KINDS[kind](points)
    # No way through n points, one for each unit of area, is much shorter than n; the
    # spiral in its own order takes 20 times that.
    assert way(points) > 15 * len(points)
    assert way(found) < 1.2 * len(points)


@given(points=st.lists(st.tuples(GRID, GRID), min_size=1, max_size=25, unique=True))
def test_the_nearest_point_is_really_the_nearest(points):
    """Compared with asking every point each time."""
    left, wanted = points[1:], [points[0]]
    while left:
        here = wanted[-1]
        wanted.append(min(left, key=lambda p: (math.dist(here, p), p)))
        left.remove(wanted[-1])
    found = paths.nearest(points)
    if found != points:
        assert way(found) == pytest.approx(way(wanted))
    else:
        assert way(points) <= way(wanted) + 1e-9


def test_a_corridor_goes_up_one_strip_and_down_the_next():
    points = [(x, y) for x in range(4) for y in range(10)]
    found = paths.corridor([*points[::3], *points[1::3], *points[2::3]])
    assert way(found) == pytest.approx(len(points) - 1)


def test_a_shell_is_no_longer_than_ring_by_ring():
    angles = np.linspace(0, 2 * math.pi, 12, endpoint=False)
    rings = [(r * math.cos(a), r * math.sin(a)) for a in angles for r in (1, 2, 3)]
    # Eleven twelfths of each ring, as a polygon, and two steps outwards.
    chord = 2 * math.sin(math.pi / 12)
    steps = [
        math.hypot(r * math.cos(a) - (r - 1), r * math.sin(a))
        for r, a in ((2, math.pi / 6), (3, math.pi / 6))
    ]
    assert way(paths.shell(rings)) <= 11 * chord * (1 + 2 + 3) + sum(steps)
