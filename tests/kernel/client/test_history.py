"""The history: on the bus by number, in the database by what one remembers."""

import threading
import time
from datetime import UTC, datetime

import msgspec
import numpy as np
import pytest

from bec_kernel.bus.changes import Append, Id, Put
from bec_kernel.client.history import command
from bec_kernel.errors import DeadlineError, RefusedError
from bec_kernel.testing import MemoryBus
from bec_kernel.wire import (
    AnnotateScan,
    Baseline,
    Begin,
    Device,
    FoundScans,
    Heartbeat,
    Log,
    PastScan,
    Problem,
    Reading,
    Remark,
    Reply,
    Sample,
    Samples,
    ScanRequest,
    ScanState,
    SignalDescription,
    Taken,
    keys,
)
from tests.kernel.client.samples import point

T0 = 1_700_000_000.0


class SciHub(threading.Thread):
    """Tells what a test has put into `scans`, two in a page; notes what was asked."""

    def __init__(self, bus):
        super().__init__(daemon=True)
        self.bus = bus
        self.over = threading.Event()
        self.asks = []
        self.scans = []
        beat = Heartbeat(
            service="scihub", pid=1, state="running", version="", time=time.time()
        )
        bus.commit([Put(keys.heartbeats["scihub"]("main"), beat)])

    def run(self):
        inbox = keys.scihub_asks("tester")
        log, at = Log(inbox.name, inbox.type), Id(0)
        while not self.over.is_set():
            for _, entries in self.bus.follow({log: at}, 0.05):
                for entry in entries:
                    at = entry.id
                    self.answer(inbox.replies, entry.message)

    def answer(self, log, ask):
        self.asks.append(ask)
        value = problem = None
        if not isinstance(ask, AnnotateScan):
            fits = [s for s in self.scans if s.scan_id.startswith(ask.scan_id)]
            fits = [s for s in fits if not ask.below or s.number < ask.below]
            page = fits[: min(2, ask.limit)]
            value = FoundScans(
                scans=page, below=page[-1].number if len(fits) > len(page) else 0
            )
        elif ask.comment == "bad":
            problem = Problem(kind="RefusedError", message="too bad")
        reply = Reply(request_id=ask.request_id, asked="", value=value, problem=problem)
        self.bus.commit([Append(log, reply)])


@pytest.fixture
def scihub(broker):
    hub = SciHub(MemoryBus(broker, "scihub"))
    hub.start()
    yield hub
    hub.over.set()
    hub.join(5)


def past(number, **fields):
    known = {
        "scan_id": f"{number:032x}",
        "number": number,
        "name": "line_scan",
        "user": "ada",
        "state": "closed",
        "reason": "done",
        "points": 21,
        "args": ["samx", -5, 5],
        "kwargs": {"steps": 21},
        "file": f"/files/S{number}.h5",
        "start_time": T0,
        "end_time": T0 + 9,
    }
    return PastScan(**{**known, **fields})


def test_scans_are_a_table_with_one_row_a_scan(bec):
    for steps in (2, 3):
        bec.scans.line_scan("samx", 0, 1, steps=steps, metadata={"sample": "gold"})
    bec.history[-1].wait(5)
    assert repr(bec.history).splitlines() == [
        "scan  begun  user    request                       state   points  sample",
        "----  -----  ------  ----------------------------  ------  ------  ------",
        "1            tester  line_scan samx 0 1 --steps 2  closed  2       gold",
        "2            tester  line_scan samx 0 1 --steps 3  closed  3       gold",
    ]
    assert bec.history._repr_html_().count("<tr>") == 3
    assert bec.history[-1:].numbers == [2]
    assert bec.history[1:].numbers == [1, 2]
    assert bec.history[1:2][0].scan_number == 1
    assert bec.history[:0].numbers == []


@pytest.mark.parametrize("key", [1.5, None, True, (1,), b"x"])
def test_a_key_that_is_neither_number_nor_id_is_refused(bec, key):
    with pytest.raises(TypeError, match=r"number or id.*history\.find"):
        bec.history[key]


