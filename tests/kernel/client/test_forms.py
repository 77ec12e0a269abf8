"""Aliases with words of their own, and lists in lists: typed, and written out."""

import inspect
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, strategies as st

from bec_kernel import language
from bec_kernel.errors import RefusedError
from bec_kernel.wire import Form, FormWord, Parameter, Signature

MOTOR = Parameter(name="motor", kind="device", required=True, doc="motor")
START = Parameter(name="start", kind="float", required=True, doc="first")
STOP = Parameter(name="stop", kind="float", required=True, doc="last")
INTERVALS = Parameter(name="intervals", kind="int", low=1, required=True, doc="many")
TIME = Parameter(name="time", kind="float", unit="s", default=0.0, low=0.0)
ASCAN = Form(
    name="ascan",
    doc="as elsewhere",
    words=[
        *(FormWord(parameter=one) for one in (MOTOR, START, STOP)),
        FormWord(parameter=INTERVALS, option="steps", add=1),
        FormWord(parameter=TIME, option="exp_time"),
    ],
    preset={"relative": True},
    example="ascan samx -1 1 20 0.1",
)
LINE = Signature(
    name="line_scan",
    doc="Along a line.",
    bundle=[MOTOR, START, STOP],
    bundles=(1, 0),
    options=[
        Parameter(name="steps", kind="int", low=1, required=True, doc="points"),
        Parameter(name="relative", kind="bool", default=False),
        Parameter(name="exp_time", kind="float", unit="s", default=0.0, low=0.0),
        Parameter(name="monitored", kind="device_list", default=[]),
        Parameter(name="regions", kind="number_lists", shape=[3], low=-9.0),
        Parameter(name="boxes", kind="number_lists", shape=[2, 3]),
    ],
    aliases=["line", "ascan"],
    forms=[ASCAN],
)
CATALOGUE = {"line_scan": LINE}
DEVICES = ["samx", "samy", "slit_gap"]


def parse(text):
    return language.parse_line(text, CATALOGUE, DEVICES)


def python(*args, **kwargs):
    found = language.find_signature("ascan", CATALOGUE)
    return language.request_of(found, args, kwargs, DEVICES)


def refusal(text):
    with pytest.raises(RefusedError) as error:
        parse(text)
    return str(error.value)


def test_a_form_becomes_the_scan_it_stands_for():
    wanted = {"relative": True, "steps": 21, "exp_time": 0.1}
    for request in (parse("ascan samx -1 1 20 0.1"), python("samx", -1, 1, 20, 0.1)):
        assert request.name == "line_scan"
        assert request.args == ["samx", -1.0, 1.0]
        assert request.kwargs == wanted
        assert parse(language.format_line(request)) == request


def test_words_at_the_end_may_be_left_out_and_options_given_as_such():
    assert parse("ascan samx -1 1 20").kwargs == {"relative": True, "steps": 21}
    found = parse("ascan samx -1 1 --steps 5 --no-relative --exp-time 2")
    assert found.kwargs == {"relative": False, "steps": 5, "exp_time": 2.0}
    assert parse("line samx 0 1 --steps 3").name == "line_scan"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("ascan samx -1 1", "ascan needs intervals (many), as in: ascan samx"),
        ("ascan samx -1", "stop is missing after samx -1"),
        ("ascan samx -1 1 2.5", "ascan intervals: 2.5 is not a whole number"),
        ("ascan samx -1 1 0", "ascan intervals: 0 is below 1"),
        ("ascan samx -1 1 20 -1", "ascan time (s): -1.0 is below 0"),
        ("ascan samx -1 1 20 1 7", "ascan takes motor start stop intervals time:"),
        ("ascan samx -1 1 20 --steps 3", "ascan: steps is given twice, as intervals"),
        ("ascan samz -1 1 20", "no device 'samz'"),
    ],
)
def test_a_wrong_word_is_named_as_it_is_called_there(line, said):
    assert said in refusal(line)


