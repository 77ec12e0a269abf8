"""Words become a request, or one line that names the word."""

import inspect

import numpy as np
import pytest
from hypothesis import given, strategies as st

from bec_kernel import language
from bec_kernel.errors import RefusedError
from bec_kernel.wire import Parameter, ScanRequest, Signature

MOTOR = Parameter(name="motor", kind="device", required=True)
FLOAT = Parameter(name="start", kind="float", unit="motor", required=True)
LINE = Signature(
    name="line_scan",
    doc="Along a line. Both ends are included.",
    bundle=[MOTOR, FLOAT, Parameter(name="stop", kind="float", unit="motor")],
    bundles=(1, 0),
    options=[
        Parameter(name="steps", kind="int", low=1, required=True, doc="points"),
        Parameter(name="relative", kind="bool", default=False),
        Parameter(name="exp_time", kind="float", unit="s", low=0.0, high=100.0),
        Parameter(name="fit", kind="str", default=""),
        Parameter(name="mode", kind="str", choices=["fast", "slow"]),
        Parameter(name="weights", kind="number_list"),
        Parameter(name="detector", kind="device"),
    ],
    aliases=["ascan"],
    example="line_scan samx -5 5 --steps 21",
)
LIST = Signature(
    name="list_scan",
    bundle=[MOTOR, Parameter(name="positions", kind="number_list")],
    bundles=(1, 2),
)
CATALOGUE = {
    "line_scan": LINE,
    "list_scan": LIST,
    "acquire": Signature(name="acquire"),
}
DEVICES = ["samx", "samy", "bpm4i"]


def parse(text: str) -> ScanRequest:
    return language.parse_line(text, CATALOGUE, DEVICES)


def refusal(text: str) -> str:
    with pytest.raises(RefusedError) as caught:
        parse(text)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_line_becomes_a_request():
    request = parse("line_scan samx -5 5 --steps 21 --exp-time 0.01 --relative")
    assert request.name == "line_scan"
    assert request.args == ["samx", -5.0, 5.0]
    assert request.kwargs == {"steps": 21, "exp_time": 0.01, "relative": True}
    assert request.request_id == ""


def test_the_same_words_in_python_make_the_same_request():
    words = parse("line_scan samx -5 5 samy 0 1 --steps 3 --weights [1,2]")
    args = ["samx", -5, 5, "samy", np.float64(0), np.int64(1)]
    kwargs = {"steps": np.int64(3), "weights": np.array([1, 2]), "fit": None}
    assert language.request_of(LINE, args, kwargs, DEVICES) == words


def test_options_take_dashes_underscores_and_equals():
    one = parse("ascan samx 0 1 --steps=3 --exp_time 1")
    assert one.kwargs == {"steps": 3, "exp_time": 1.0}
    assert parse("line_scan --exp-time=1 samx 0 1 --steps 3").args == one.args


def test_a_flag_can_be_denied_and_spelled_out():
    base = "line_scan samx 0 1 --steps 3 "
    assert parse(base + "--no-relative").kwargs["relative"] is False
    assert parse(base + "--relative false").kwargs["relative"] is False
    assert parse(base + "--relative=true").kwargs["relative"] is True


def test_lists_may_have_blanks_and_no_brackets():
    for text in ("[1, 2 ,3]", "[1,2,3,]", "1,2,3", "[1.0 ,2e0,+3]"):
        assert parse(f"list_scan samx {text}").args == ["samx", [1.0, 2.0, 3.0]]


