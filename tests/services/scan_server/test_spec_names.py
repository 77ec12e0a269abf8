"""SPEC's names, with SPEC's words: what each does, point by point, from a table."""

import numpy as np
import pytest

from bec_kernel.errors import RefusedError
from bec_kernel.wire import Device, ScanRequest
from bec_services.scan_server import scans
from bec_services.scan_server.accept.assembler import Catalogue, bind

DEVICES = {
    name: Device(name=name, server="main", device_class="x", positioner=True)
    for name in ("x", "y")
}
CATALOGUE = Catalogue(getattr(scans, name) for name in scans.__all__)


def asked(name, *args, **options):
    scan = CATALOGUE.find(name)
    request = ScanRequest(request_id="r", name=name, args=[*args], kwargs=options)
    return scan, bind(scan, request, DEVICES)


LINE = [0.0, 0.5, 1.0]  # two intervals
TABLE = {
    "ascan x 0 1 2 0.1": ({"x": LINE}, {"exp_time": 0.1, "relative": False}),
    "a2scan x 0 1 y 1 0 2 0.1": (
        {"x": LINE, "y": LINE[::-1]},
        {"exp_time": 0.1, "relative": False},
    ),
    "dscan x 0 1 2 0.1": ({"x": LINE}, {"exp_time": 0.1, "relative": True}),
    "d2scan x 0 1 y 1 0 2 0.1": (
        {"x": LINE, "y": LINE[::-1]},
        {"exp_time": 0.1, "relative": True},
    ),
    "mesh x 0 1 2 y 5 6 1 0.1": (
        {"x": [*LINE, *LINE], "y": [5.0] * 3 + [6.0] * 3},
        {"exp_time": 0.1, "snaked": False, "relative": False},
    ),
    "dmesh x 0 1 2 y 5 6 1 0.1": (
        {"x": [*LINE, *LINE], "y": [5.0] * 3 + [6.0] * 3},
        {"exp_time": 0.1, "snaked": False, "relative": True},
    ),
    "ct 0.1": ({}, {"exp_time": 0.1, "burst_at_each_point": 1}),
    "ct": ({}, {"exp_time": 0.0}),
    "loopscan 7 0.1": ({}, {"exp_time": 0.1, "burst_at_each_point": 7}),
    "loopscan 7 0.1 2": ({}, {"exp_time": 0.1, "settling_time": 2.0}),
    "timescan 0.1 1": (
        {},
        {"exp_time": 0.1, "settling_time": 1.0, "burst_at_each_point": 1_000_000},
    ),
}


@pytest.mark.parametrize("line", TABLE)
def test_a_line_of_spec_does_what_it_does_there(line):
    name, *words = line.split()
    args = [word if word in DEVICES else float(word) for word in words]
    scan, bound = asked(name, *args)
    columns, options = TABLE[line]
    assert {name: bound[name] for name in options} == options
    path = list(scan.positions(bound))
    assert {m: [at[m] for at in path] for m in bound.motors} == columns
    assert np.prod(scan.shape(bound)) == len(path) * bound["burst_at_each_point"]


def test_all_names_are_published_with_words_and_an_example_that_works():
    forms = [f for s in CATALOGUE.scans.values() for f in s.signature().forms]
    names = "ascan a2scan dscan d2scan mesh dmesh loopscan timescan ct"
    assert {form.name for form in forms} == set(names.split())
    for form in forms:
        name, *words = form.example.replace("samx", "x").replace("samy", "y").split()
        assert name == form.name
        asked(name, *[w if w in DEVICES else float(w) for w in words])


def test_points_may_be_given_by_the_scans_own_option_instead():
    _, bound = asked("ascan", "x", 0, 1, steps=3)
    assert bound["steps"] == 3
    _, bound = asked("dscan", "x", 0, 1, 2, relative=False)
    assert bound["relative"] is False


@pytest.mark.parametrize(
    ("args", "options", "said"),
    [
        (["x", 0, 1], {}, "ascan needs intervals"),
        (["x", 0], {"steps": 3}, "stop is missing after x 0"),
        (["x", 0, 1, 2, 0.1, 7], {}, "ascan takes motor start stop intervals time: 7"),
        (["x", 0, 1, 2], {"steps": 3}, "steps is given twice, as intervals too"),
        (["x", 0, 1, "two"], {}, "ascan intervals: 'two' is not a whole number"),
        (["x", 0, 1, True], {}, "ascan intervals: True is not a whole number"),
        (["x", 0, 1, -1], {}, "ascan intervals: -1 is below 1"),
        (["z", 0, 1, 2], {}, "no device 'z'"),
    ],
)
def test_a_wrong_word_is_named(args, options, said):
    with pytest.raises(RefusedError) as error:
        asked("ascan", *args, **options)
    assert said in str(error.value)
    assert error.value.subject