def test_a_number_of_numpy_is_a_number(bec):
    bec.scans.line_scan("samx", 0, 1, steps=2).wait(5)
    assert bec.history[np.int64(1)].scan_number == 1


def test_a_scan_is_found_by_its_id_or_the_begin_of_it(bec, scihub):
    scihub.scans = [past(0x3F), past(7, scan_id="ab" * 16), past(2, scan_id="ac" * 16)]
    assert bec.history["ab"].scan_number == 7
    assert bec.history["ab" * 16].scan_id == "ab" * 16
    with pytest.raises(KeyError, match="several scans have an id that begins with 'a'"):
        bec.history["a"]
    with pytest.raises(KeyError, match="no scan has the id 'x'"):
        bec.history["x"]
    with pytest.raises(KeyError, match="empty"):
        bec.history[" "]


def test_a_number_the_bus_has_forgotten_is_asked_of_the_database(bec, server, scihub):
    taken = Taken(scan_id="x", scan_number=100, name="acquire", user="ada")
    server.bus.commit([Append(keys.scans(), taken, Id(100))])
    scihub.scans = [past(9), past(7)]
    assert bec.history[7].scan_id == past(7).scan_id
    assert bec.history[6:10].numbers == [7, 9]
    with pytest.raises(IndexError, match="no scan 8: there are 1 to 100"):
        bec.history[8]


def test_an_id_on_the_bus_needs_no_database(bec):
    report = bec.scans.line_scan("samx", 0, 1, steps=2).wait(5)
    assert bec.history[report.scan_id].scan_number == 1


def test_all_that_is_found_comes_page_by_page_newest_last(bec, scihub):
    scihub.scans = [past(number) for number in (5, 4, 3, 2, 1)]
    assert bec.history.find().numbers == [1, 2, 3, 4, 5]
    assert [ask.below for ask in scihub.asks] == [0, 4, 2]
    assert bec.history.find(limit=3).numbers == [3, 4, 5]
    with pytest.raises(RefusedError, match="limit=0"):
        bec.history.find(limit=0)


def test_what_is_looked_for_is_asked_of_the_database(bec, scihub):
    bec.history.find(
        "low",
        name="line*",
        user="ada",
        status=ScanState.CLOSED,
        device=bec.dev.samx,
        sample="gold",
        tag="fig3",
        metadata={"run": 7, "kind": "test"},
        since=T0,
        until=datetime.fromtimestamp(T0 + 60, UTC),
    )
    (ask,) = scihub.asks
    assert (ask.name, ask.user, ask.state) == ("line*", "ada", "closed")
    assert (ask.device, ask.sample, ask.text) == ("samx", "gold", "low")
    assert (ask.tag, ask.metadata) == ("fig3", {"run": "7", "kind": "test"})
    assert (ask.since, ask.until) == (T0, T0 + 60)


def test_a_scan_that_is_no_longer_on_the_bus_is_told_from_the_database(bec, scihub):
    scihub.scans = [
        past(7, state="aborted", reason="user", metadata={"sample": "gold"})
    ]
    report = bec.history.find()[0]
    assert repr(report).endswith("--steps 21: aborted (user), 21 points")
    assert (report.status, report.is_final) == (ScanState.ABORTED, True)
    assert (report.user, report.scan_number) == ("ada", 7)
    assert str(report.file) == "/files/S7.h5"
    assert (report.start_time, report.end_time) == (T0, T0 + 9)
    assert report.metadata == {"sample": "gold"}
    assert len(scihub.asks) == 2  # to find it, and once for all the rest


def test_scans_that_are_no_longer_on_the_bus_are_followed_by_nobody(
    bec, line, scihub, monkeypatch
):
    scihub.scans = [past(number) for number in (2, 1)]
    for number in (1, 2):
        report = bec.report(f"{number:032x}")
        assert (report.status, report.count) == (ScanState.CLOSED, 21)
        report.watch(0, 0.0)  # looks at its points, too
    seen = threading.Event()
    follow = line.follow

    def note(positions, *args, **kwargs):
        if not any("/scan/" in log.name for log in positions):
            seen.set()
        return follow(positions, *args, **kwargs)

    monkeypatch.setattr(line, "follow", note)
    assert seen.wait(5)


