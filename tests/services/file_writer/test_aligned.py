"""What was sent by itself, at the points, in the file: one row a point; and the fit."""

import time
from pathlib import Path

import h5py
import msgspec
import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from bec_kernel.bus.changes import Append, Id, Put
from bec_kernel.testing import MemoryBroker, MemoryBus
from bec_kernel.wire import (
    Aligned,
    AlignedEnd,
    AlignedRow,
    Fit,
    Heartbeat,
    Reading,
    ScanState,
    Seal,
    SignalDescription,
    Taken,
    keys,
)
from bec_services.file_writer.service import run
from bec_services.file_writer.tree.streams import (
    ALIGNED,
    AlignedLayout,
    Source,
    StreamLayout,
)
from tests.services.file_writer.gas import (
    FIT,
    MODE,
    POINTS,
    SIGNALS,
    everything_sent,
    gas_scan,
    points,
    put_devices,
    rows_log,
    samples_log,
)
from tests.services.file_writer.master_files import everything, same, until_there
from tests.services.file_writer.nexus import SETTINGS, base_complaints, complaints
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
PLACE = "files/S00000-00999/S00042/S00042_master.h5"


@pytest.fixture
def bus():
    bus = MemoryBus(MemoryBroker())
    put_devices(bus)
    return bus


def done(bus):
    return bus.last(keys.files("scan1")) is not None


def written(bus, data, *changes, scan=None):
    """Write a scan at once, from all its logs."""
    take(bus, ROLE, scan or gas_scan())
    bus.commit(list(changes))
    with running(new_life(ROLE, bus.broker, data), run):
        until(bus, lambda: done(bus))
    return Path(bus.last(keys.files("scan1")).message.path)


# --- rows -----------------------------------------------------------------------------
VALUES = {
    "float": st.floats(allow_nan=False),
    "whole": st.integers(-(2**53), 2**53),
    "flag": st.booleans(),
    "word": st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=80),
    "mixed": st.one_of(st.floats(allow_nan=False), st.integers(-99, 99)),
}


class ArrayFile:
    """Datasets in memory, made anew when the layout says so."""

    def __init__(self, signal):
        self.layout, self.source = AlignedLayout(StreamLayout()), Source("d", signal)
        self.layout.add(self.source)
        self.taken = []
        self._make()

    def _make(self):
        self.datasets = {}
        for node in self.layout.nodes():
            if node.grows:
                self.datasets[node.path] = np.zeros(0, node.grows[0])
            elif node.fixed:
                self.datasets[node.path] = np.zeros(node.fixed[1], node.fixed[0])

    def take(self, entries):
        self.taken += entries
        if self.layout.grow(self.source, entries):
            self._make()
            entries = self.taken
        for patch in self.layout.patches(self.source, entries):
            end = patch.start[0] + len(patch.values)
            old = self.datasets[patch.path]
            assert np.can_cast(patch.values.dtype, old.dtype, "safe")
            if end > len(old):
                self.datasets[patch.path] = old = np.resize(old, end)
            old[patch.start[0] : end] = patch.values


@st.composite
def recordings(draw):
    """Rows of points of which some were taken again, in entries, in any pieces."""
    values = VALUES[draw(st.sampled_from(list(VALUES)))]
    count = draw(st.integers(1, 8))
    again = draw(st.lists(st.integers(0, count - 1), max_size=4))
    rows = [
        AlignedRow(number, {"s": Reading(draw(st.none() | values), T0 + place)})
        for place, number in enumerate([*range(count), *again])
    ]
    entries = []
    while rows:
        size = draw(st.integers(1, len(rows)))
        entries.append(Aligned(rows=rows[:size], refused=len(entries)))
        rows = rows[size:]
    return count, entries


@settings(max_examples=50, deadline=None)
@given(recordings(), st.sampled_from(["number", "integer", "string"]), st.data())
def test_rows_in_any_pieces_are_the_same_columns_of_what_was_sent(found, dtype, data):
    count, entries = found
    signal = SignalDescription(name="s", stream=["value"], align="nearest", dtype=dtype)
    whole, bit_by_bit = ArrayFile(signal), ArrayFile(signal)
    whole.take(entries)
    rest = entries
    while rest:
        size = data.draw(st.integers(1, len(rest)))
        bit_by_bit.take(rest[:size])
        rest = rest[size:]
    for path, values in whole.datasets.items():
        np.testing.assert_array_equal(values, bit_by_bit.datasets[path])
        assert values.dtype == bit_by_bit.datasets[path].dtype
    newest = {row.point_id: row for one in entries for row in one.rows}
    value, times, status, refused = whole.datasets.values()
    assert refused == [entries[-1].refused]
    for number in range(count):
        reading = newest[number].values["s"]
        assert times[number] == reading.timestamp
        assert status[number] == (1 if reading.value is None else 0)
        _is(value[number], reading.value)


