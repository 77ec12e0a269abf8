"""Scans that are more than a list of positions: what they want, one after the other."""

import itertools

import numpy as np
import pytest

from bec_kernel.errors import RefusedError
from bec_kernel.wire import Reading, StepKind
from bec_services.scan_server import scans
from bec_services.scan_server.program.scan import Bound, PointMaker
from bec_services.scan_server.scans import (
    AdaptiveScan,
    ContLineScan,
    FlyScan,
    LineSweepScan,
)


def bind(scan, *bundle, **options):
    defaults = {option.name: option.default for option in scan.all_options()}
    return Bound(bundles=[[*bundle]], options=defaults | options)


def program(scan, bound, start=None):
    return scan().program(bound, PointMaker(bound, start or {}))


@pytest.mark.parametrize(("start", "stop"), [(-2.0, 2.0), (2.0, -2.0)])
def test_a_continuous_scan_waits_for_each_position_on_one_way(start, stop):
    bound = bind(ContLineScan, "x", start, stop, steps=5, offset=0.5, atol=0.1)
    sign = np.sign(stop - start)
    first, *rest, last = program(ContLineScan, bound, {"x": 10.0})
    assert (first.kind, first.set) == (StepKind.MOVE, {"x": 10 + start - sign * 0.5})
    assert (last.kind, last.set) == (StepKind.MOVE, {"x": 10 + stop + sign * 0.5})
    waits, points = rest[::2], rest[1::2]
    assert {tuple(w.set.items()) for w in waits} == {tuple(last.set.items())}
    told = [w.until.above if sign > 0 else w.until.below for w in waits]
    wanted = np.linspace(10 + start, 10 + stop, 5) - sign * 0.1
    np.testing.assert_allclose(told, wanted, atol=1e-6)
    assert [(p.kind, p.point_id, p.set) for p in points] == [
        (StepKind.POINT, n, {}) for n in range(5)
    ]
    assert list(ContLineScan().reach(bound)) == [
        {"x": start - sign * 0.5},
        {"x": stop + sign * 0.5},
    ]


def test_a_sweep_takes_a_point_for_each_place_and_one_at_the_end():
    bound = bind(LineSweepScan, "x", 0.0, 3.0, min_update=0.2, max_update=7.0)
    wants = program(LineSweepScan, bound)
    want, places = next(wants), iter([0.0, 0.7, 1.9, 3.0])
    assert want.set == {"x": 0.0}
    seen = []
    want = wants.send(None)
    for place in places:
        seen.append(want.point_id)
        try:
            want = wants.send({"x": {"x": Reading(place, 1.0)}})
        except StopIteration:
            break
        assert (want.set, want.settle) == ({"x": 3.0}, 0.2)
        assert (want.until.above, want.until.deadline) == (place, 7.0)
        want = wants.send("arrived" if place == 1.9 else None)
    assert seen == [0, 1, 2, 3]


def test_an_adaptive_scan_asks_with_all_it_knows_and_ends_at_its_limit():
    bound = bind(AdaptiveScan, "x", 0.0, 3.0, ask="seeker", max_points=3)
    wants = program(AdaptiveScan, bound)
    want, told = next(wants), []
    for number in itertools.count():
        told.append(want.data["points"])
        assert (want.ask, want.data["range"]) == ("seeker", {"x": [0.0, 3.0]})
        point = wants.send({"x": number})
        assert point.set == {"x": number}
        try:
            want = wants.send({"det": {"det": Reading(number * 10, 1.0)}})
        except StopIteration:
            break
    assert told == [[], [{"det": 0}], [{"det": 0}, {"det": 10}]]


@pytest.mark.parametrize("advice", [{"x": 3.5}, {"y": 1}, "left", {"x": "far"}])
def test_advice_that_leads_nowhere_ends_the_scan(advice):
    wants = program(AdaptiveScan, bind(AdaptiveScan, "x", 0.0, 3.0, ask="seeker"))
    next(wants)
    with pytest.raises(RefusedError, match="the analysis"):
        wants.send(advice)


def test_nothing_as_advice_is_enough():
    wants = program(AdaptiveScan, bind(AdaptiveScan, "x", 0.0, 3.0, ask="seeker"))
    next(wants)
    with pytest.raises(StopIteration):
        wants.send(None)


def test_a_fly_scan_kicks_off_and_waits_for_each_segment():
    defaults = {option.name: option.default for option in FlyScan.all_options()}
    options = defaults | {"flyer": "flyer", "exp_time": 0.01}
    bound = Bound(bundles=[[-5.0, 0.0, 51], [1.0, 5.0, 41]], options=options)
    assert bound.motors == []
    wants = list(program(FlyScan, bound))
    kinds = [StepKind.KICKOFF, StepKind.COMPLETE] * 2
    assert [want.kind for want in wants] == kinds
    assert {tuple(want.devices) for want in wants} == {("flyer",)}
    assert wants[2].data == {"start": 1.0, "end": 5.0, "num": 41, "exposure": 0.01}
    assert FlyScan().shape(bound) == [0]


def test_no_name_stands_for_two_scans():
    found = [getattr(scans, name) for name in scans.__all__]
    names = [name for scan in found for name in (scan.name, *scan.all_aliases())]
    assert sorted(names) == sorted(set(names))
