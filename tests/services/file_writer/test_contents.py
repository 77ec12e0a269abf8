"""What is in the file besides the readings, and that it is what the bus carried."""

import json

import h5py
import msgspec
import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from bec_kernel.bus import append
from bec_kernel.bus.changes import Append, Id, Put
from bec_kernel.testing import MemoryBroker, MemoryBus
from bec_kernel.wire import (
    Alarm,
    Baseline,
    DeviceFile,
    DeviceListVersion,
    Origin,
    Point,
    PointStatus,
    Reading,
    ScanState,
    Seal,
    StateChange,
    keys,
)
from bec_services.file_writer.service import run
from bec_services.file_writer.tree.columns import STATUS
from tests.services.file_writer.every_scan import device, play, point_log
from tests.services.file_writer.master_files import everything, same, written
from tests.services.recorded import (
    T0,
    begin,
    new_life,
    points_log,
    running,
    take,
    until,
)


def state(number, state, time):
    change = StateChange(state=state, time=time, reason="user", message="größer " * 60)
    return Append(keys.states("scan1"), change, Id(number))


def test_the_states_a_scan_went_through_are_in_its_file(tmp_path):
    course = [
        state(2, ScanState.PAUSED, T0 + 1),
        state(3, ScanState.OPEN, T0 + 2),
        state(4, ScanState.CLOSED, T0 + 9),
    ]
    with written(tmp_path, points_log(3), *course) as file:
        states = file["entry/collection/states"]
        assert states["state"][:].tolist() == [b"open", b"paused", b"open", b"closed"]
        assert states["time"][:].tolist() == [T0, T0 + 1, T0 + 2, T0 + 3]
        assert states["reason"][:].tolist() == [b"", b"user", b"user", b"done"]
        assert states["message"][1].decode().startswith("größer größer")


def test_alarms_that_name_the_scan_are_in_its_file_and_no_others(tmp_path):
    broker = MemoryBroker()
    bus = MemoryBus(broker)
    take(bus, "file_writer", begin())
    for number, scan_id in enumerate(("scan1", "other", "", "scan1")):
        alarm = Alarm(
            alarm_id=str(number),
            service="scan_server",
            severity="minor",
            message=f"number {number}",
            time=T0 + number,
            scan_id=scan_id,
        )
        append(bus, keys.alarms(), alarm)
    log = [Append(keys.points("scan1"), e, at) for at, e in points_log(2)]
    bus.commit(log)
    with running(new_life("file_writer", broker, tmp_path), run):
        until(bus, lambda: bus.last(keys.files("scan1")) is not None)
    with h5py.File(bus.last(keys.files("scan1")).message.path) as file:
        alarms = file["entry/collection/alarms"]
        assert alarms["message"][:].tolist() == [b"number 0", b"number 3"]
        assert alarms["time"][:].tolist() == [T0, T0 + 3]
        assert alarms["service"][0] == b"scan_server"


def test_how_each_device_was_set_up_stands_in_the_file_as_in_the_list(tmp_path):
    log = keys.lists("main")
    first = DeviceListVersion(
        version=1, time=T0, devices={"samx": {"deviceClass": "A"}, "b": {}}
    )
    second = DeviceListVersion(
        version=2, time=T0, whole=False, devices={"samx": {"deviceClass": "B"}}
    )
    more = [Append(log, first, Id(1)), Append(log, second, Id(2))]
    more.append(Put(keys.devices("main"), device("samx", "mm"), "samx"))
    with written(tmp_path, points_log(2), *more) as file:
        top = file["entry/collection/configuration"]
        assert list(top["samx"]) == [
            *("description", "device_class", "listed", "readout_priority"),
            *("samx_mode", "samx_velocity"),
        ]
        assert json.loads(top["samx/listed"][()]) == {"deviceClass": "B"}


def test_what_was_read_of_config_signals_stands_beside_it(tmp_path):
    how = {"samx": {"samx_velocity": Reading(2.0, T0), "limits": Reading(7, T0)}}
    how["away"] = {"away_mode": Reading("fast", T0 - 1)}  # nothing is published of it
    units = {"samx_velocity": "mm/s"}
    once = Baseline(index=2, data={}, configuration=how, configuration_units=units)
    log = [(Id(0, 1), once), *points_log(2)[1:]]
    more = Put(keys.devices("main"), device("samx", "mm", limits=(-1.0, 1.0)), "samx")
    servers = {"samx": "main", "away": "main"}
    with written(tmp_path, log, more, servers=servers) as file:
        top = file["entry/collection/configuration"]
        velocity = top["samx/samx_velocity"]
        assert velocity["value"][()] == 2.0
        assert velocity["value"].attrs["units"] == "mm/s"
        assert velocity["timestamp"][()] == T0
        assert top["samx/limits"][:].tolist() == [-1.0, 1.0]
        assert top["samx/limits"].attrs["units"] == "mm"
        assert top["samx/limits_/value"][()] == 7
        assert top["away/away_mode/value"][()] == b"fast"
        assert top["samx"].attrs["signals"].tolist() == ["samx_velocity", "limits_"]


