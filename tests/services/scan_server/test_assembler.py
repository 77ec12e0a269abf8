"""Words become a definition, or an error that names the word and what was allowed."""

import numpy as np
import pytest
from hypothesis import given, strategies as st

from bec_kernel.errors import RefusedError
from bec_kernel.wire import Device, Parameter, ScanRequest
from bec_services.scan_server.accept.assembler import Catalogue, bind, check, unknown
from bec_services.scan_server.scans import Acquire, GridScan, LineScan, ListScan, Move

CATALOGUE = Catalogue([Acquire, GridScan, LineScan, ListScan, Move])
DEVICES = {
    name: Device(name=name, server="main", device_class="m")
    for name in ("samx", "samy")
}


def words(name, *args, **kwargs):
    request = ScanRequest(request_id="r", name=name, args=list(args), kwargs=kwargs)
    return bind(CATALOGUE.find(name), request, DEVICES)


def test_aliases_find_their_scan():
    assert CATALOGUE.find("ascan").name == "line_scan"
    assert CATALOGUE.find("ct").name == "acquire"


def test_words_are_bound_by_bundle_and_options_get_their_defaults():
    bound = words("line_scan", "samx", 0, 1, "samy", 2, 3, steps=5.0)
    assert bound.bundles == [["samx", 0.0, 1.0], ["samy", 2.0, 3.0]]
    assert bound.motors == ["samx", "samy"]
    assert bound["steps"] == 5
    assert bound["relative"] is False
    assert bound["burst_at_each_point"] == 1


@pytest.mark.parametrize(
    ("name", "args", "kwargs", "said"),
    [
        ("line_scam", [], {}, "did you mean line_scan?"),
        ("line_scan", ["samz", 0, 1], {"steps": 3}, "no device 'samz'; did you mean"),
        ("line_scan", ["samx", 0, 1], {"stepps": 3}, "did you mean steps?"),
        ("line_scan", ["samx", 0, 1], {}, "line_scan needs steps"),
        ("line_scan", ["samx", 0], {"steps": 3}, "2 words do not fit"),
        ("line_scan", [], {"steps": 3}, "at least 1 times, not 0"),
        ("grid_scan", ["samx", 0, 1, 3], {}, "at least 2 times, not 1"),
        ("acquire", ["samx"], {}, "takes options only, not 'samx'"),
        ("mv", ["samx", 1, "samx", 2], {}, "samx is named twice"),
        ("mv", [["samx"], 1], {}, "motor must be the name of a device"),
        ("list_scan", ["samx", []], {}, "a list of finite numbers"),
        ("list_scan", ["samx", [1, "2"]], {}, "a list of finite numbers"),
    ],
)
def test_a_wrong_word_is_named(name, args, kwargs, said):
    with pytest.raises(RefusedError) as error:
        words(name, *args, **kwargs)
    assert said in str(error.value)
    assert error.value.allowed or error.value.subject


NEVER = [None, "1", b"1", True, float("nan"), float("inf"), [1], {}, np.zeros(2), 1j]


@pytest.mark.parametrize("kind", ["int", "float"])
@pytest.mark.parametrize("value", NEVER, ids=repr)
def test_what_is_no_number_is_refused(kind, value):
    with pytest.raises(RefusedError, match="x must be a"):
        check(Parameter(name="x", kind=kind), value, {})


@pytest.mark.parametrize("value", [1.5, 2**53 + 2, 1e300, 10**400])
def test_what_is_no_whole_number_of_this_world_is_refused(value):
    with pytest.raises(RefusedError, match="a whole number"):
        check(Parameter(name="x", kind="int"), value, {})


def test_ranges_and_choices_are_kept():
    limited = Parameter(name="x", kind="float", low=0.0, high=2.0)
    assert check(limited, 2, {}) == 2.0
    with pytest.raises(RefusedError, match="x must be at least 0, not -1"):
        check(limited, -1, {})
    with pytest.raises(RefusedError, match="x must be at most 2, not 3"):
        check(limited, 3, {})
    chosen = Parameter(name="x", kind="str", choices=["a", "b"])
    with pytest.raises(RefusedError, match="x must be one of a, b, not 'c'"):
        check(chosen, "c", {})


def test_a_long_word_is_repeated_in_part():
    assert len(str(unknown("scan", "x" * 10**6, ["line_scan"]))) < 200


ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner),
    max_leaves=6,
)


@given(
    name=st.sampled_from(["line_scan", "grid_scan", "list_scan", "acquire", "mv"]),
    args=st.lists(ANY | st.sampled_from(["samx", "samy", 0, 1]), max_size=8),
    kwargs=st.dictionaries(
        st.text(max_size=5) | st.sampled_from(["steps", "relative", "fit"]),
        ANY,
        max_size=3,
    ),
)
def test_whatever_is_asked_is_bound_or_refused(name, args, kwargs):
    request = ScanRequest(request_id="r", name=name, args=args, kwargs=kwargs)
    try:
        bound = bind(CATALOGUE.find(name), request, DEVICES)
    except RefusedError as error:
        assert len(str(error)) < 500  # noqa: PT017 - either outcome is right
    else:
        assert set(bound.motors) <= set(DEVICES)