def test_metadata_keeps_numbers_and_quoted_texts_apart():
    text = "acquire --metadata n=5 --metadata name='7 of 9' --metadata ok=true"
    assert parse(text).metadata == {"n": 5, "name": "7 of 9", "ok": True}
    assert parse('acquire --metadata sample="7"').metadata == {"sample": "7"}
    assert parse("acquire --metadata x=[1,2]").metadata == {"x": [1, 2]}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "no scan is named"),
        ("lin_scan samx 0 1", "no scan 'lin_scan': did you mean line_scan?"),
        ("lin samx 0 1", "no scan 'lin': did you mean line_scan?"),
        ("li samx 0 1", "did you mean line_scan or list_scan?"),
        ("line_scan smx 0 1 --steps 3", "no device 'smx': did you mean samx?"),
        ("line_scan samx 0 1 --step 3", "--step: did you mean --steps?"),
        ("line_scan samx 0 1", "line_scan needs --steps (points)"),
        ("line_scan samx 0 --steps 3", "stop is missing after samx 0"),
        ("line_scan samx 0 1 3", "3 is not a device; did you mean --steps 3?"),
        ("line_scan samx 0 1 3 --steps 3", "no device '3'"),
        ("line_scan --steps 3", "line_scan needs motor start stop"),
        ("line_scan samx 0 1 --steps abc", "'abc' is not a whole number"),
        ("line_scan samx 0 1 --steps 2.5", "2.5 is not a whole number"),
        ("line_scan samx 0 1 --steps 0", "steps: 0 is below 1"),
        ("line_scan samx 0 1 --steps", "--steps needs a value"),
        ("line_scan samx 0 1 --steps 3 --steps 4", "--steps is given twice"),
        ("line_scan samx 0 nan --steps 3", "stop: 'nan' is not a number"),
        ("line_scan samx 0 1e999 --steps 3", "is not finite"),
        ("line_scan samx 0 1 --steps 3 --exp-time 101", "(s): 101.0 is above 100"),
        ("line_scan samx 0 1 --steps 3 --mode odd", "none of fast, slow"),
        ("line_scan samx 0 1 --steps 3 --relative=1", "is not true or false"),
        ("line_scan samx 0 1 --steps 3 --detector bpm", "did you mean bpm4i?"),
        ("list_scan samx [1,b]", "is not a list of numbers"),
        ("list_scan samx []", "is empty"),
        ("list_scan samx 1 samx 1 samx 1", "at most 2 times, not 3"),
        ("acquire 3", "acquire takes no positional words: '3'"),
        ("acquire --metadata 3", "--metadata takes name=value"),
        ("acquire 'open", "a closing ' is missing"),
        ("list_scan samx [1,2", "a closing ] is missing"),
    ],
)
def test_a_bad_word_is_named_before_anything_is_sent(text, said):
    assert said in refusal(text)


def test_python_is_told_which_option_a_surplus_number_is():
    with pytest.raises(RefusedError, match=r"did you mean steps=3\?"):
        language.request_of(LINE, ["samx", -5, 5, 3], {}, DEVICES)
    with pytest.raises(RefusedError, match=r"did you mean steps=3\?"):
        language.request_of(LINE, ["samx", -5, 5, np.int64(3)], {}, DEVICES)


def test_python_values_of_another_type_are_refused():
    for args, kwargs in (
        (["samx", 0, True], {"steps": 3}),
        (["samx", 0, float("nan")], {"steps": 3}),
        (["samx", 0, 10**400], {"steps": 3}),
        ([None, 0, 1], {"steps": 3}),
        (["samx", 0, 1], {"steps": "3"}),
        (["samx", 0, 1], {"steps": 2**70}),
        (["samx", 0, 1], {"steps": 3, "metadata": 5}),
        (["samx", 0, 1], {"steps": 3, "scan_queue": 5}),
        (["samx", 0, 1], {"steps": 3, "weights": [[1]]}),
    ):
        with pytest.raises(RefusedError):
            language.request_of(LINE, args, kwargs, DEVICES)


@pytest.mark.parametrize(
    ("kwargs", "said"),
    [
        ({}, "line_scan needs steps= (points)"),
        ({"steps": 3, "exp": 1}, "exp=: did you mean exp_time=?"),
    ],
)
def test_an_error_writes_an_option_as_python_does(kwargs, said):
    with pytest.raises(RefusedError) as caught:
        language.request_of(LINE, ["samx", 0, 1], kwargs, DEVICES)
    assert said in str(caught.value)


def test_the_error_tells_what_was_allowed():
    with pytest.raises(RefusedError) as caught:
        parse("line_scan samx 0 1 --steps 0")
    assert caught.value.subject == "steps"
    assert caught.value.value == "0"
    assert caught.value.allowed == "1 <= a whole number"