def test_a_database_that_cannot_be_asked_is_said_at_once(bec):
    with pytest.raises(DeadlineError, match="scihub does not run"):
        bec.history.find(name="line_scan")


def test_comments_and_tags_go_to_the_database(bec, scihub):
    report = bec.scans.line_scan("samx", 0, 1, steps=2).wait(5)
    report.comment("beam was low")
    report.tag("good", "fig3")
    report.untag("good")
    said = [(ask.comment, ask.tags, ask.untag) for ask in scihub.asks]
    assert said == [
        ("beam was low", [], []),
        ("", ["good", "fig3"], []),
        ("", [], ["good"]),
    ]
    assert {ask.scan_id for ask in scihub.asks} == {report.scan_id}
    with pytest.raises(RefusedError, match="too bad"):
        report.comment("bad")
    remark = Remark(user="ada", time=T0, text="x")
    scihub.scans = [past(1, scan_id=report.scan_id, comments=[remark], tags=["a"])]
    assert (report.comments, report.tags) == ([remark], ["a"])


# --- data by name ---------------------------------------------------------------------
@pytest.fixture
def report(bec, server):
    """A scan of three points, with a baseline and a stream."""
    stream = SignalDescription(name="gas_flow", stream=["value"], unit="l")
    gas = Device(name="gas", server="main", device_class="Sim", signals=[stream])
    begin = Begin(
        scan_id="s",
        scan_number=1,
        user="tester",
        request=ScanRequest(request_id="s", name="acquire", kwargs={"steps": 3}),
        monitored=["samx", "bpm4i"],
        streaming=["gas"],
        servers=dict.fromkeys(["bpm4i", "gas", "samx"], "main"),
        units={"samx": "mm"},
    )
    how = {"samy": {"samy_velocity": Reading(2.0, T0)}}
    data = {"samy": {"samy": Reading(0.25, T0)}}
    base = Baseline(index=1, data=data, configuration=how)
    samples = [Sample(T0 + n, {"value": n / 2}) for n in range(4)]
    log = keys.streams("s", "gas", "gas_flow")
    server.bus.commit(
        [
            Put(keys.devices("main"), gas, "gas"),
            Append(keys.steps("s"), begin, Id.of(0)),
            Append(keys.points("s"), base, Id(0, 1)),
            Append(log, Samples(index=0, samples=samples), Id(4)),
        ]
    )
    return bec.report("s")


def take_points(server):
    server.bus.commit([Append(keys.points("s"), point(i), Id.of(i)) for i in range(3)])


def test_data_are_found_by_device_and_signal(report, server):
    take_points(server)
    devices = report.devices
    assert list(devices) == ["bpm4i", "samx", "samy"]
    samx = devices.samx
    assert samx.readback.value.tolist() == [0.0, 1.0, 2.0]
    assert samx.setpoint.value.tolist() == samx["samx_setpoint"].value.tolist()
    assert samx.readback.timestamp.tolist() == [100.0, 101.0, 102.0]
    assert repr(samx.readback) == "samx: 3 values, 0 to 2 mm"
    assert np.mean(devices["bpm4i"].value) == 10.0
    assert devices.samy.readback[0] == 0.25
    assert "readback" in dir(samx)
    with pytest.raises(AttributeError, match="did you mean samx"):
        _ = devices.samxx
    with pytest.raises(KeyError, match="no signal 'x' in samx"):
        samx["x"]


def test_how_a_device_was_set_up_is_found_by_name(report, server):
    take_points(server)
    assert report.configuration == {"samy": {"samy_velocity": Reading(2.0, T0)}}
    assert report.devices.samy.configuration["samy_velocity"].value == 2.0
    assert report.devices.samx.configuration == {}


