"""What scans would do, as people ask for it and see it."""

import re

import msgspec
import pytest

from bec_kernel import language
from bec_kernel.bus.changes import Append, Id, Put
from bec_kernel.client.scans.dry_run import ScanForecast
from bec_kernel.errors import RefusedError
from bec_kernel.language.labels import duration_text, size_text
from bec_kernel.wire import (
    AxisForecast,
    Forecast,
    Item,
    ItemState,
    Problem,
    QueueState,
    QueueStatus,
    ScanRequest,
    keys,
)
from tests.kernel.client.samples import point

LINE = "line_scan samx -5 5 --steps 3"


def told(request, start):
    """A forecast like the scan server's: motors go where the request says."""
    name, axes = request.name, {}
    path = request.args[1:] if name == "line_scan" else request.args[1:2]
    if request.args:
        axes["samx"] = AxisForecast(
            low=min(path),
            high=max(path),
            end=path[-1],
            limits=(-50.0, 50.0),
            unit="mm",
            path=[float(place) for place in path],
        )
    return Forecast(
        name=name,
        duration=10.0 + start.get("samx", 0.0),
        low=9.5,
        high=10.5 + start.get("samx", 0.0),
        points=request.kwargs.get("steps", 0),
        parts={"move": 8.0, "trigger": 2.0, "read": 0.0},
        axes=axes,
        times=[float(n) for n in range(len(path))],
        size=52_000,
        delay=75.0,
        held={"samx": "scan 3 line_scan of bob"},
        notes=["no scan has measured the dead times of its detectors yet"],
    )


def seer(message, reply):
    """Answer a dry run as the real scan server does."""
    if message.requests[0].metadata.get("refuse"):
        problem = Problem(kind="RefusedError", message="samx is away")
        return msgspec.structs.replace(reply, problem=problem)
    found, start = [], dict(message.positions)
    for request in message.requests:
        found.append(told(request, start))
        start |= {name: axis.end for name, axis in found[-1].axes.items()}
    return msgspec.structs.replace(reply, value=found)


@pytest.fixture(autouse=True)
def foresight(server):
    server.seer = seer


def test_a_scan_function_says_what_it_would_do_and_does_nothing(bec, server):
    found = bec.scans.line_scan.dry_run(bec.dev.samx, -5, 5, steps=3)
    assert (found.duration, found.points) == (10.0, 3)
    assert found.told.axes["samx"].end == 5.0
    assert not server.running
    assert bec.scans.line_scan.dry_run.__doc__ == bec.scans.line_scan.__doc__


def test_what_is_shown_is_always_the_same(bec):
    found = bec.scans.line_scan.dry_run("samx", -5, 5, steps=3)
    assert repr(found) == (
        "line_scan samx -5 5 --steps 3: 3 points, 10.0 s (9.5 s to 10.5 s)\n"
        "motor  from  to  limits     ends at\n"
        "-----  ----  --  ---------  -------\n"
        "samx   -5    5   -50 to 50  5 mm\n"
        "time: move 8 s, trigger 2 s\n"
        "file: about 52 kB\n"
        "begins: in 1 min 15 s\n"
        "in use: samx, by scan 3 line_scan of bob\n"
        "note: no scan has measured the dead times of its detectors yet"
    )
    html = found._repr_html_()
    assert html == found._repr_html_()
    assert html.count("<svg") == 1
    assert "samx, mm" in html
    assert "time, s" in html


def test_a_line_and_a_block_of_lines_are_told_at_once(bec, server):
    block = bec.scans.dry_run("mv samx 5", LINE)
    assert [one.duration for one in block] == [10.0, 15.0]
    assert block.duration == 25.0
    assert block.spread == (19.0, 26.0)
    assert repr(block).splitlines() == [
        "2 in 25.0 s (19.0 s to 26.0 s), 3 points",
        "   scan                           points  takes   begins after",
        "-  -----------------------------  ------  ------  ------------",
        "1  mv samx 5                              10.0 s  0 s",
        "2  line_scan samx -5 5 --steps 3  3       15.0 s  10.0 s",
    ]
    assert len(server.seen) == 1


