"""A site's package in a real instance, persons with roles, and where files lie."""

import math
from pathlib import Path

import h5py
import pytest

from bec_kernel.client import connect
from bec_kernel.errors import RefusedError, ScanAborted
from bec_kernel.instance.folder import Folder
from bec_kernel.wire import ItemAction, Step, Verb, keys
from tests.system.beamline import DEVICES, Instance
from tests.system.site import installed
from tests.waiting import until

MORE = """\
shutter:
  deviceClass: bec_sim.SimPositioner
  deviceConfig: {delay: 0, limits: [0, 1]}
  readoutPriority: on_request
samy:
  deviceClass: bec_sim.SimPositioner
  deviceConfig: {delay: 0, limits: [-50, 50]}
  readoutPriority: baseline
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("site")
    data = folder / "data"
    data.mkdir()
    data.joinpath("settings.yaml").write_text("users: {bob: user, eve: operator}\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", installed(folder))
        instance = Instance(data, "--virtual", devices=DEVICES + MORE)
    yield instance
    instance.close()


@pytest.fixture
def bob(site):
    with connect(url=Folder(site.data).url("bob")) as client:
        yield client


def shutter(site, report):
    """Where the shutter was told to be, and how many points came before."""
    found, points = [], 0
    for step in site.steps(report.scan_id):
        if isinstance(step, Step):
            points += step.request.point_id is not None
            if "shutter" in step.request.set:
                found.append((step.request.set["shutter"], points))
    return found


def test_a_sites_scan_hook_and_schema_are_there(site):
    scans = site.client.scans
    report = scans.there_and_back("samx", 0, 1, steps=2).wait(20)
    assert report.status == "closed"
    assert shutter(site, report) == [(1.0, 0), (0.0, 3)]
    with pytest.raises(RefusedError) as error:
        scans.acquire(metadata={"proposal": "12345"})
    assert error.value.subject == "metadata.proposal"
    assert site.client.alarms() == []


def test_the_shutter_is_closed_also_when_the_scan_is_aborted(site):
    report = site.client.scans.line_scan("samx", 0, 1, steps=100_000, exp_time=1)
    until(lambda: len(list(site.steps(report.scan_id))) > 10)
    report.abort()
    with pytest.raises(ScanAborted):
        report.wait(20)
    (opened, _), (closed, points) = shutter(site, report)
    assert (opened, closed) == (1.0, 0.0)
    assert 0 < points < 100_000
    until(lambda: site.client.dev.shutter.read()["shutter"]["value"] == 0.0)


def test_files_lie_where_one_asks_for_below_the_instances_own(site):
    scans = site.client.scans
    report = scans.acquire(file_directory="ada/steel", file_suffix="cold").wait(20)
    number = f"S{report.scan_number:05d}"
    wanted = Folder(site.data.resolve()).files / "ada" / "steel" / "S00000-00999"
    path = wanted / f"{number}_cold" / f"{number}_master.h5"
    assert Path(until(lambda: report.file)) == path
    assert path.exists()
    with pytest.raises(RefusedError) as error:
        scans.acquire(file_directory="../elsewhere")
    assert error.value.subject == "file_directory"


def test_an_exposure_takes_its_time_also_where_nothing_is_triggered(site):
    report = site.client.scans.acquire(
        exp_time=2, frames_per_trigger=3, readout_time=0.5, on_request=["det"]
    ).wait(20)
    (point,) = report.points()
    assert "det" not in point.data
    assert point.end - point.begin == pytest.approx(3 * 2.5)


LED = ("adaptive_scan", "fly_scan", "interactive", "line_sweep_scan")
"""Who leads them is not here, or how many points there will be nobody knows."""


def test_the_example_of_every_scan_runs_and_ends_in_a_file(site):
    catalogue = site.client.scans.catalogue().values()
    scans = [one for one in catalogue if one.is_scan and one.name not in LED]
    lines = [line.example for one in scans for line in (one, *one.forms)]
    assert len(lines) > 20
    for line in lines:
        report = site.client.run(line)
        if line.startswith("timescan"):  # it has no end of its own
            until(lambda: len(site.steps(report.scan_id)) > 10)  # noqa: B023
            wish = ItemAction(
                request_id="enough", verb=Verb.COMPLETE, scan_id=report.scan_id
            )
            site.client.bus.ask(keys.scan_asks(site.client.user), wish)
        report.wait(30)
        begin = site.steps(report.scan_id)[0]
        points = list(report.points())
        if not line.startswith("timescan"):
            assert len(points) == math.prod(begin.shape), line
        with h5py.File(until(lambda: report.file)) as file:  # noqa: B023
            values = file["entry/collection/devices/det/det/value"]
            assert len(values) == len(points) > 0, line


def test_a_user_acts_on_their_own_items_and_an_operator_on_all(site, bob):
    ours = site.client.scans.line_scan("samx", 0, 1, steps=100_000, exp_time=1)
    with pytest.raises(RefusedError, match="bob may not abort") as error:
        bob.report(ours.scan_id).abort()
    assert error.value.subject == "user"
    ours.abort()
    with pytest.raises(ScanAborted):
        ours.wait(20)
    for wants in ("self", "eve"):
        theirs = bob.scans.line_scan("samx", 0, 1, steps=100_000, exp_time=1)
        with connect(url=Folder(site.data).url("eve")) as eve:
            (bob if wants == "self" else eve).report(theirs.scan_id).abort()
        with pytest.raises(ScanAborted):
            theirs.wait(20)
