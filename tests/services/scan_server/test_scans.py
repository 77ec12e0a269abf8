"""Positions of the scans, against formulas of their own."""

import itertools

import numpy as np
import pytest
from hypothesis import given, strategies as st
from scanspec.specs import Linspace

from bec_kernel.errors import RefusedError
from bec_services.scan_server.program.scan import Bound
from bec_services.scan_server.scans import (
    Acquire,
    GridScan,
    LineScan,
    ListScan,
    Move,
    MultiRegionGridScan,
    MultiRegionLineScan,
    TimeScan,
    __all__,
)

PLACES = st.floats(-100, 100)
STEPS = st.integers(1, 7)


def positions(scan, *bundles, **options):
    """Return motor -> array of positions, and the shape the scan says it has."""
    defaults = {option.name: option.default for option in scan.all_options()}
    bound = Bound(bundles=[list(b) for b in bundles], options=defaults | options)
    found = list(scan().positions(bound))
    columns = {name: np.array([row[name] for row in found]) for name in found[0]}
    return columns, scan().shape(bound), len(found)


@given(PLACES, PLACES, STEPS)
def test_a_line_is_evenly_spaced_with_both_ends(start, stop, steps):
    found, shape, _ = positions(
        LineScan, ("x", start, stop), ("y", stop, start), steps=steps
    )
    np.testing.assert_allclose(found["x"], np.linspace(start, stop, steps), atol=1e-9)
    np.testing.assert_allclose(found["y"], np.linspace(stop, start, steps), atol=1e-9)
    assert shape == [steps]


def test_a_burst_repeats_each_point():
    _, shape, _ = positions(LineScan, ("x", 0, 1), steps=3, burst_at_each_point=4)
    assert shape == [12]


@pytest.mark.slow
@given(st.lists(STEPS, min_size=2, max_size=4), st.booleans())
def test_a_grid_is_the_product_of_its_axes_the_first_one_fastest(steps, snaked):
    bundles = [(f"m{i}", float(i), i + 2.0, n) for i, n in enumerate(steps)]
    found, shape, count = positions(GridScan, *bundles, snaked=snaked)
    assert shape == steps[::-1]
    assert count == np.prod(steps)
    axes = [np.linspace(i, i + 2.0, n) if n > 1 else [i] for i, n in enumerate(steps)]
    rows = {tuple(np.round(row, 9)) for row in zip(*found.values(), strict=True)}
    product = {tuple(np.round(row[::-1], 9)) for row in itertools.product(*axes)}
    assert rows == product
    if not snaked:
        wanted = list(itertools.product(*axes[::-1]))
        got = np.column_stack(list(found.values()))
        np.testing.assert_allclose(got, np.array(wanted, dtype=float))


@given(st.lists(st.integers(2, 5), min_size=2, max_size=4))
def test_a_snaked_grid_goes_one_step_of_one_motor_at_a_time(steps):
    bundles = [(f"m{i}", 0.0, float(n - 1), n) for i, n in enumerate(steps)]
    found, _, _ = positions(GridScan, *bundles, snaked=True)
    moved = np.abs(np.diff(np.column_stack(list(found.values())), axis=0))
    np.testing.assert_allclose(moved.sum(axis=1), 1.0)


def test_a_snaked_grid_in_full():
    found, _, _ = positions(GridScan, ("x", 0.0, 2.0, 3), ("y", 0.0, 1.0, 2))
    assert found["x"].tolist() == [0, 1, 2, 2, 1, 0]
    assert found["y"].tolist() == [0, 0, 0, 1, 1, 1]


@given(st.lists(st.tuples(PLACES, PLACES), min_size=1, max_size=9))
def test_lists_are_walked_side_by_side(rows):
    x, y = (list(column) for column in zip(*rows, strict=True))
    found, shape, _ = positions(ListScan, ("x", x), ("y", y))
    assert list(zip(found["x"], found["y"], strict=True)) == rows
    assert shape == [len(rows)]


def test_lists_of_different_length_are_refused():
    with pytest.raises(RefusedError, match="x has 2, y has 1"):
        positions(ListScan, ("x", [0.0, 1.0]), ("y", [0.0]))


def test_a_move_has_one_position_and_an_acquisition_moves_nothing():
    found, _, count = positions(Move, ("x", 1.0), ("y", 2.0))
    assert {name: at.tolist() for name, at in found.items()} == {"x": [1.0], "y": [2.0]}
    assert count == 1
    assert positions(Acquire)[2] == 1


