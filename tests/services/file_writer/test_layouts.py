"""What a site adds to its files, and what it must not break."""

import tomllib
from importlib.metadata import EntryPoint
from pathlib import Path

import h5py
import numpy as np
import pytest

from bec_kernel.testing import MemoryBroker, MemoryBus
from bec_kernel.wire import keys
from bec_services.file_writer import site_settings as site
from bec_services.file_writer.service import run
from bec_services.file_writer.site_additions import Layout
from tests.services.file_writer.every_scan import play
from tests.services.file_writer.nexus import base_complaints, complaints, shown
from tests.services.recorded import new_life, running, until

pytestmark = pytest.mark.slow  # each builds and checks whole files

FOLDER = Path(__file__).parents[3] / "extensions" / "example_beamline"
SOURCE = "source: {name: ring, type: Synchrotron X-ray Source, probe: x-ray}"
LINE = "line_scan samx 0 1 --steps 3"
GRID = "grid_scan samx 0 1 3 samy 0 1 2"


class Good(Layout):
    def add(self, draft):
        draft.group("/entry/ours", "NXcollection", kind="test", sizes=[1, 2])
        draft.field("/entry/ours/number", 7, units="mm")
        draft.field("/entry/ours/nothing", None)
        draft.link("/entry/ours/det", draft.value("det"))
        assert not draft.link("/entry/ours/lacking", draft.value("lacking"))
        draft.group("/entry", "NXentry", default="ours")


class Raises(Layout):
    def add(self, draft):
        draft.group("/entry/theirs", "NXcollection")
        raise KeyError("no such thing")


class Replaces(Layout):
    def add(self, draft):
        draft.field("/entry/title", "ours")


class Elsewhere(Layout):
    def add(self, draft):
        draft.field("/entry/nowhere/number", 1)


class Outside(Layout):
    def add(self, draft):
        draft.group("/other", "NXentry")


class Odd(Layout):
    def add(self, draft):
        draft.field("/entry/odd", object())


class Endless(Layout):
    def add(self, draft):
        number = 0
        while True:
            number += 1
            draft.field(f"/entry/n{number}", number)


class Cunning(Layout):
    """What only HDF5 finds out: the same name twice, once by way of a link."""

    def add(self, draft):
        draft._nodes["/entry/x"] = draft._nodes["/entry/title"]


BROKEN = [Raises, Replaces, Elsewhere, Outside, Odd, Endless, Cunning]


@pytest.fixture
def install(monkeypatch):
    def give(**entries):
        group = site.GROUP
        made = [EntryPoint(name, value, group) for name, value in entries.items()]
        monkeypatch.setattr(site, "entry_points", lambda group: made)

    return give


@pytest.fixture
def example(install, monkeypatch):
    monkeypatch.syspath_prepend(FOLDER)
    project = tomllib.loads((FOLDER / "pyproject.toml").read_text())["project"]
    install(**project["entry-points"][site.GROUP])


def write(data, line, settings=""):
    """Write a scan's file; return it, and what people are told."""
    data.joinpath("settings.yaml").write_text(f"files: {{{settings}}}")
    broker = MemoryBroker()
    bus = MemoryBus(broker)
    log = keys.files(play(bus, line, 1).scan_id)
    with running(new_life("file_writer", broker, data), run):
        until(bus, lambda: bus.last(log) is not None)
    alarms = [entry.message.message for entry in bus.read(keys.alarms())]
    return Path(bus.last(log).message.path), alarms


def test_a_layout_adds_groups_fields_links_and_attributes(install, tmp_path):
    install(good=f"{__name__}:Good")
    path, told = write(tmp_path, LINE)
    assert told == []
    with h5py.File(path) as file:
        ours = file["entry/ours"]
        assert set(ours) == {"number", "det"}
        assert ours["number"][()] == 7
        assert ours["number"].attrs["units"] == "mm"
        assert ours["det"] == file["entry/collection/devices/det/det/value"]
        assert ours.attrs["sizes"].tolist() == [1, 2]
        assert file["entry"].attrs["default"] == "ours"


@pytest.mark.parametrize("broken", BROKEN)
def test_a_broken_layout_costs_what_it_adds_and_is_told_once(broken, install, tmp_path):
    install(good=f"{__name__}:Good", broken=f"{__name__}:{broken.__name__}")
    path, told = write(tmp_path, LINE)
    (alarm,) = told
    assert "left out of the file" in alarm
    with h5py.File(path) as file:
        assert {"theirs", "x", "n1"}.isdisjoint(file["entry"])
        assert file["entry/end_time"][()]
        assert file["entry/title"][()].startswith(b"line_scan")
        assert ("ours" in file["entry"]) is (broken is not Cunning)


@pytest.mark.parametrize("value", ["no_such_package:X", "os:system", "json:NoSuch"])
def test_what_is_no_layout_is_left_out_and_told(value, install, tmp_path):
    install(odd=value)
    path, told = write(tmp_path, LINE)
    assert "odd" in told[0]
    assert path.exists()


def test_the_settings_choose_among_what_is_installed(install, tmp_path):
    install(good=f"{__name__}:Good", broken=f"{__name__}:Raises")
    path, told = write(tmp_path, LINE, "layouts: [good]")
    assert told == []
    with h5py.File(path) as file:
        assert "ours" in file["entry"]


def test_a_layout_that_is_chosen_and_not_installed_is_named(install, tmp_path):
    install(good=f"{__name__}:Good")
    _, told = write(tmp_path, LINE, "layouts: [other]")
    assert told == ["files.layouts: unknown layout other; installed: good"]


def test_a_wrong_setting_costs_no_file(tmp_path):
    path, told = write(tmp_path, LINE, "layout: [good]")
    assert "files.layout: " in told[0]
    assert path.exists()


@pytest.mark.parametrize(
    ("line", "place", "definition"),
    [(LINE, "/entry/scan", "NXscan"), (GRID, "/entry/stxm", "NXstxm")],
)
def test_the_examples_obey_their_definitions(
    line, place, definition, example, tmp_path
):
    path, told = write(tmp_path, line, SOURCE)
    assert told == []
    assert complaints(path, definition, place) == []
    assert complaints(path) == []
    assert base_complaints(path) == []
    with h5py.File(path, "r+") as file:
        other = "/entry/stxm" if place == "/entry/scan" else "/entry/scan"
        assert other not in file
        del file[f"{place}/data/data"]
    assert complaints(path, definition, place)


def test_the_microscope_shows_the_sample(example, tmp_path):
    path, _ = write(tmp_path, GRID, SOURCE)
    with h5py.File(path) as file:
        data = file["entry/stxm/data"]
        np.testing.assert_array_equal(data["data"][()], shown(path).values)
        assert data["sample_x"].shape == (3,)


def test_a_scan_that_lacks_what_it_takes_is_as_without_the_layouts(example, tmp_path):
    path, told = write(tmp_path, "acquire", SOURCE)
    assert told == []
    with h5py.File(path) as file:
        assert {"scan", "stxm"}.isdisjoint(file["entry"])
