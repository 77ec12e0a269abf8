"""The writer on a bus, with real files."""

import json
import subprocess
import sys

import h5py
import msgspec
import numpy as np
import pytest

from bec_kernel.bus.changes import Append, Id, Put
from bec_kernel.testing import MemoryBroker, MemoryBus
from bec_kernel.wire import (
    Device,
    End,
    Point,
    PointStatus,
    Reading,
    ScanRequest,
    ScanState,
    Seal,
    SignalDescription,
    Taken,
    Times,
    keys,
)
from bec_services.file_writer.service import run
from tests.services.file_writer.master_files import PLACE, everything, same, until_there
from tests.services.recorded import (
    T0,
    begin,
    new_life,
    points_log,
    running,
    take,
    until,
)

ROLE = "file_writer"


@pytest.fixture
def broker():
    broker = MemoryBroker()
    bus = MemoryBus(broker)
    signals = [
        SignalDescription(name="samx_setpoint"),
        SignalDescription(name="samx", kind="hinted", unit="mm"),
    ]
    device = Device(
        name="samx",
        server="main",
        device_class="Sim",
        positioner=True,
        limits=(-10, 10),
        signals=signals,
    )
    bus.commit([Put(keys.devices("main"), device, "samx")])
    return broker


def put(bus, entries):
    bus.commit([Append(keys.points("scan1"), entry, at) for at, entry in entries])


def done(bus):
    return bus.last(keys.files("scan1")) is not None


def write(broker, data, log, **changes):
    """Write a whole scan at once."""
    bus = MemoryBus(broker)
    take(bus, ROLE, begin(**changes))
    put(bus, log)
    with running(new_life(ROLE, broker, data), run):
        until(bus, lambda: done(bus))
    return data / PLACE


def test_a_scan_is_written_and_reported_complete(broker, tmp_path):
    bus = MemoryBus(broker)
    path = write(broker, tmp_path, points_log(5))
    message = bus.last(keys.files("scan1")).message
    assert (message.path, message.points) == (str(path), 5)
    assert not bus.get_all(keys.todo[ROLE]("main"))
    with h5py.File(path) as file:
        devices = file["entry/collection/devices"]
        np.testing.assert_allclose(devices["samx/samx/value"][:], np.linspace(-5, 5, 5))
        np.testing.assert_allclose(
            devices["bpm4i/bpm4i/timestamp"][:], T0 + np.arange(5)
        )
        assert devices["bpm4i/bpm4i/value"].dtype == np.int64
        assert devices["samx/samx/value"].attrs["units"] == "mm"
        assert devices["samz/samz/value"][()] == 1.5
        assert devices["samz/samz_mode/value"][()] == b"fast"
        groups = file["entry/collection/readout_groups"]
        assert set(groups["monitored"]) == {"samx", "bpm4i"}
        assert groups["baseline/samz/samz/value"][()] == 1.5
        assert file["entry/collection/point_status/samx"][:].tolist() == [0] * 5


def test_a_scan_in_parts_is_titled_by_them(broker, tmp_path):
    parts = [
        {"name": "line_scan", "args": ["samx", -5, 5], "kwargs": {"steps": 3}},
        {"name": "acquire"},
    ]
    request = ScanRequest(request_id="scan1", name="multi", args=parts)
    path = write(broker, tmp_path, points_log(5), request=request)
    with h5py.File(path) as file:
        title = file["entry/title"][()]
    assert title == b'multi "line_scan samx -5 5 --steps 3" "acquire"'