def _is(stored, value):
    if value is None:
        assert np.isnan(stored) if stored.dtype.kind == "f" else not stored
    elif isinstance(value, str):
        assert stored.decode() == value
    else:
        assert stored == value


# --- files ----------------------------------------------------------------------------
def test_each_stream_is_a_column_with_one_row_a_point(bus, tmp_path):
    path = written(bus, tmp_path, *everything_sent(), *points())
    with h5py.File(path) as file:
        gas = file[f"{ALIGNED}/gas"]
        flow = gas["gas_flow_b"]
        assert flow["value"][:].tolist() == [n + 0.5 for n in range(POINTS)]
        again = T0 + np.array([0, 1.5, 2, 3, 4])  # point 1 was taken twice
        np.testing.assert_array_equal(flow["timestamp"][:], again)
        assert (flow.attrs["alignment"], flow.attrs["signal"]) == ("mean", "value")
        assert flow["value"].attrs["units"] == "l"
        assert flow["refused"][:] == [3]
        assert gas["gas_count/value"].dtype == np.int64
        assert gas["gas_count/status"][:].tolist() == [1, 0, 0, 0, 0]
        assert gas["gas_mode/value"][2].decode() == "größer größer "
        assert np.isnan(gas["gas_silent/value"][:]).tolist() == [True] * POINTS
        assert "gas_wave" not in gas  # arrays are not aligned
        fit = file["entry/collection/fit"]
        assert fit["parameters/name"][:].tolist() == [b"amplitude", b"center"]
        assert np.isnan(fit["parameters/error"][0])
        assert fit["curve/y"][:].tolist() == FIT.curve[1]


@pytest.mark.parametrize("cut", [0, 3, 40])
def test_a_new_life_writes_the_same_columns(cut, bus, tmp_path):
    """The first life is over when it has seen the first part of all logs."""
    first, rest = points(), everything_sent()
    take(bus, ROLE, gas_scan())
    bus.commit([*first[:3], *rest[:cut]])
    path = tmp_path / "killed" / PLACE
    with running(new_life(ROLE, bus.broker, path.parents[3]), run) as life:
        until_there(life, path)
    bus.commit([*rest[cut:], *first[3:]])
    with running(new_life(ROLE, bus.broker, path.parents[3]), run):
        until(bus, lambda: done(bus))
    other = MemoryBus(MemoryBroker())
    put_devices(other)
    undisturbed = written(other, tmp_path, *everything_sent(), *points())
    same(everything(path), everything(undisturbed))


def test_rows_that_come_behind_their_points_make_the_same_file(bus, tmp_path):
    """One log after the other, each followed while it grows; all end together."""
    aligned = [one for one in SIGNALS if one.align is not None]
    rows = [rows_log(one) for one in aligned]
    *taken, seal = points()
    fit = Append(keys.fits("scan1"), FIT, Id(POINTS, 1))
    path = tmp_path / "live" / PLACE
    take(bus, ROLE, gas_scan())
    with running(new_life(ROLE, bus.broker, path.parents[3]), run) as life:
        bus.commit(taken)
        until_there(life, path)
        for change in [c for one in SIGNALS for c in samples_log(one)]:
            bus.commit([change])
        for log in rows:
            for change in log[:-1]:
                bus.commit([change])
        bus.commit([fit, *(log[-1] for log in rows), seal])
        until(bus, lambda: done(bus))
    other = MemoryBus(MemoryBroker())
    put_devices(other)
    at_once = written(other, tmp_path, *everything_sent(), *points())
    same(everything(path), everything(at_once))


def test_a_scan_without_streams_and_fit_has_nothing_of_it(bus, tmp_path):
    path = written(bus, tmp_path, *points(), scan=begin(POINTS))
    with h5py.File(path) as file:
        assert {"aligned", "fit"}.isdisjoint(file["entry/collection"])