def test_in_a_block_nothing_moves_whatever_is_asked(bec, server):
    with bec.scans.dry_run() as block:
        bec.mv("samx", 7)
        for _ in range(2):
            bec.scans.line_scan("samx", -5, 5, steps=3).wait()
        bec.run(LINE)
        with pytest.raises(RefusedError, match="this is a dry run"):
            bec.dev.samx.set(3)
        assert bec.dev.samx.read()
    assert [one.duration for one in block] == [10.0, 17.0, 15.0, 15.0]
    assert not server.running
    bec.run(LINE).wait()
    assert len(server.running) == 1


def test_a_block_that_fails_is_over(bec, server):
    with pytest.raises(ZeroDivisionError), bec.scans.dry_run():
        raise ZeroDivisionError
    bec.run(LINE).wait()
    assert server.running


def test_what_would_be_refused_is_refused(bec):
    request = ScanRequest(request_id="", name="acquire", metadata={"refuse": "x"})
    with pytest.raises(RefusedError, match="samx is away"):
        bec.scans.dry_run(request)
    with pytest.raises(RefusedError, match="did you mean line_scan"):
        bec.scans.dry_run("lin_scan samx 0 1 --steps 3")


@pytest.mark.parametrize(
    ("line", "rest", "dry"),
    [
        (LINE, LINE, False),
        (f"{LINE} --dry", LINE, True),
        (f"--dry {LINE}", LINE, True),
        ("line_scan samx --dry -5 5", "line_scan samx -5 5", True),
        (f"--dry {LINE} --dry", LINE, True),
        ("acquire --metadata 'a=x --dry y'", None, False),
        ("acquire --metadata 'a=x --dry y' --dry", None, True),
        ('acquire --metadata "--dry"', None, False),
        ("acquire --dryness", None, False),
    ],
)
def test_the_word_for_a_dry_run_may_stand_anywhere(line, rest, dry):
    found = language.take_dry(line)
    assert found[1] is dry
    if rest is not None:
        assert found[0] == rest
    elif dry:
        assert f"{found[0]} --dry" == line


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.0, "0 s"),
        (0.25, "0.25 s"),
        (12.34, "12.3 s"),
        (59.99, "60.0 s"),
        (185.2, "3 min 5 s"),
        (7380, "2 h 3 min"),
    ],
)
def test_a_length_of_time_in_words(seconds, words):
    assert duration_text(seconds) == words


def test_a_size_in_words():
    assert [size_text(n) for n in (12, 52_300, 4e9)] == ["12 B", "52.3 kB", "4 GB"]


def test_the_queue_tells_when_each_item_begins_and_ends(bec, server):
    for number, seconds in enumerate((30.0, 90.0, None)):
        request = ScanRequest(request_id=f"s{number}", name="acquire")
        item = Item(
            scan_id=f"s{number}",
            user="tester",
            request=request,
            rank=float(number),
            state=ItemState.PENDING if number else ItemState.RUNNING,
            estimate=seconds,
            points=4 if number == 0 else 0,
        )
        server.bus.commit([Put(keys.items(), item, item.scan_id)])
    server.bus.commit([Append(keys.points("s0"), point(0), Id.of(0))])
    rows = [re.split(" {2,}", line) for line in repr(bec.queue).splitlines()[3:]]
    assert rows == [
        ["", "tester", "acquire", "running", "in 22.5 s"],
        ["1", "tester", "acquire", "pending", "in 22.5 s", "in 1 min 52 s"],
        ["2", "tester", "acquire", "pending", "in 1 min 52 s", "?"],
    ]
    paused = QueueStatus(name="primary", state=QueueState.PAUSED, reason="by ada")
    server.bus.commit([Put(keys.queues(), paused, "primary")])
    last = re.split(" {2,}", repr(bec.queue).splitlines()[-1])
    assert last[4:] == ["when queue primary goes on", "?"]


def test_a_forecast_says_what_its_begin_waits_for():
    waits = Forecast(name="acquire", delay=None, until="queue primary goes on")
    request = ScanRequest(request_id="", name="acquire")
    assert "begins: when queue primary goes on" in repr(ScanForecast(request, waits))
    waits = msgspec.structs.replace(waits, until="")
    assert "begins: at an unknown time" in repr(ScanForecast(request, waits))
