"""Several scans as one: from lines in quotes, and from a `with` block."""

import msgspec
import numpy as np
import pytest

from bec_kernel import language
from bec_kernel.bus.changes import Put
from bec_kernel.errors import RefusedError
from bec_kernel.wire import Forecast, Parameter, Signature, keys
from tests.kernel.client.samples import CATALOGUE, EXPOSURE

MULTI = Signature(
    name="multi",
    doc="Several scans as one.",
    bundle=[Parameter(name="part", kind="scan", required=True)],
    bundles=(1, 0),
    options=[EXPOSURE],
    example='multi "acquire" "mv samy 1"',
)
DRIVEN = Signature(name="interactive", bundle=[], driven=True)
SUFFIX = Parameter(name="file_suffix", kind="str", choices=["a"], whole=True)
COUNT = Signature(name="count", options=[EXPOSURE, SUFFIX])
ALL = CATALOGUE | {"count": COUNT, "multi": MULTI, "interactive": DRIVEN}
DEVICES = ["samx", "samy", "bpm4i"]
LINE = {"name": "line_scan", "args": ["samx", -5.0, 5.0], "kwargs": {"steps": 3}}
MOVE = {"name": "mv", "args": ["samy", 1.0], "kwargs": {}}
TYPED = 'multi "line_scan samx -5 5 --steps 3" "mv samy 1"'


@pytest.fixture(autouse=True)
def published(line):
    line.commit([Put(keys.catalogue(), one, one.name) for one in (MULTI, DRIVEN)])


def parse(text):
    return language.parse_line(text, ALL, DEVICES)


def refusal(text):
    with pytest.raises(RefusedError) as caught:
        parse(text)
    return str(caught.value)


def test_the_words_of_a_part_become_a_request_of_its_own():
    request = parse(f"{TYPED} --exp-time 0.1")
    assert request.args == [LINE, MOVE]
    assert request.kwargs == {"exp_time": 0.1}
    assert parse(TYPED.replace("line_scan", "ascan")).args == [LINE, MOVE]


@pytest.mark.parametrize(
    "text",
    [
        TYPED,
        "multi acquire",
        "multi 'acquire --fit \"two words\"' --metadata sample='a b'",
        "multi 'list_scan samx [1,2.5]' --scan-queue other --nowait",
    ],
)
def test_what_is_written_out_is_read_back(text):
    request = parse(text)
    assert parse(language.format_line(request)) == request


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("multi", "multi needs part, as in: multi "),
        ("multi line_scan samx 0 1 --steps 3", "each part of multi stands in quotes"),
        (
            "multi acquire --exp-tim 3",
            "each part of multi stands in quotes, as in: multi",
        ),
        ("multi 'acquire --exp-time 1' --exp-tim 3", "did you mean --exp-time?"),
        ("multi ''", "part 1: no scan is named"),
        ("multi 'lin_scan'", "part 1: no scan 'lin_scan': did you mean line_scan?"),
        ("multi acquire 'line_scan samx 0 1'", "part 2: line_scan needs --steps"),
        ("multi 'line_scan smx 0 1 --steps 3'", "part 1: no device 'smx': did you"),
        ("multi acquire 'multi acquire'", "part 2: multi cannot be part of a scan"),
        ("multi interactive", "part 1: interactive cannot be part of a scan"),
        ("multi 'acquire --metadata a=1'", "part 1: metadata is given once"),
        ("multi 'acquire --scan-queue b'", "part 1: scan_queue is given once"),
        ("multi 'acquire --nowait'", "part 1: nowait is given once"),
        ("multi 'count --file-suffix a'", "part 1: file_suffix is given once"),
        ("multi 'acquire [1'", "part 1: a closing ] is missing"),
    ],
)
def test_a_bad_word_in_a_part_is_named_before_anything_is_sent(text, said):
    assert said in refusal(text)


def test_tab_within_the_quotes_of_a_part_completes_the_part():
    def candidates(text):
        return [word for word, _ in language.complete_line(text, ALL, DEVICES)]

    assert candidates("mul") == ["multi"]
    assert candidates("multi ") == []
    assert candidates('multi "li') == ["line_scan", "list_scan"]
    assert candidates('multi "acquire" "line_scan sam') == ["samx", "samy"]
    assert candidates('multi "line_scan samx 0 1 --ste') == ["--steps"]
    assert candidates('multi "mul') == []
    assert candidates('multi "count --') == ["--exp-time"]
    assert candidates('multi "count --file-suffix ') == []
    assert candidates("count --file-suffix ") == ["a"]
    assert candidates('multi "nothing --') == []
    assert candidates("multi acquire --exp") == ["--exp-time"]
    assert candidates('multi acquire --metadata "sam') == []


def test_lines_are_parts_in_python_too(bec, server):
    bec.scans.multi("line_scan samx -5 5 --steps 3", "mv samy 1", exp_time=0.1).wait(5)
    assert server.seen[-1].args == [LINE, MOVE]
    with pytest.raises(RefusedError, match="multi part: 3 is not a scan: in quotes"):
        bec.scans.multi(3)


def test_a_block_is_one_scan_when_it_is_left(bec, server):
    with bec.scans.multi(exp_time=0.1) as multi:
        made = bec.scans.line_scan(bec.dev.samx, np.float64(-5), 5, steps=3)
        assert repr(made.wait()) == "part 1: line_scan samx -5 5 --steps 3"
        bec.mv(bec.dev.samy, 1)
        assert bec.dev.samx.read()
        with pytest.raises(RefusedError, match="between the parts of the scan"):
            bec.dev.samx.set(3)
        with pytest.raises(RefusedError, match="interactive cannot be part"):
            bec.scans.interactive()
        assert "mv samy 1" in repr(multi)
        assert not server.running
    multi.report.wait(5)
    assert (server.seen[-1].name, server.seen[-1].args) == ("multi", [LINE, MOVE])
    assert server.seen[-1].kwargs == {"exp_time": 0.1}
    assert repr(multi) == repr(multi.report)
    bec.scans.acquire().wait(5)
    assert server.seen[-1].name == "acquire"


def test_a_block_that_fails_asks_for_nothing(bec, server):
    multi = bec.scans.multi()
    with pytest.raises(RefusedError, match="no scan 'nothing'"), multi:
        bec.run("nothing")
    assert multi.report is None
    assert not server.running
    assert bec.scans.block is None


def test_an_empty_block_is_refused(bec):
    with pytest.raises(RefusedError, match="multi needs part"), bec.scans.multi():
        pass
    assert bec.scans.block is None


def test_a_block_in_a_dry_run_is_a_part_of_it(bec, server):
    asked = []

    def seer(message, reply):
        asked.extend(message.requests)
        return msgspec.structs.replace(reply, value=[Forecast(name="multi")])

    server.seer = seer
    with bec.scans.dry_run() as block:
        with bec.scans.multi():
            bec.scans.acquire()
        assert bec.scans.block is block
    assert bec.scans.block is None
    assert [one.name for one in asked] == ["multi"]
    assert len(block) == 1
