"""Dead times of earlier scans: learned, recalled, forgotten."""

import msgspec
import pytest
from hypothesis import given, strategies as st

from bec_kernel.wire import Learned, Point, Times
from bec_services.scan_server.forecast.learning import (
    MOST,
    field,
    forgotten,
    group,
    learn,
    recall,
)
from tests.services.recorded import begin

BEGIN = begin(parameters={"exp_time": 0.5})


def points(count, trigger=0.6, read=0.01, overhead=0.02, **fields):
    times = Times(0.0, 1.0, 0.0, trigger, read, 0.0, overhead)
    fields = {"attempt": 1, "times": times, **fields}
    made = {"index": 0, "begin": 0.0, "end": 0.0, "data": {}}
    return [Point(**made, point_id=n, **fields) for n in range(count)]


def test_motors_are_no_part_of_a_group():
    assert group(BEGIN) == ["bpm4i"]


def test_the_first_scan_is_believed_as_it_is():
    found = learn(None, BEGIN, points(5), 3.0)
    assert (found.trigger, found.free) == pytest.approx((0.1, 0.6))
    assert (found.read, found.overhead, found.around) == (0.01, 0.02, 3.0)
    assert (found.scans, found.last, found.spread) == (1, 42, 0.0)


def test_without_an_exposure_the_triggers_own_time_is_learned():
    found = learn(None, begin(parameters={}), points(5), None)
    assert (found.trigger, found.free) == (None, 0.6)


def test_detectors_keep_the_exposure_they_were_given_last():
    words = {"exp_time": 0.5, "frames_per_trigger": 4, "readout_time": 0.25}
    known = learn(None, BEGIN, points(5, 9.0), None)
    found = learn(known, begin(parameters=words), points(5, 3.1), None)
    assert found.free == pytest.approx(0.6)


def test_a_pause_and_a_repeated_point_teach_nothing():
    odd = points(1, overhead=3600.0) + points(1, trigger=9.0, attempt=2)
    assert learn(None, BEGIN, points(6) + odd, None) == learn(
        None, BEGIN, points(6), None
    )


def test_a_short_scan_teaches_nothing():
    assert learn(None, BEGIN, points(2), None) is None


@given(st.lists(st.floats(0.5, 5), min_size=1, max_size=20))
def test_what_is_known_lies_between_what_was_seen(triggers):
    known = None
    for trigger in triggers:
        known = learn(known, BEGIN, points(4, trigger), None)
    low, high = min(triggers) - 0.5, max(triggers) - 0.5
    assert low - 1e-9 <= known.trigger <= high + 1e-9
    assert known.spread <= high - low + 1e-9


def test_a_steady_device_is_known_without_spread():
    known = None
    for _ in range(10):
        known = learn(known, BEGIN, points(4), None)
    assert known.trigger == pytest.approx(0.1)
    assert known.spread == pytest.approx(0.0)


def test_of_a_new_group_the_worst_within_it_is_recalled():
    slow = Learned(devices=["bpm4i"], trigger=1.0, scans=3)
    quick = Learned(devices=["xbpm"], trigger=0.1, read=0.5, scans=3)
    other = Learned(devices=["bpm4i", "else"], trigger=9.0, scans=3)
    known = {field(one.devices): one for one in (slow, quick, other)}
    assert recall(known, BEGIN) is slow
    both = recall(known, begin(monitored=["samx", "bpm4i", "xbpm"]))
    assert (both.trigger, both.read, both.scans) == (1.0, 0.5, 0)
    assert recall({}, BEGIN) is None


def test_only_so_many_groups_are_kept_the_last_used_ones():
    one = Learned(devices=["a"])
    known = {str(n): msgspec.structs.replace(one, last=n) for n in range(MOST + 2)}
    assert forgotten(known) == ["0", "1"]