def test_of_a_device_set_up_otherwise_that_is_a_difference(report, bec, server):
    how = {"samy": {"samy_velocity": Reading(3.0, T0), "more": Reading(1, T0)}}
    first = msgspec.structs.replace(report.begin, scan_id="t")
    other = Baseline(index=1, data=dict(report.baseline), configuration=how)
    server.bus.commit(
        [
            Append(keys.steps("t"), first, Id.of(0)),
            Append(keys.points("t"), other, Id(0, 1)),
        ]
    )
    lines = list(report.diff(bec.report("t")))
    assert lines == ["~ configuration samy_velocity: 2 -> 3"]


def test_a_plot_shows_what_varies_over_the_motor(bec):
    report = bec.scans.line_scan("samx", 0, 1, steps=3, fit="Gaussian").wait(5)
    plot = report.plot()
    assert repr(plot) == "plot of bpm4i over samx"
    assert "samx [mm]" in plot.svg
    assert "center 0.5" in plot.svg
    assert plot._repr_svg_() == report.plot("bpm4i", "samx").svg
    assert repr(report.plot("samx", "point_id")) == "plot of samx over point_id"
    with pytest.raises(RefusedError, match="did you mean bpm4i"):
        report.plot("bpm4")


def test_a_plot_is_saved(report, server, tmp_path):
    take_points(server)
    path = report.plot().save(tmp_path / "scan.svg")
    assert path.read_text().startswith("<svg")


def test_streams_are_found_the_same_way(report):
    flow = report.async_.gas.flow
    assert flow.value.tolist() == [0.0, 0.5, 1.0, 1.5]
    assert flow.timestamp[-1] == T0 + 3
    assert repr(flow) == "gas_flow: 4 values, 0 to 1.5 l"
    assert repr(report.async_) == "streams of scan 1: gas"


def test_a_table_without_points_has_its_columns_and_its_index(report):
    table = report.to_pandas()
    assert list(table.columns) == ["samx", "samx_setpoint", "bpm4i"]
    assert (len(table), table.index.name) == (0, "point_id")
    assert set(table.dtypes.astype(str)) == {"float64"}
    assert report.to_xarray().sizes["point_id"] == 0
    assert report.to_xarray()["samx"].attrs["units"] == "mm"


def test_a_scan_is_compared_with_another_one_by_its_number(bec):
    for steps in (2, 3):
        bec.scans.line_scan("samx", 0, 1, steps=steps).wait(5)
    lines = ["~ parameter steps: 2 -> 3"]
    for other in (2, -1, bec.history[2], bec.history[2].scan_id):
        assert list(bec.history[1].diff(other)) == lines
    with pytest.raises(RefusedError, match="no scan 9: there are 1 to 2"):
        bec.history[1].diff(9)
    with pytest.raises(RefusedError, match=r"number or id, not 2.5 \(float\)"):
        bec.history[1].diff(2.5)


def test_a_difference_is_a_line(report, bec, server):
    other = bec.scans.line_scan("samx", 0, 1, steps=5, metadata={"run": 2}).wait(5)
    assert list(report.diff(other)) == [
        "~ scan: acquire -> line_scan",
        "+ argument 1: samx",
        "+ argument 2: 0",
        "+ argument 3: 1",
        "~ parameter steps: 3 -> 5",
        "+ metadata run: 2",
        "- baseline samy: 0.25",
        "- device bpm4i",
        "- device gas",
        "- device samx",
        "- monitored samx",
        "- monitored bpm4i",
    ]
    assert repr(report.diff(report)) == "no difference"


# --- words ----------------------------------------------------------------------------
def test_words_look_for_scans(bec, scihub):
    scihub.scans = [past(2, tags=["fig3"]), past(1)]
    found = command.run_history_command(
        bec.history, "--user ada --metadata run=7 --limit=5 'gold foil' --text 5%"
    )
    assert found.numbers == [1, 2]
    assert repr(found).splitlines()[0].endswith("points  tags")
    (ask,) = scihub.asks
    assert (ask.user, ask.metadata, ask.limit) == ("ada", {"run": "7"}, 5)
    assert ask.text == "gold foil 5%"
