"""Columns and rows: what is written is what was read."""

import numpy as np
import pytest

from bec_kernel.wire import Begin, Point, PointStatus, Reading, ScanRequest
from bec_services.file_writer.tree.columns import STATUS, Columns
from bec_services.file_writer.tree.scan import place


def point(value, point_id=0, **fields):
    data = {"dev": {"dev": Reading(value, 5.0)}}
    fields = {"data": data, **fields}
    return Point(index=0, point_id=point_id, attempt=1, begin=0.0, end=0.0, **fields)


def grown(*values):
    layout = Columns()
    points = [point(value) for value in values]
    layout.grow(points)
    return layout.batch(points).values["dev", "dev"]


def test_counts_stay_whole_numbers():
    assert grown(1, 2).dtype == np.int64


def test_a_column_that_began_with_a_whole_number_keeps_fractions():
    layout = Columns()
    layout.grow([point(1)])
    assert layout.batch([point(1.5)]) is None
    layout.grow([point(1.5)])
    assert layout.batch([point(1), point(1.5)]).values["dev", "dev"].tolist() == [
        1,
        1.5,
    ]


@pytest.mark.parametrize(
    ("values", "written"),
    [
        (["fast", "größer"], [b"fast", "größer".encode()]),
        ([True, False], [True, False]),
        ([[1, 2], [3, 4]], [[1, 2], [3, 4]]),
        ([{"a": 1}], [b'{"a": 1}']),
        (["a" * 100], [b"a" * 100]),
    ],
)
def test_a_value_of_any_kind_is_written(values, written):
    assert grown(*values).tolist() == written


def test_an_array_shorter_than_the_others_is_filled_up():
    rows = grown(np.array([1.0, 2.0]), np.array([3.0]))
    np.testing.assert_array_equal(rows, [[1.0, 2.0], [3.0, np.nan]])


def test_an_array_among_numbers_is_left_out():
    rows = grown(1.0, np.array([3.0, 4.0]))
    np.testing.assert_array_equal(rows, [1.0, np.nan])


def test_a_device_that_is_missing_leaves_a_row_that_says_so():
    layout = Columns()
    layout.grow([point(1.0)])
    retaken = point(2.0, status={"dev": PointStatus.RETAKEN})
    batch = layout.batch([point(1.0), point(0, data={}), retaken])
    np.testing.assert_array_equal(batch.values["dev", "dev"], [1.0, np.nan, 2.0])
    expected = [PointStatus.GOOD, PointStatus.MISSING, PointStatus.RETAKEN]
    assert batch.status["dev"].tolist() == [STATUS[status] for status in expected]


def test_a_device_nobody_knew_needs_a_new_layout():
    layout = Columns()
    layout.grow([point(1.0)])
    other = point(0, data={"other": {"other": Reading(1.0, 0.0)}})
    assert layout.batch([other]) is None


@pytest.mark.parametrize(
    ("number", "more", "path"),
    [
        (42, {}, "S00000-00999/S00042/S00042_master.h5"),
        (1000, {}, "S01000-01999/S01000/S01000_master.h5"),
        (123456, {}, "S123000-123999/S123456/S123456_master.h5"),
        (
            42,
            {"file_directory": "ada/steel", "file_suffix": "cold"},
            "ada/steel/S00000-00999/S00042_cold/S00042_master.h5",
        ),
        (
            42,
            {"account": "p1", "file_directory": "ada"},
            "p1/ada/S00000-00999/S00042/S00042_master.h5",
        ),
    ],
)
def test_a_thousand_scans_share_a_folder_in_the_one_that_was_asked_for(
    number, more, path
):
    request = ScanRequest(request_id="s", name="acquire")
    begin = Begin(scan_id="s", scan_number=number, user="ada", request=request, **more)
    assert str(place(begin)) == path