def test_positions_are_a_pure_function_of_the_words():
    words = [("x", 0.1, 0.7, 5), ("y", -1.0, 1.0, 4)]
    first, again = (positions(GridScan, *words)[0] for _ in range(2))
    assert all(np.array_equal(first[name], again[name]) for name in first)


def test_regions_of_a_line_follow_each_other_with_both_their_ends():
    found, shape, _ = positions(
        MultiRegionLineScan, ("x",), regions=[[0, 1, 5], [2, 3, 3], [7, 8, 1]]
    )
    assert found["x"].tolist() == [0, 0.25, 0.5, 0.75, 1, 2, 2.5, 3, 7]
    assert shape == [9]


def test_one_region_of_a_plane_is_a_grid_scan():
    region, steps = [[-1.0, 1.0, 4], [5.0, 6.0, 3]], [12]
    for snaked in (True, False):
        one, shape, _ = positions(
            MultiRegionGridScan, ("x",), ("y",), regions=[region], snaked=snaked
        )
        whole, _, _ = positions(
            GridScan, ("x", *region[0]), ("y", *region[1]), snaked=snaked
        )
        assert {m: at.tolist() for m, at in one.items()} == {
            m: at.tolist() for m, at in whole.items()
        }
        assert shape == steps


def test_regions_of_a_plane_each_begin_anew():
    regions = [[[0, 1, 2], [0, 1, 2]], [[5, 6, 2], [3, 4, 2]]]
    found, shape, _ = positions(MultiRegionGridScan, ("x",), ("y",), regions=regions)
    assert found["x"].tolist() == [0, 1, 1, 0, 5, 6, 6, 5]
    assert found["y"].tolist() == [0, 0, 1, 1, 3, 3, 4, 4]
    assert shape == [8]


@pytest.mark.parametrize("steps", [0, -1, 2.5])
def test_a_region_without_a_whole_number_of_points_is_named(steps):
    with pytest.raises(RefusedError, match=f"region 1 has {steps:g} points for x"):
        positions(MultiRegionLineScan, ("x",), regions=[[0, 1, 2], [0, 1, steps]])


def test_points_in_time_are_multiples_of_the_interval():
    bound = Bound(options={"points": 4, "interval": 0.1})
    due = [TimeScan().due(bound, number) for number in range(4)]
    np.testing.assert_allclose(due, [0.0, 0.1, 0.2, 0.3])
    assert list(TimeScan().positions(bound)) == [{}] * 4


@pytest.mark.parametrize("snaked", [True, False])
def test_lines_grids_and_regions_are_those_of_scanspec(snaked):
    def columns(spec):
        found = spec.frames().midpoints
        return {name: found[name].tolist() for name in found}

    def ours(scan, *bundles, **options):
        found, _, _ = positions(scan, *bundles, **options)
        return {name: pytest.approx(at.tolist()) for name, at in found.items()}

    def turning(axis):
        return ~axis if snaked else axis

    x, y, z = (Linspace(n, 0.1, 1.7, k) for n, k in (("x", 4), ("y", 3), ("z", 2)))
    more = Linspace("x", 3.0, 5.0, 2), Linspace("y", 0.1, 1.7, 3)
    assert columns(x) == ours(LineScan, ("x", 0.1, 1.7), steps=4)
    words = [(name, 0.1, 1.7, k) for name, k in (("x", 4), ("y", 3), ("z", 2))]
    grid = z * turning(y) * turning(x)
    assert columns(grid) == ours(GridScan, *words, snaked=snaked)
    regions = [[[0.1, 1.7, 4], [0.1, 1.7, 3]], [[3.0, 5.0, 2], [0.1, 1.7, 3]]]
    first, second = columns(y * turning(x)), columns(more[1] * turning(more[0]))
    assert {n: first[n] + second[n] for n in "xy"} == ours(
        MultiRegionGridScan, ("x",), ("y",), regions=regions, snaked=snaked
    )


@pytest.mark.parametrize("name", __all__)
def test_every_scan_explains_itself(name):
    import bec_services.scan_server.scans as all_scans

    signature = getattr(all_scans, name).signature()
    assert signature.doc
    assert signature.example.startswith(signature.name)
    assert all(option.doc for option in [*signature.bundle, *signature.options])
