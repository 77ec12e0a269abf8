"""Where the points of a grid belong, against the scan that takes them."""

import numpy as np
import pytest
from hypothesis import given, strategies as st

from bec_kernel.scan.grid import grid_of
from bec_kernel.wire import Begin
from bec_services.file_writer.tree.plot import grid_patches as patches
from tests.services.file_writer.grids import STEPS, grid_and_places


@given(STEPS, st.booleans(), st.integers(1, 3))
def test_each_point_lies_where_its_axes_say(steps, snaked, burst):
    begin, places = grid_and_places(steps, burst, snaked=snaked)
    grid = grid_of(begin, {})
    index = grid.index(np.arange(len(places)))
    for motor, at in zip((a.motor for a in grid.axes), index, strict=True):
        there = [place[motor] for place in places]
        np.testing.assert_allclose(grid.coordinates()[motor][at], there, atol=1e-9)
    flat = np.ravel_multi_index(index, grid.shape)
    assert sorted(flat) == list(range(len(places)))


@pytest.mark.slow
@given(STEPS, st.booleans(), st.integers(1, 3), st.data())
def test_points_in_batches_with_gaps_fill_the_grid_as_one_by_one(
    steps, snaked, burst, data
):
    begin, places = grid_and_places(steps, burst, snaked=snaked)
    grid = grid_of(begin, {})
    taken = data.draw(st.sets(st.integers(0, len(places) + 3)))
    ids = np.array(sorted(taken), np.intp)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(ids)), max_size=3)))
    filled = np.full((*grid.shape, 2), np.nan)
    for part in np.split(ids, cuts):
        values = np.stack([part, part + 0.5], axis=-1).astype(float)
        for patch in patches(grid, "/x", part, values):
            ends = zip(patch.start, patch.values.shape, strict=True)
            filled[tuple(slice(at, at + n) for at, n in ends)] = patch.values
    expected = np.full((*grid.shape, 2), np.nan)
    for one in ids[ids < len(places)]:
        where = tuple(int(at[0]) for at in grid.index(np.array([one])))
        expected[where] = one, one + 0.5
    np.testing.assert_array_equal(filled, expected)


def test_a_relative_grid_counts_from_its_first_point():
    begin, _ = grid_and_places([2, 3], relative=True)
    grid = grid_of(begin, {"m0": 5.0, "m1": 7.0})
    assert grid.axes[1].positions.tolist() == [5.0, 8.0]
    assert grid.axes[0].positions.tolist() == [7.0, 9.5, 12.0]
    nowhere = grid_of(begin, {})
    assert np.isnan(nowhere.axes[0].positions).all()


def test_a_scan_whose_words_are_no_axes_is_no_grid():
    begin, _ = grid_and_places([2, 3])
    for bundles in ([["m0", [1, 2]]], [["m0", 0, 1, 2]], [["m0"], ["m1"]], []):
        other = Begin(
            scan_id="s",
            user="ada",
            request=begin.request,
            parameters={"bundles": bundles},
            motors=begin.motors,
            shape=[3, 2],
        )
        assert grid_of(other, {}) is None