def test_the_file_is_a_nexus_entry_with_a_default_plot(broker, tmp_path):
    with h5py.File(write(broker, tmp_path, points_log(5))) as file:
        entry = file[file.attrs["default"]]
        assert entry.attrs["NX_class"] == "NXentry"
        assert entry["title"][()] == b"line_scan samx -5 5 --steps 5"
        assert entry["start_time"][()] == b"2023-11-14T22:13:20.000000+00:00"
        assert entry["end_time"][()] == b"2023-11-14T22:13:25.000000+00:00"
        assert entry["user/name"][()] == b"ada"
        plot = entry[entry.attrs["default"]]
        assert plot.attrs["NX_class"] == "NXdata"
        assert plot.attrs["signal"] == "bpm4i"
        assert plot.attrs["axes"].tolist() == ["samx"]
        assert plot["samx"].shape == plot["bpm4i"].shape == (5,)
        assert file[plot["samx"].attrs["target"]] == plot["samx"]
        instrument = entry["instrument"]
        assert instrument["samx"].attrs["NX_class"] == "NXpositioner"
        assert instrument["bpm4i/data"].shape == (5,)


def test_what_was_asked_for_is_kept(broker, tmp_path):
    with h5py.File(write(broker, tmp_path, points_log(1))) as file:
        meta = file["entry/collection/metadata"]
        assert json.loads(meta["bec/request"][()])["args"] == ["samx", -5, 5]
        assert json.loads(meta["bec/parameters"][()]) == {"steps": 5}
        assert meta["user_metadata/sample"][()] == b"gold"
        configuration = file["entry/collection/configuration/samx"]
        assert configuration["device_class"][()] == b"Sim"
        assert configuration["limits"][:].tolist() == [-10, 10]


@pytest.mark.parametrize("state", [s for s in ScanState if s.is_final])
def test_a_scan_that_ends_early_leaves_a_file_that_says_so(state, broker, tmp_path):
    seal = Seal(index=9, points=2, state=state, reason="user", time=T0 + 9)
    path = write(broker, tmp_path, [*points_log(5)[:3], (Id(3), seal)])
    with h5py.File(path) as file:
        assert file["entry/collection/metadata/state"][()] == state.encode()
        assert file["entry/collection/metadata/reason"][()] == b"user"
        assert file["entry/data/samx"].shape == (2,)


def test_a_scan_without_a_point_leaves_a_file_too(broker, tmp_path):
    seal = Seal(index=3, points=0, state=ScanState.ABORTED, reason="user", time=T0)
    with h5py.File(write(broker, tmp_path, [(Id(1), seal)])) as file:
        assert file["entry/collection/metadata/state"][()] == b"aborted"


@pytest.mark.parametrize("cut", [1, 2, 4, 6])
def test_a_new_life_writes_the_same_file(cut, broker, tmp_path):
    log = points_log(5)
    bus = MemoryBus(broker)
    take(bus, ROLE, begin())
    put(bus, log[:cut])
    path = tmp_path / "killed" / PLACE
    with running(new_life(ROLE, broker, tmp_path / "killed"), run) as life:
        if cut > 1:
            until_there(life, path)
    put(bus, log[cut:])
    with running(new_life(ROLE, broker, tmp_path / "killed"), run):
        until(bus, lambda: done(bus))
    other = MemoryBroker()
    other.values = broker.values
    undisturbed = write(other, tmp_path / "undisturbed", log)
    same(everything(path), everything(undisturbed))
    assert [p.name for p in path.parent.iterdir()] == [path.name]


READER = """
import sys, time, h5py
with h5py.File(sys.argv[1], "r", swmr=True) as file:
    data = file["entry/collection/devices/samx/samx/value"]
    for line in sys.stdin:
        until = time.monotonic() + 20
        while len(data) < int(line) and time.monotonic() < until:
            data.refresh()
        print(data[:].tolist(), file["entry/end_time"][()].decode(), flush=True)
"""


