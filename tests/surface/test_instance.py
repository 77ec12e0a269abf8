"""What a running instance shows: files of all scans, objects, magics, who may what."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from bec_kernel.wire import keys
from tests.surface.differences import PLAIN_TERMINAL, left_over
from tests.surface.lines import LINES, MORE, drive
from tests.surface.master import text_of
from tests.surface.objects import described, parameters
from tests.system.beamline import Instance
from tests.system.site import installed
from tests.waiting import until

HERE = Path(__file__).parent
SETTINGS = "users: {bob: user, eve: operator}\n"
ADVISOR = "peak_finder"
PASSWORD = re.compile(r"#[0-9a-f]{64}")
FILES = "files"

pytestmark = pytest.mark.timeout(180)


@pytest.fixture(scope="module")
def instance(tmp_path_factory, runtime):
    """An instance in virtual time, with the example of a site's package."""
    folder = tmp_path_factory.mktemp("surface")
    data = folder / "data"
    data.mkdir()
    data.joinpath("settings.yaml").write_text(SETTINGS)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", installed(folder))
        devices = (HERE / "devices.yaml").read_text()
        found = Instance(data, "--virtual", devices=devices)
        try:
            words = ("-m", f"example_beamline.{ADVISOR}")
            advisor = found.beside("data_analysis", *words, BEC_NAME=ADVISOR)
            alive = keys.heartbeats["data_analysis"](ADVISOR)
            until(lambda: found.client.bus.get(alive))
            yield found
            advisor.terminate()
            advisor.wait(15)
        finally:
            found.close()


@pytest.fixture(scope="module")
def reports(instance):
    """The reports of all scans, by name: taken once, in this order."""
    return {name: taken(instance.client, line) for name, line in (LINES | MORE).items()}


def taken(client, line):
    """Run a scan and return its report when its file is complete."""
    report = client.run(line) if line else drive(client)
    until(lambda: report.is_final, 60)
    until(lambda: report.file is not None, 30)
    return report


def test_every_published_scan_has_a_stored_file(instance, rewrites):
    published = instance.client.scans.catalogue()
    assert {name for name, one in published.items() if one.is_scan} == {*LINES}
    names = {f"{name}.txt" for name in LINES | MORE}
    assert left_over(FILES, names, rewrites=rewrites) == []


@pytest.mark.parametrize("name", LINES | MORE)
def test_the_file_of_a_scan(reports, compare, name):
    compare(f"{FILES}/{name}.txt", text_of(reports[name].file))


def test_the_objects_a_person_holds(instance, reports, compare):
    bec, report = instance.client, reports["line_scan"]
    dry = bec.scans.dry_run("line_scan samx 0 1 --steps 3")
    found = {
        "bec": bec,
        "bec.dev": bec.dev,
        "bec.dev.samx": bec.dev.samx,
        "bec.dev.samx.velocity": bec.dev.samx.velocity,
        "bec.config": bec.config,
        "bec.metadata": bec.metadata,
        "bec.scans": bec.scans,
        "bec.queue": bec.queue,
        "bec.queue.history": bec.queue.history,
        "bec.queue.items": bec.queue.items,
        "bec.history": bec.history,
        "bec.history[-3:]": bec.history[-3:],
        "bec.alarms()": bec.alarms(),
        "report": report,
        "report.devices": report.devices,
        "report.devices.det": report.devices.det,
        "report.devices.det.det": report.devices.det.det,
        "report.hdf5": report.hdf5,
        "report.hdf5['entry/title']": report.hdf5["entry/title"],
        "report.timing": report.timing,
        "report.fit": report.fit,
        "report.diff(-1)": report.diff(-1),
        "bec.scans.dry_run(...)": dry,
        "bec.scans.dry_run(...)[0]": dry[0],
        "the first point": next(iter(report.points())),
    }
    texts = [described(title, one) for title, one in found.items()]
    functions = {name: bec.scans.function(name) for name in bec.scans.catalogue()}
    scans = [f"{name}{parameters(one)}" for name, one in sorted(functions.items())]
    texts.append("\n".join(["# the functions of bec.scans", *scans]) + "\n")
    compare("objects.txt", "\n".join(texts))


def test_what_the_status_tells_programs(instance, compare):
    compare("status.txt", "\n".join(sorted(names_in(instance.client.status()))) + "\n")


def names_in(found, path=""):
    """Return the paths of all entries of what becomes JSON; lists are one entry."""
    if isinstance(found, dict):
        below = [names_in(one, f"{path}.{name}") for name, one in found.items()]
        return {f"{path or '.'} (mapping)"}.union(*below)
    if isinstance(found, list):
        return {f"{path} (list)"}.union(*(names_in(one, f"{path}[]") for one in found))
    return {path}


def test_the_magics(instance, compare):
    own = {"IPYTHONDIR": str(instance.data / "ipython"), **PLAIN_TERMINAL}
    done = subprocess.run(
        [sys.executable, HERE / "ipython_says.py"],
        cwd=instance.data.parent,
        env=os.environ | own,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    compare("magics.txt", done.stdout)


def test_what_each_user_of_the_broker_may_do(instance, compare):
    (path,) = instance.data.rglob("users.acl")
    compare("users.acl", PASSWORD.sub("#<password>", path.read_text()))
