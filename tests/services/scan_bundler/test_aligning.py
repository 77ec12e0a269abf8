"""Streams at the times of points: compared with pandas and numpy on random data."""

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings, strategies as st

from bec_kernel.bus.changes import START, Id
from bec_kernel.wire import (
    AlignedRow,
    Alignment,
    Point,
    Reading,
    Sample,
    Samples,
    StreamEnd,
    StreamMode,
    Watermark,
)
from bec_services.scan_bundler.alignment import StreamAlignment

RULES = list(Alignment)
T0 = 1_700_000_000.0


def point(number, begin, end):
    return Point(
        index=number, point_id=number, attempt=1, begin=begin, end=end, data={}
    )


def batch(index, *pairs, mode=StreamMode.ADD):
    samples = [Sample(time, {"value": value}) for time, value in pairs]
    return Samples(index=index, mode=mode, samples=samples)


def mark(time):
    return Watermark(index=0, time=time)


class Core(StreamAlignment):
    """Points stand where they stand in a scan that is never rewound."""

    def know(self, point):
        self.point(Id(point.point_id + 1), point)

    def rows(self, entries):
        return [row for _, row in self.take(entries)]


def core(rule, names=("value",), after=START):
    return Core(Alignment(rule), "s", names, after)


@st.composite
def recordings(draw):
    """A stream in entries, with marks that are true, and points behind each other.

    Times are eighths of a second: they meet, and are exact.
    """
    eighths = st.integers(0, 80)
    times = sorted(draw(st.lists(eighths, max_size=30, unique=True)))
    values = draw(
        st.lists(st.integers(-1000, 1000), min_size=len(times), max_size=len(times))
    )
    edges = sorted(draw(st.lists(eighths, max_size=20)))
    edges = edges[: len(edges) // 2 * 2]
    points = [
        point(n, T0 + a / 8, T0 + b / 8)
        for n, (a, b) in enumerate(zip(edges[::2], edges[1::2], strict=True))
    ]
    entries, at = [], 0
    while at < len(times):
        count = draw(st.integers(1, 6))
        some = zip(times[at : at + count], values[at : at + count], strict=True)
        entries.append(batch(at, *((T0 + t / 8, v) for t, v in some)))
        at += count
        upto = times[at] if at < len(times) else 90
        if draw(st.booleans()):
            low = times[min(at, len(times)) - 1]
            entries.append(mark(T0 + draw(st.integers(low, upto)) / 8))
    stamps = T0 + np.array(times, float) / 8
    return entries, points, stamps, np.array(values, float)


def wanted(rule, points, times, values):
    """The same by pandas and numpy, all at once."""
    begin = np.array([one.begin for one in points])
    end = np.array([one.end for one in points])
    middle = (begin + end) / 2
    if rule in (Alignment.MEAN, Alignment.SUM):
        spans = zip(begin, end, strict=True)
        inside = [values[(times >= a) & (times < b)] for a, b in spans]
        if rule is Alignment.SUM:
            return [one.sum() for one in inside]
        return [one.mean() if len(one) else math.nan for one in inside]
    if rule is Alignment.LINEAR:
        if not len(times):
            return [math.nan] * len(points)
        return np.interp(middle, times, values, left=math.nan, right=math.nan)
    direction = "backward" if rule is Alignment.PREVIOUS else "nearest"
    merged = pd.merge_asof(
        pd.DataFrame({"t": middle}),
        pd.DataFrame({"t": times, "v": values}),
        on="t",
        direction=direction,
    )
    return merged["v"].tolist()


def numbers(rows):
    found = [row.values["s"].value for row in rows]
    return [math.nan if value is None else value for value in found]


@pytest.mark.slow
@settings(max_examples=200)
@given(st.sampled_from(RULES), recordings(), st.data())
def test_rows_are_what_pandas_and_numpy_say_however_the_logs_arrive(
    rule, recording, data
):
    entries, points, times, values = recording
    whole = core(rule)
    rows, left = [], list(points)
    for entry in entries:
        for _ in range(data.draw(st.integers(0, 3)) if left else 0):
            if left:
                whole.know(left.pop(0))
        rows += whole.rows([entry])
    for one in left:
        whole.know(one)
    rows += whole.rows([StreamEnd(samples=len(times), time=T0)])
    assert [row.point_id for row in rows] == list(range(len(points)))
    expected = wanted(rule, points, times, values)
    np.testing.assert_allclose(numbers(rows), expected, rtol=1e-9, equal_nan=True)
    assert (whole.refused, whole.waits, whole.ended) == (0, False, True)


@given(st.sampled_from(RULES), recordings(), st.data())
def test_who_begins_again_behind_any_row_gives_the_same_rest(rule, recording, data):
    entries, points, *_ = recording
    rows = []
    first = data.draw(st.integers(0, len(points)))
    for start in (0, first):
        again = core(rule, after=Id(start))
        for one in points:
            again.know(one)
        rows.append(again.take(entries) + again.finish())
    assert rows[1] == rows[0][first:]


@pytest.mark.parametrize(
    ("rule", "before", "enough"),
    [
        ("previous", [mark(T0 + 1.0)], mark(T0 + 1.01)),
        ("nearest", [mark(T0 + 1.09)], mark(T0 + 1.1)),
        ("nearest", [mark(T0 + 1.09)], batch(1, (T0 + 1.09, 7))),
        ("linear", [mark(T0 + 1.5)], batch(1, (T0 + 1.6, 7))),
        ("mean", [batch(1, (T0 + 1.05, 7)), mark(T0 + 1.09)], mark(T0 + 1.1)),
        ("sum", [mark(T0 + 1.09)], batch(1, (T0 + 1.1, 7))),
    ],
)
def test_a_row_leaves_as_soon_as_nothing_can_change_it(rule, before, enough):
    one = core(rule)
    one.know(point(0, T0 + 0.9, T0 + 1.1))
    assert one.take([batch(0, (T0 + 0.9, 3)), *before]) == []
    assert one.waits
    assert [row.point_id for row in one.rows([enough])] == [0]
    assert not one.waits


def test_a_row_says_of_when_its_value_is():
    made = {}
    for rule in RULES:
        one = core(rule)
        one.know(point(0, T0, T0 + 2))
        entries = [batch(0, (T0 + 0.5, 10), (T0 + 1.25, 16)), mark(T0 + 9)]
        (row,) = one.rows(entries)
        made[rule] = row.values["s"]
    assert made["previous"] == Reading(10, T0 + 0.5)
    assert made["nearest"] == Reading(16, T0 + 1.25)
    assert made["linear"] == Reading(14.0, T0 + 1)
    assert made["mean"] == Reading(13.0, T0 + 1)
    assert made["sum"] == Reading(26, T0 + 1)


def test_unsorted_samples_are_refused_and_counted():
    one = core("previous")
    one.know(point(0, T0 + 4, T0 + 4))
    one.take([batch(0, (T0 + 1, 1), (T0 + 3, 3), (T0 + 2, 2)), mark(T0 + 3.9)])
    assert one.refused == 1
    assert one.take([batch(3, (T0 + 3.8, 38), (math.nan, 0))]) == []
    assert one.refused == 3
    (row,) = one.rows([mark(T0 + 5)])
    assert row == AlignedRow(0, {"s": Reading(3, T0 + 3)})


def test_several_values_of_a_sample_go_by_their_names():
    one = core("linear", ("x", "y"))
    one.know(point(0, T0 + 1, T0 + 1))
    samples = [
        Sample(T0, {"x": 0, "y": 5}),
        Sample(T0 + 1, {"y": 6}),
        Sample(T0 + 2, {"x": 4, "y": "off"}),
    ]
    (row,) = one.rows([Samples(index=0, samples=samples)])
    assert row.values == {"s_x": Reading(2.0, T0 + 1), "s_y": Reading(6, T0 + 1)}


def test_a_text_can_be_the_previous_but_no_mean_is_made_of_it():
    values = {}
    for rule in ("previous", "mean", "sum"):
        one = core(rule)
        one.know(point(0, T0, T0 + 2))
        (row,) = one.rows([batch(0, (T0 + 0.5, "open")), mark(T0 + 3)])
        values[rule] = row.values["s"].value
    assert values == {"previous": "open", "mean": None, "sum": 0}


def test_slices_of_a_row_are_no_samples_in_time():
    one = core("previous")
    one.know(point(0, T0, T0 + 2))
    (row,) = one.rows([batch(0, (T0, 1), mode=StreamMode.ADD_SLICE), mark(T0 + 3)])
    assert row.values["s"].value is None


@pytest.mark.parametrize("rule", RULES)
def test_what_no_point_needs_any_more_is_forgotten(rule):
    """A stream of many samples, and points that follow closely."""
    one = core(rule)
    for number in range(15):
        begin = T0 + number * 10
        one.know(point(number, begin, begin + 10))
        pairs = [(begin + k / 100, k) for k in range(1000)]
        one.take([batch(1000 * number, *pairs), mark(begin + 10)])
        assert max(len(kept) for kept in one._samples.values()) <= 1001


def test_a_point_that_is_taken_again_gets_a_second_row():
    one = core("mean")
    taken = [point(0, T0, T0 + 1), point(1, T0 + 1, T0 + 2), point(0, T0 + 3, T0 + 4)]
    for place, each in zip((Id(1), Id(2), Id(2, 1)), taken, strict=True):
        one.point(place, each)
        one.point(place, each)  # known already
    rows = one.take([batch(0, *((T0 + n, n) for n in range(5)))])
    assert [(at, row.point_id, row.values["s"].value) for at, row in rows] == [
        (Id(1), 0, 0.0),
        (Id(2), 1, 1.0),
        (Id(2, 1), 0, 3.0),
    ]
    again = core("mean", after=Id(2))
    for place, each in zip((Id(1), Id(2), Id(2, 1)), taken, strict=True):
        again.point(place, each)
    assert again.take([batch(0, *((T0 + n, n) for n in range(5)))]) == rows[2:]