@pytest.mark.parametrize(("motors", "unit"), [(["samx"], "mm"), ([], "s")])
def test_a_fitted_curve_has_the_units_of_what_is_fitted(tmp_path, motors, unit):
    units = {"samx": "mm", "bpm4i": "counts"}
    read = {"fit": "gaussian", "motors": motors, "monitored": ["bpm4i"]}
    with written(tmp_path, points_log(2), units=units, **read) as file:
        curve = file["entry/collection/fit/curve"]
        assert [curve[axis].attrs["units"] for axis in "xy"] == [unit, "counts"]


def test_where_a_scan_comes_from_is_in_its_file(tmp_path):
    with written(tmp_path, points_log(2), code="7a") as file:
        meta = file["entry/collection/metadata/bec"]
        definition = json.loads(meta["definition"][()])
        assert definition["motors"] == ["samx"]
        assert definition["request"]["name"] == "line_scan"
        assert meta["code"][()] == b"7a"
        versions = file["entry/collection/environment"]
        assert {"python", "bec", "numpy", "h5py"} <= set(versions)


def test_the_environment_of_who_asked_stands_beside_the_writers(tmp_path):
    origin = Origin(program="script", environment={"python": "3.99", "a/b": "1"})
    asked = msgspec.structs.replace(begin().request, origin=origin)
    with written(tmp_path, points_log(1), request=asked) as file:
        versions = file["entry/collection/environment"]
        assert versions["asker/python"][()] == b"3.99"
        assert versions["asker/a_b"][()] == b"1"
        assert versions["python"][()] != b"3.99"


def test_the_account_is_the_first_folder_below_the_files(tmp_path):
    with written(tmp_path, points_log(1), account="p12345") as file:
        found = file.filename
    place = "files/p12345/S00000-00999/S00042/S00042_master.h5"
    assert found == str(tmp_path / place)


def test_a_file_of_another_scan_is_left_alone_and_that_is_told(tmp_path):
    paths = []
    for scan_id in ("scan1", "scan2"):
        broker = MemoryBroker()  # numbers begin anew
        bus = MemoryBus(broker)
        take(bus, "file_writer", begin(scan_id=scan_id))
        log = [Append(keys.points(scan_id), e, at) for at, e in points_log(2)]
        bus.commit(log)
        with running(new_life("file_writer", broker, tmp_path), run):
            until(bus, lambda: bus.last(keys.files(scan_id)) is not None)  # noqa: B023
        paths.append(bus.last(keys.files(scan_id)).message.path)
    assert len(set(paths)) == 2
    for scan_id, path in zip(("scan1", "scan2"), paths, strict=True):
        with h5py.File(path) as file:
            assert file["entry/entry_identifier_uuid"][()].decode() == scan_id
    (alarm,) = (entry.message for entry in bus.read(keys.alarms()))
    assert alarm.scan_id == "scan2"
    assert "belongs to another scan" in alarm.message


def test_a_scan_that_only_flies_has_a_file_before_its_end(tmp_path):
    broker = MemoryBroker()
    bus = MemoryBus(broker)
    line = "fly_scan -5 0 51 --flyer flyer"
    scan_id = play(bus, line, 1, first=1).scan_id
    path = tmp_path / "files" / "S00000-00999" / "S00001" / "S00001_master.h5"
    with running(new_life("file_writer", broker, tmp_path), run) as life:
        for _ in range(1000):
            if path.exists():
                break
            life.over.wait(0.01)
        seal = Seal(index=9, points=0, state=ScanState.CLOSED, reason="done", time=T0)
        bus.commit([Append(keys.points(scan_id), seal, Id(1))])
        until(bus, lambda: bus.last(keys.files(scan_id)) is not None)
    with h5py.File(path) as file:
        group = file["entry/collection/readout_groups/async/flyer"]
        assert group["flyer_flight_counts/value"][:].tolist() == list(range(20))


@pytest.mark.parametrize("cut", [2, 5, 13])
def test_a_grid_that_was_written_in_two_lives_is_the_same(cut, tmp_path):
    line, found = "grid_scan samx 0 1 4 samy 0 1 3 --relative", []
    for first in (cut, None):
        broker, data = MemoryBroker(), tmp_path / str(first)
        bus = MemoryBus(broker)
        scan_id = play(bus, line, 1, first=first).scan_id
        path = data / "files" / "S00000-00999" / "S00001" / "S00001_master.h5"
        if first is not None:
            with running(new_life("file_writer", broker, data), run) as life:
                while not path.exists():
                    life.over.wait(0.01)
            rest = point_log(line, 1)[first:]
            bus.commit([Append(keys.points(scan_id), e, at) for at, e in rest])
        with running(new_life("file_writer", broker, data), run):
            until(bus, lambda: bus.last(keys.files(scan_id)) is not None)  # noqa: B023
        found.append(everything(path))
    same(*found)


