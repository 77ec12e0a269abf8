"""Words become a definition, or an error that names the word and what was allowed."""

import numpy as np
import pytest
from hypothesis import given, strategies as st

from bec_kernel import language
from bec_kernel.errors import RefusedError
from bec_kernel.language import refuse_unknown
from bec_kernel.language.parameter import LARGEST, check
from bec_kernel.wire import Device, Parameter, ScanRequest
from bec_services.scan_server.accept.assembler import Catalogue, bind
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
        ("line_scan", ["samz", 0, 1], {"steps": 3}, "no device 'samz': did you mean"),
        ("line_scan", ["samx", 0, 1], {"stepps": 3}, "did you mean steps=?"),
        ("line_scan", ["samx", 0, 1], {}, "line_scan needs steps"),
        ("line_scan", ["samx", 0], {"steps": 3}, "stop is missing after samx 0"),
        ("line_scan", [], {"steps": 3}, "line_scan needs motor start stop, as in: "),
        ("grid_scan", ["samx", 0, 1, 3], {}, "at least 2 times, not 1"),
        ("acquire", ["samx"], {}, "takes no positional words: 'samx'"),
        ("mv", ["samx", 1, "samx", 2], {}, "mv: samx is named twice"),
        ("mv", [["samx"], 1], {}, "mv motor: ['samx'] is not a device"),
        ("list_scan", ["samx", []], {}, "[] is empty"),
        ("list_scan", ["samx", [1, "2"]], {}, "is not a list of numbers"),
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
    with pytest.raises(RefusedError, match=r"scan x: .* is not"):
        check("scan", Parameter(name="x", kind=kind), value, {})


@pytest.mark.parametrize("value", [1.5, 2**53 + 2, 1e300, 10**400])
def test_what_is_no_whole_number_of_this_world_is_refused(value):
    with pytest.raises(RefusedError, match=r"a whole number|too large"):
        check("scan", Parameter(name="x", kind="int"), value, {})


def test_ranges_and_choices_are_kept():
    limited = Parameter(name="x", kind="float", low=0.0, high=2.0)
    assert check("scan", limited, 2, {}) == 2.0
    with pytest.raises(RefusedError, match=r"x: -1\.0 is below 0"):
        check("scan", limited, -1, {})
    with pytest.raises(RefusedError, match=r"x: 3\.0 is above 2"):
        check("scan", limited, 3, {})
    chosen = Parameter(name="x", kind="str", choices=["a", "b"])
    with pytest.raises(RefusedError, match="x: 'c' is none of a, b"):
        check("scan", chosen, "c", {})


def test_a_long_word_is_repeated_in_part():
    assert len(str(refuse_unknown("scan", "x" * 10**6, ["line_scan"]))) < 200


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


# --- one binder for client and server -------------------------------------------------
SIGNATURES = [scan.signature() for scan in CATALOGUE.scans.values()]
FORMS = [language.as_signature(one, form) for one in SIGNATURES for form in one.forms]
NUMBER = st.integers(-3, 60) | st.floats(-1e3, 1e3) | st.sampled_from([2**53, 2**60])


def fitting(parameter):
    """Values of the kind of a parameter, some of them out of its range."""
    return {
        "device": st.sampled_from(["samx", "samy", "samz"]),
        "bool": st.booleans(),
        "str": st.sampled_from(["", "a", "Gaussian", "ring above 80"]),
        "int": NUMBER | st.integers(1, 10),
        "number_list": st.lists(NUMBER, max_size=3),
        "device_list": st.lists(st.sampled_from(["samx", "samy"]), max_size=2),
    }.get(parameter.kind, NUMBER)


@st.composite
def calls(draw):
    """A call of a scan or a form: mostly sensible, sometimes anything."""
    signature = draw(st.sampled_from(SIGNATURES + FORMS))
    count = draw(st.integers(0, 3))
    args = [
        draw(fitting(p) | ANY if draw(st.integers(0, 20)) == 0 else fitting(p))
        for _ in range(count)
        for p in signature.bundle
    ]
    options = (
        draw(st.lists(st.sampled_from(signature.options), max_size=4))
        if (signature.options)
        else []
    )
    options += [p for p in signature.options if p.required]
    kwargs = {p.name: draw(fitting(p)) for p in options}
    return signature, args, kwargs


def outcome(bind_it):
    """The bound values, or None where they are refused."""
    try:
        return bind_it()
    except RefusedError:
        return None


@given(call=calls())
def test_client_and_server_accept_the_same_with_equal_values(call):
    signature, args, kwargs = call
    scan = CATALOGUE.find(signature.name)
    names = [*DEVICES]

    def client():
        made = outcome(lambda: language.request_of(signature, args, kwargs, names))
        # What a client has accepted, the server never refuses: this would raise.
        refused = made is None
        return None if refused else bind(scan, made, DEVICES)

    def server():
        asked = ScanRequest(
            request_id="r", name=signature.name, args=args, kwargs=kwargs
        )
        return bind(scan, asked, DEVICES)

    assert client() == outcome(server)


@pytest.mark.parametrize("number", [2**53 + 1, 2**60, 2**63 - 1, 2**63, -(2**60)])
def test_client_and_server_refuse_a_large_whole_number_in_one_text(number):
    line = f"line_scan samx 0 1 --steps {number}"
    signatures = {one.name: one for one in SIGNATURES}
    with pytest.raises(RefusedError) as client:
        language.parse_line(line, signatures, [*DEVICES])
    with pytest.raises(RefusedError) as server:
        words("line_scan", "samx", 0, 1, steps=number)
    said = f"is too large for a whole number: up to {LARGEST}"
    assert said in str(client.value)
    assert said in str(server.value)
    assert words("line_scan", "samx", 0, 1, steps=LARGEST)["steps"] == LARGEST