def test_tab_and_help_know_the_words_of_a_form():
    def candidates(text):
        return dict(language.complete_line(text, CATALOGUE, DEVICES))

    assert candidates("as") == {"ascan": "as elsewhere"}
    assert candidates("li")["line"] == "same as line_scan"
    assert set(candidates("ascan ")) == set(DEVICES)
    assert "--monitored" in candidates("ascan samx 0 1 20 0.1 ")
    told = language.help_text("ascan", CATALOGUE)
    assert told.startswith("ascan motor start stop intervals [time]\n")
    assert "A form of: line_scan" in told
    assert "default true" in told
    assert "ascan motor start stop intervals [time]" in language.help_text(
        "line_scan", CATALOGUE
    )
    shown = language.call_signature(language.find_signature("ascan", CATALOGUE))
    assert shown.parameters["steps"].default is not inspect.Parameter.empty
    assert shown.parameters["relative"].default is True


REGIONS = [[0.0, 1.0, 5.0], [2.5, 3.0, 11.0]]


@pytest.mark.parametrize(
    "word",
    ["[[0,1,5],[2.5,3,11]]", "[[0, 1., 5], [25e-1, 3, 11]]", '"[[0,1,5],[2.5,3,11]]"'],
)
def test_lists_in_a_list_are_typed_as_one_writes_them(word):
    found = parse(f"line_scan samx 0 1 --steps 3 --regions {word}")
    assert found.kwargs["regions"] == REGIONS
    assert "--regions [[0,1,5],[2.5,3,11]]" in language.format_line(found)


@pytest.mark.parametrize(
    "value", [REGIONS, tuple(map(tuple, REGIONS)), np.array(REGIONS)]
)
def test_lists_in_a_list_are_given_in_python_as_one_has_them(value):
    assert python("samx", 0, 1, 2, regions=value).kwargs["regions"] == REGIONS


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("[[0,1]]", "has a list of 2, not of 3"),
        ("[]", "is empty"),
        ("[0,1,5]", "is not a list of lists of numbers like [[0,1,5],[2,3,11]]"),
        ("[[0,1,x]]", "is not a list of lists of numbers"),
        ("[[0,1,NaN]]", "is not finite"),
        ("[[0,1,[5]]]", "is not a list of lists of numbers"),
        ("[[[0]]]", "is not a list of lists of numbers"),
        ("[[0,1,-10]]", "-10.0 is below -9"),
        pytest.param(
            "[" * 5000 + "]" * 5000, "is not a list of lists of numbers", id="deep"
        ),
    ],
)
def test_lists_of_another_shape_are_refused(word, said):
    assert said in refusal(f"line_scan samx 0 1 --steps 3 --regions {word}")


def test_devices_are_listed_with_or_without_brackets_or_as_things():
    for word in ("samx,slit.gap", "[samx,slit.gap]", '["samx", "slit.gap"]'):
        found = parse(f"line_scan samx 0 1 --steps 3 --monitored {word}")
        assert found.kwargs["monitored"] == ["samx", "slit_gap"]
        assert "--monitored [samx,slit_gap]" in language.format_line(found)
        assert parse(language.format_line(found)) == found
    things = [SimpleNamespace(name="samx"), "samy"]
    assert python("samx", 0, 1, 2, monitored=things).kwargs["monitored"] == [
        "samx",
        "samy",
    ]
    one = python("samx", 0, 1, 2, monitored=things[0]).kwargs["monitored"]
    assert one == ["samx"]
    said = "no device 'samz'"
    assert said in refusal("line_scan samx 0 1 --steps 3 --monitored [samx,samz]")


FLOATS = st.floats(-9, 1e300)
TRIPLE = st.lists(FLOATS, min_size=3, max_size=3)
BOX = st.lists(TRIPLE, min_size=2, max_size=2)


@given(
    regions=st.lists(TRIPLE, min_size=1, max_size=3),
    boxes=st.lists(BOX, min_size=1, max_size=3),
    monitored=st.lists(st.sampled_from(DEVICES), max_size=3),
)
def test_lists_that_are_written_out_are_read_back(regions, boxes, monitored):
    options = {"regions": regions, "boxes": boxes, "monitored": monitored}
    request = python("samx", 0, 1, 2, **options)
    assert parse(language.format_line(request)) == request