# --- what the bus carried -------------------------------------------------------------
VALUES = {
    "whole": st.integers(-(2**40), 2**40),
    "float": st.floats(allow_nan=False, width=32),
    "wave": st.lists(st.floats(0, 1, width=16), min_size=3, max_size=3).map(np.array),
    "word": st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=9),
}
TAKEN = st.fixed_dictionaries(
    {},
    optional={
        name: st.tuples(values, st.sampled_from([PointStatus.GOOD, *PointStatus]))
        for name, values in VALUES.items()
    },
)


def point(number, taken):
    data = {
        name: {name: Reading(value, T0 + number)}
        for name, (value, status) in taken.items()
        if status not in (PointStatus.MISSING, PointStatus.DROPPED)
    }
    status = {name: s for name, (_, s) in taken.items() if s is not PointStatus.GOOD}
    one = Point(
        index=4 + number, point_id=number, attempt=1, begin=T0, end=T0, data=data
    )
    return Id(number + 1), msgspec.structs.replace(one, status=status)


@pytest.mark.slow
@settings(max_examples=8, deadline=None)
@given(st.lists(TAKEN, min_size=1, max_size=6))
def test_what_is_in_the_file_is_what_the_bus_carried(tmp_path_factory, readings):
    log = [point(number, taken) for number, taken in enumerate(readings)]
    seal = Seal(
        index=99, points=len(log), state=ScanState.CLOSED, reason="done", time=T0
    )
    folder = tmp_path_factory.mktemp("random")
    with written(folder, [*log, (Id(len(log) + 1), seal)], shape=[]) as file:
        top = file["entry/collection"]
        for name in top["devices"]:
            rows = top[f"devices/{name}/{name}/value"][()]
            status = top[f"point_status/{name}"][()]
            for number, (_, one) in enumerate(log):
                reading = one.data.get(name, {}).get(name)
                missing = PointStatus.GOOD if reading else PointStatus.MISSING
                assert status[number] == STATUS[one.status.get(name, missing)]
                if reading is None:
                    _is_empty(rows[number])
                elif name == "word":
                    assert rows[number].decode() == reading.value
                else:
                    np.testing.assert_array_equal(rows[number], reading.value)


def _is_empty(row):
    kind = np.asarray(row).dtype.kind
    assert np.isnan(row).all() if kind == "f" else not row


@pytest.mark.parametrize(
    ("status", "number"),
    [("good", 0), ("missing", 1), ("buffered", 2), ("retaken", 3), ("dropped", 4)],
)
def test_the_numbers_of_the_status_are_fixed(status, number):
    assert STATUS[PointStatus(status)] == number


def test_what_a_detector_wrote_into_several_files_is_read_as_one(tmp_path):
    folder = tmp_path / "files" / "S00000-00999" / "S00042"
    folder.mkdir(parents=True)
    told = []
    for part, rows in enumerate((3, 2)):
        path = folder / f"S00042_cam_{part}.h5"
        with h5py.File(path, "w") as file:
            file["data"] = np.full((rows, 4, 5), part, np.uint16)
        entries = {"frames": "/data"}
        begun = DeviceFile(device="cam", path=str(path), entries=entries)
        told += [begun, DeviceFile(device="cam", path=str(path), done=True)]
    log = keys.device_files("scan1", "main")
    more = [Append(log, one, Id(n)) for n, one in enumerate(told, 1)]
    with written(tmp_path, points_log(5), *more) as file:
        references = file["entry/collection/file_references/cam"]
        expected = np.repeat([0, 1], [3, 2])
        np.testing.assert_array_equal(references["frames"][:, 0, 0], expected)
        assert references["frames_2"].shape == (2, 4, 5)
        assert file["entry/instrument/cam/data"].shape == (5, 4, 5)
        found = file.filename
    moved = tmp_path / "elsewhere"
    folder.rename(moved)
    with h5py.File(moved / "S00042_master.h5") as file:
        assert file["entry/instrument/cam/data"][4, 0, 0] == 1
    assert found.startswith(str(folder))


def test_files_that_cannot_be_joined_are_linked_one_by_one(tmp_path):
    paths = [tmp_path / f"{n}.h5" for n in range(2)]
    with h5py.File(paths[0], "w") as file:
        file["data"] = np.zeros((3, 4))
    log = keys.device_files("scan1", "main")
    told = [
        DeviceFile(device="cam", path=str(path), entries={"frames": "/data"}, done=True)
        for path in paths  # the second one is not there
    ]
    more = [Append(log, one, Id(n)) for n, one in enumerate(told, 1)]
    with written(tmp_path, points_log(1), *more) as file:
        references = file["entry/collection/file_references/cam"]
        assert references["frames"].shape == (3, 4)
        assert set(references) == {"frames", "frames_1", "frames_2"}