@pytest.mark.processes
def test_another_process_sees_the_file_grow(broker, tmp_path):
    bus = MemoryBus(broker)
    log = points_log(5)
    path = tmp_path / PLACE
    take(bus, ROLE, begin())
    with running(new_life(ROLE, broker, tmp_path), run) as life:
        put(bus, log[:3])
        until_there(life, path)
        reader = subprocess.Popen(
            [sys.executable, "-c", READER, path],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        with reader:
            assert reader.stdin
            assert reader.stdout
            seen = []
            for rows in (2, 5):
                put(bus, log[: rows + 1])
                print(rows, file=reader.stdin, flush=True)
                seen.append(reader.stdout.readline().strip())
        put(bus, log[6:])
        until(bus, lambda: done(bus))
    assert seen == ["[-5.0, -2.5]", "[-5.0, -2.5, 0.0, 2.5, 5.0]"]


def test_a_signal_nobody_expected_gets_its_column(broker, tmp_path):
    log = points_log(3)
    at, point = log[2]
    data = {**point.data, "late": {"late": Reading(7, T0)}}
    log[2] = (at, msgspec.structs.replace(point, data=data))
    bus = MemoryBus(broker)
    take(bus, ROLE, begin())
    with running(new_life(ROLE, broker, tmp_path), run) as life:
        put(bus, log[:2])
        until_there(life, tmp_path / PLACE)
        put(bus, log[2:])
        until(bus, lambda: done(bus))
    with h5py.File(tmp_path / PLACE) as file:
        assert file["entry/collection/point_status/late"][:].tolist() == [1, 0, 1]
        assert file["entry/collection/devices/samx/samx/value"].shape == (3,)


def test_a_disk_that_refuses_is_told_once_and_tried_again(broker, tmp_path):
    bus = MemoryBus(broker)
    (tmp_path / "files").write_text("in the way")
    take(bus, ROLE, begin())
    put(bus, points_log(3))
    with running(new_life(ROLE, broker, tmp_path), run):
        until(bus, lambda: bus.last(keys.alarms()) is not None)
        (tmp_path / "files").unlink()
        until(bus, lambda: done(bus))
    (alarm,) = (entry.message for entry in bus.read(keys.alarms()))
    assert alarm.scan_id == "scan1"
    assert "cannot be written" in alarm.message
    assert (tmp_path / PLACE).exists()


def with_readings(log, **readings):
    """The log, with one more device of these readings at every point."""
    return [
        (at, msgspec.structs.replace(e, data={**e.data, **readings}))
        if isinstance(e, Point)
        else (at, e)
        for at, e in log
    ]


def test_an_empty_array_is_written_as_such(broker, tmp_path):
    log = with_readings(points_log(2), wave={"wave": Reading(np.array([]), T0)})
    with h5py.File(write(broker, tmp_path, log)) as file:
        assert file["entry/collection/devices/wave/wave/value"].shape == (2, 0)


def test_a_scan_no_file_can_hold_keeps_no_other_from_its_file(broker, tmp_path):
    bus = MemoryBus(broker)
    take(bus, ROLE, begin(scan_id="bad", scan_number=41))
    log = with_readings(points_log(2), **{"a/b": {"x": Reading(1, T0)}})
    bus.commit([Append(keys.points("bad"), entry, at) for at, entry in log])
    write(broker, tmp_path, points_log(2))
    (alarm,) = (entry.message for entry in bus.read(keys.alarms()))
    assert alarm.scan_id == "bad"
    assert "bad" in bus.get_all(keys.todo[ROLE]("main"))


def test_a_scan_that_cannot_even_be_read_keeps_no_other_from_its_file(broker, tmp_path):
    bus = MemoryBus(broker)
    bad = begin(scan_id="bad", scan_number=41)
    taken = Taken(scan_id="bad", scan_number=41, name="line_scan", user="ada")
    odd = End(index=0, state=ScanState.CLOSED, reason="done")  # where it should begin
    bus.commit(
        [
            Append(keys.scans(), taken, Id(41)),
            Put(keys.todo[ROLE]("main"), taken, "bad"),
            Append(keys.steps("bad"), odd, Id.of(0)),
            *(Append(keys.points("bad"), entry, at) for at, entry in points_log(2)),
        ]
    )
    write(broker, tmp_path, points_log(2))
    (alarm,) = (entry.message for entry in bus.read(keys.alarms()))
    assert alarm.scan_id == bad.scan_id
    assert "is tried again" in alarm.message


def test_a_scan_in_which_no_device_takes_part_leaves_a_file_too(broker, tmp_path):
    log = [
        (at, msgspec.structs.replace(e, data={}) if isinstance(e, Point) else e)
        for at, e in points_log(2)[1:]
    ]
    nobody = {key: [] for key in ("motors", "monitored", "baseline", "triggered")}
    with h5py.File(write(broker, tmp_path, log, servers={}, **nobody)) as file:
        assert file["entry/collection/metadata/state"][()] == b"closed"
        assert not file["entry/collection/devices"].keys()


@pytest.mark.parametrize(
    ("changes", "plotted"),
    [({}, "bpm4i"), ({"parameters": {"signal": "diode"}}, "diode")],
)
def test_the_detector_the_asker_named_is_plotted(changes, plotted, broker, tmp_path):
    log = with_readings(points_log(2), diode={"diode": Reading(1, T0)})
    with h5py.File(write(broker, tmp_path, log, **changes)) as file:
        assert file["entry/data"].attrs["signal"] == plotted


def test_the_time_of_each_point_is_split_in_the_file(broker, tmp_path):
    log = [
        (at, msgspec.structs.replace(entry, times=Times(T0, 1.0, 0.5, 0.25, 0.1, 2.0)))
        if isinstance(entry, Point) and entry.point_id
        else (at, entry)
        for at, entry in points_log(3)
    ]
    with h5py.File(write(broker, tmp_path, log)) as file:
        timing = file["entry/collection/timing"]
        np.testing.assert_array_equal(timing["move"][:], [np.nan, 1.0, 1.0])
        np.testing.assert_array_equal(timing["wait"][:], [np.nan, 2.0, 2.0])
        np.testing.assert_array_equal(timing["overhead"][:], [np.nan, 0.0, 0.0])
        assert timing["read"].attrs["units"] == "s"


def rewound(points=6, back=2):
    """A log in which the points from `back` on were taken again before the last one."""
    *taken, last, seal = points_log(points)
    again = []
    for k, (_, point) in enumerate(taken[1 + back :]):
        data = {n: {s: twice(r) for s, r in d.items()} for n, d in point.data.items()}
        status = dict.fromkeys(data, PointStatus.RETAKEN)
        new = msgspec.structs.replace(point, attempt=2, data=data, status=status)
        again.append((Id(points - 1, k + 1), new))
    return [*taken, *again, last, seal]


def twice(reading):
    return Reading(2 * reading.value, reading.timestamp + 100)


def test_points_taken_again_take_the_place_of_what_they_were(broker, tmp_path):
    path = write(broker, tmp_path, rewound(points=6, back=2))
    with h5py.File(path) as file:
        at = file["entry/collection/devices/samx/samx/value"][:]
        status = file["entry/collection/point_status/samx"][:]
    straight = np.linspace(-5, 5, 6)
    np.testing.assert_allclose(at, [*straight[:2], *2 * straight[2:5], straight[5]])
    assert status.tolist() == [0, 0, 3, 3, 3, 0]


def test_a_rewound_scan_followed_point_by_point_is_the_same_file(broker, tmp_path):
    at_once = write(broker, tmp_path / "one", rewound())
    broker = MemoryBroker()
    bus = MemoryBus(broker)
    take(bus, ROLE, begin())
    with running(new_life(ROLE, broker, tmp_path / "two"), run):
        for entry in rewound():
            put(bus, [entry])
        until(bus, lambda: done(bus))
    values = "entry/collection/devices/samx/samx/value"
    with h5py.File(at_once) as one, h5py.File(tmp_path / "two" / PLACE) as two:
        np.testing.assert_equal(one[values][:], two[values][:])