def candidates(text: str) -> list[str]:
    return [word for word, _ in language.complete_line(text, CATALOGUE, DEVICES)]


def test_tab_knows_scans_devices_options_and_choices():
    assert candidates("li") == ["line_scan", "list_scan"]
    assert candidates("line_scan sam") == ["samx", "samy"]
    assert candidates("line_scan samx 0 1 --ex") == ["--exp-time"]
    assert candidates("line_scan samx 0 1 --mode ") == ["fast", "slow"]
    assert candidates("line_scan samx 0 1 --detector b") == ["bpm4i"]
    assert candidates("line_scan samx 0 ") == []
    assert "--steps" in candidates("line_scan samx 0 1 ")
    assert "--steps" not in candidates("line_scan samx 0 1 --steps 3 --")
    assert candidates("nonsense ") == []
    assert candidates("line_scan samx 0 1 --dr") == ["--dry"]
    assert candidates("line_scan samx 0 1 --dry --dr") == []


def test_tab_tells_the_unit_of_an_option():
    found = dict(language.complete_line("line_scan samx 0 1 --", CATALOGUE, DEVICES))
    assert found["--exp-time"].startswith("s")
    assert found["--steps"] == "points"


def test_help_names_every_parameter_and_an_example():
    text = language.help_text("ascan", CATALOGUE)
    for part in (
        "Along a line",
        "--steps",
        "--metadata",
        "--scan-queue",
        "from 1",
        "line_scan samx -5 5",
    ):
        assert part in text


def test_python_sees_a_signature():
    shown = language.call_signature(LINE)
    assert shown.parameters["steps"].default is inspect.Parameter.empty
    assert shown.parameters["relative"].default is False
    assert shown.parameters["scan_queue"].default == "primary"
    assert "metadata: dict | None = None" in str(shown)


names = st.from_regex(r"[a-z][a-z_0-9]{0,8}", fullmatch=True)
floats = st.floats(allow_nan=False, allow_infinity=False)
scalars = st.one_of(st.text(), st.booleans(), floats, st.integers(-(2**62), 2**62))
bundles = st.tuples(st.sampled_from(DEVICES), floats, floats)


@given(
    bundles=st.lists(bundles, min_size=1, max_size=3),
    kwargs=st.fixed_dictionaries(
        {"steps": st.integers(1, 2**53)},
        optional={
            "relative": st.booleans(),
            "exp_time": st.floats(0, 100),
            "fit": st.text(),
            "mode": st.sampled_from(["fast", "slow"]),
            "weights": st.lists(floats, min_size=1, max_size=4),
            "detector": st.sampled_from(DEVICES),
        },
    ),
    metadata=st.dictionaries(names, scalars, max_size=3),
    queue=names,
)
def test_what_is_written_out_is_read_back(bundles, kwargs, metadata, queue):
    args = [value for bundle in bundles for value in bundle]
    given_ = {**kwargs, "metadata": metadata, "scan_queue": queue}
    request = language.request_of(LINE, args, given_, DEVICES)
    assert parse(language.format_line(request)) == request


WORDS = "line_scan list_scan samx -- --steps --no- -5 1e5 [1, ] --metadata a=b nan ٣"
pieces = st.sampled_from([*WORDS.split(), "'", '"', "\\", "=", "{", "}", " "])


@given(
    st.one_of(st.text(), st.lists(pieces).map("".join), st.lists(pieces).map(" ".join))
)
def test_garbage_is_refused_and_never_anything_worse(text):
    language.complete_line(text, CATALOGUE, DEVICES)
    for line in (text, f"line_scan samx 0 1 --steps 3 {text}"):
        try:
            request = parse(line)
        except RefusedError:
            continue
        assert parse(language.format_line(request)) == request


def test_in_python_one_device_stands_for_a_list_of_one():
    more = Parameter(name="monitored", kind="device_list")
    signature = Signature(name="count", options=[more])
    for given_ in ("samx", ["samx"]):
        request = language.request_of(signature, [], {"monitored": given_}, DEVICES)
        assert request.kwargs == {"monitored": ["samx"]}