@pytest.mark.parametrize("whole", [True, False])
def test_a_file_with_rows_and_a_fit_is_valid(whole, bus, tmp_path):
    """Also of a scan that ended before its first point."""
    tmp_path.joinpath("settings.yaml").write_text(SETTINGS)
    sent, log = everything_sent(), points()
    if not whole:
        seal = Seal(index=9, points=0, state=ScanState.ABORTED, reason="", time=T0)
        none = Fit(points=0, model="gaussian", x="", y="", final=True, message="none")
        aligned = [keys.aligned("scan1", "gas", one.name) for one in SIGNALS]
        sent = [Append(one, AlignedEnd(), Id(1)) for one in aligned]
        sent.append(Append(keys.fits("scan1"), none, Id(0, 1)))
        log = [Append(keys.points("scan1"), seal, Id(1))]
    path = written(bus, tmp_path, *sent, *log)
    assert base_complaints(path) == []
    assert complaints(path) == []
    with h5py.File(path) as file:
        gas = [f"{ALIGNED}/gas/{n}" for n in file[f"{ALIGNED}/gas"] if n != MODE.name]
    plots = [*gas, "/entry/collection/fit/curve"]
    assert [base_complaints(path, plot) for plot in plots] == [[]] * 5
    with h5py.File(path, "r+") as file:
        del file[f"{plots[0]}/value"]
    assert base_complaints(path, plots[0])


# --- the fit --------------------------------------------------------------------------
def with_analysis(bus, heard):
    """A scan that has ended, and an analysis that was heard of then, to fit it."""
    taken = Taken(scan_id="scan1", scan_number=42, name="line_scan", user="ada")
    beat = Heartbeat(service="", pid=1, state="running", version="", time=heard)
    role = "data_analysis"
    take(bus, ROLE, gas_scan())
    bus.commit([Put(keys.todo[role]("main"), taken, "scan1")])
    sent = everything_sent()[:-1]
    bus.commit([Put(keys.heartbeats[role]("main"), beat), *sent, *points()])


def test_a_file_waits_for_a_fit_that_somebody_is_about_to_make(bus, tmp_path):
    """And no other file waits with it."""
    with_analysis(bus, heard=time.time() + 60)
    with running(new_life(ROLE, bus.broker, tmp_path), run):
        take(bus, ROLE, begin(scan_id="scan2", scan_number=43))
        log = keys.points("scan2")
        bus.commit([Append(log, entry, at) for at, entry in points_log(POINTS)])
        until(bus, lambda: bus.last(keys.files("scan2")) is not None)
        early = msgspec.structs.replace(FIT, final=False, model="early")
        bus.commit([Append(keys.fits("scan1"), early, Id(POINTS))])
        assert not done(bus)
        bus.commit([Append(keys.fits("scan1"), FIT, Id(POINTS, 1))])
        until(bus, lambda: done(bus))
    with h5py.File(tmp_path / PLACE) as file:
        assert file["entry/collection/fit/model"][:].tolist() == [b"gaussian"]
        gas = file["entry/collection/devices/gas"]
        assert gas["gas_slices/value"].shape == (3, 20)  # nothing was written twice
    assert bus.last(keys.alarms()) is None


def test_a_fit_that_nobody_makes_any_more_is_told_to_be_missing(bus, tmp_path):
    with_analysis(bus, heard=time.time() - 60)
    with running(new_life(ROLE, bus.broker, tmp_path), run):
        until(bus, lambda: done(bus))
    alarm = bus.last(keys.alarms()).message
    assert (alarm.scan_id, "the fit" in alarm.message) == ("scan1", True)


def test_a_stream_without_an_end_is_waited_for_and_told_once_while_a_fit_is_made(
    bus, tmp_path, monkeypatch
):
    monkeypatch.setattr("bec_services.file_writer.side_streams._LATE", 0.01)
    endless = keys.streams("scan1", "gas", SIGNALS[0].name)
    with_analysis(bus, heard=time.time() + 60)
    bus.broker.logs[endless.name].pop()
    with running(new_life(ROLE, bus.broker, tmp_path), run):
        for number in range(3):  # each wakes the writer
            early = msgspec.structs.replace(FIT, final=False)
            bus.commit([Append(keys.fits("scan1"), early, Id(1, number))])
            until(bus, lambda: bus.last(keys.alarms()) is not None)
        bus.commit([Append(keys.fits("scan1"), FIT, Id(POINTS, 1))])
        until(bus, lambda: done(bus))
    assert [endless.name.rsplit("/", 1)[1]] == [
        e.message.message.split()[0] for e in bus.read(keys.alarms())
    ]


def test_a_file_is_complete_without_a_fit_that_nobody_is_to_make(bus, tmp_path):
    with h5py.File(written(bus, tmp_path, *points())) as file:
        assert file["entry/collection/fit/model"].shape == (0,)
    assert bus.last(keys.alarms()) is None


# --- live -----------------------------------------------------------------------------
