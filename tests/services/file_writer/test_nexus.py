"""The file of every scan, as the NeXus validator and programs that plot see it."""

import shutil
from pathlib import Path

import h5py
import numpy as np
import pytest
from nexusformat.nexus import nxload

from bec_kernel.testing import MemoryBroker, MemoryBus
from bec_kernel.wire import keys
from bec_services.file_writer.service import run
from tests.services.file_writer.every_scan import (
    BEYOND,
    CATALOGUE,
    EXAMPLES,
    START,
    counts,
    play,
)
from tests.services.file_writer.nexus import (
    SETTINGS,
    base_complaints,
    complaints,
    definition_complaints,
    shown,
)
from tests.services.recorded import new_life, running, until

pytestmark = pytest.mark.slow  # each builds and checks whole files

SCATTERED = {name for name, scan in CATALOGUE.scans.items() if scan.scattered}
# The only thing the validator may say. It knows no scattered points: as many axes as
# the signal has dimensions is all it accepts, while viewers want both named.
ALLOWED = [("/entry/data", '"@axes" length does not match the signal rank')]


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> dict[str, Path]:
    """The files of all scans, by the words they were asked for with."""
    data, broker = tmp_path_factory.mktemp("data"), MemoryBroker()
    data.joinpath("settings.yaml").write_text(SETTINGS)
    bus = MemoryBus(broker)
    scans = {line: play(bus, line, n) for n, line in enumerate(EXAMPLES, 1)}
    logs = {line: keys.files(begin.scan_id) for line, begin in scans.items()}
    with running(new_life("file_writer", broker, data), run):
        until(bus, lambda: all(bus.last(log) for log in logs.values()))
    assert bus.last(keys.alarms()) is None
    return {line: Path(bus.last(log).message.path) for line, log in logs.items()}


def of(files, name):
    return next(path for line, path in files.items() if line.split()[0] == name)


@pytest.mark.parametrize("line", EXAMPLES)
def test_the_file_of_every_scan_is_valid(line, files):
    allowed = ALLOWED if line.split()[0] in SCATTERED else []
    assert base_complaints(files[line]) == allowed
    assert complaints(files[line]) == []


def test_what_our_files_have_is_written_down_as_nexus_wants_it():
    assert definition_complaints() == []


REQUIRED = [
    "title",
    "start_time",
    "end_time",
    "entry_identifier_uuid",
    "program_name",
    "user/name",
    "sample",
    "instrument/name",
    "instrument/source",
    "instrument/samx/value",
    "instrument/det/data",
    "monitor_ion/data",
    "collection/readout_groups/async",
    "collection/states/time",
    "collection/metadata/bec/definition",
]


@pytest.fixture(scope="module")
def copy(files, tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("copy") / "copy.h5"
    shutil.copy(of(files, "line_scan"), path)
    return path


@pytest.mark.parametrize("name", REQUIRED)
def test_a_file_that_lacks_what_is_required_is_not_valid(name, copy):
    with h5py.File(copy, "r+") as file:
        file.move(f"entry/{name}", "kept")
    told = complaints(copy)
    with h5py.File(copy, "r+") as file:
        file.move("kept", f"entry/{name}")
    assert told


@pytest.mark.parametrize("name", ["signal", "axes"])
def test_a_plot_without_signal_or_axes_is_not_valid(name, copy):
    with h5py.File(copy, "r+") as file:
        kept = file["entry/data"].attrs.pop(name)
    told = base_complaints(copy)
    with h5py.File(copy, "r+") as file:
        file["entry/data"].attrs[name] = kept
    assert told


def test_one_motor_is_the_axis_of_the_first_detector(files):
    found = shown(of(files, "log_scan"))
    assert (found.signal, found.axes) == ("det", ["samx"])
    assert found.values.dtype.kind == "i"
    np.testing.assert_array_equal(found.values, counts(np.arange(21)))
    assert found.places["samx"][[0, -1]].tolist() == [0, 10]
    assert found.units == {"samx": "mm"}


def test_of_several_motors_the_first_is_the_axis_and_the_others_lie_along_it(files):
    found = shown(of(files, "list_scan"))
    assert found.axes == ["samx"]
    assert found.indices == {"samx": 0, "samy": 0}
    assert found.places["samy"].tolist() == [0, 2, 1]


def test_a_snaked_grid_has_each_point_at_its_place(files):
    found = shown(of(files, "grid_scan"))
    assert (found.axes, found.indices) == (["samy", "samx"], {"samy": 0, "samx": 1})
    expected = counts(np.arange(55)).reshape(5, 11)
    expected[1::2] = expected[1::2, ::-1]
    np.testing.assert_array_equal(found.values, expected)
    np.testing.assert_allclose(found.places["samx"], np.linspace(-1, 1, 11))
    np.testing.assert_allclose(found.places["samy"], np.linspace(-1, 1, 5))


def test_a_grid_around_where_one_is_tells_where_that_was(files):
    found = shown(files[BEYOND[1]])
    assert found.values.shape == (3, 3)
    np.testing.assert_allclose(found.places["samx"], START + np.array([-1, 0, 1]))


@pytest.mark.parametrize("name", sorted(SCATTERED))
def test_scattered_points_have_both_motors_as_axes(name, files):
    found = shown(of(files, name))
    assert found.axes == ["samx", "samy"]
    sizes = {found.values.shape, *(one.shape for one in found.places.values())}
    assert sizes == {(len(found.values),)}


@pytest.mark.parametrize("name", ["acquire", "time_scan"])
def test_without_a_motor_the_axis_is_the_time(name, files):
    found = shown(of(files, name))
    assert found.axes == ["time"]
    assert found.units == {"time": "s"}
    assert (np.diff(found.places["time"]) > 0).all()


def test_what_flies_is_plotted_over_its_own_positions(files):
    found = shown(of(files, "fly_scan"))
    assert (found.signal, found.axes) == (
        "flyer_flight_counts",
        ["flyer_flight_position"],
    )
    assert found.values.tolist() == list(range(20))


@pytest.mark.parametrize(
    "name", ["line_scan", "list_scan", "grid_scan", "fermat_scan", "fly_scan"]
)
def test_another_reader_finds_the_same_plot(name, files):
    found = shown(of(files, name))
    data = nxload(of(files, name)).get_default()
    assert data.nxsignal.nxname == found.signal
    np.testing.assert_array_equal(data.nxsignal.nxvalue, found.values)
    if name not in SCATTERED:
        assert [axis.nxname for axis in data.nxaxes] == found.axes


def test_links_tell_where_their_target_is(files):
    with h5py.File(of(files, "line_scan")) as file:
        for path in ("entry/data/det", "entry/data/samx", "entry/instrument/det/data"):
            assert file[file[path].attrs["target"]] == file[path]
        group = file["entry/collection/readout_groups/monitored/samx"]
        assert group.attrs["target"] == "/entry/collection/devices/samx"
