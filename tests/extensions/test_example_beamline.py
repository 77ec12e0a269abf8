"""A site's own scan is found, bound and checked like those that come with BEC."""

import tomllib
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from bec_kernel.errors import RefusedError
from bec_kernel.wire import Device, ScanRequest
from bec_services.scan_server.__main__ import load_scans
from bec_services.scan_server.assembler import Catalogue, bind
from bec_services.scan_server.frame import code_of

FOLDER = Path(__file__).parents[2] / "extensions" / "example_beamline"
GROUP = "bec.scans"
DEVICES = {
    "samx": Device(name="samx", server="main", device_class="Sim", positioner=True)
}


@pytest.fixture
def catalogue(monkeypatch):
    """The scans there are once the package is installed."""
    monkeypatch.syspath_prepend(FOLDER)
    project = tomllib.loads((FOLDER / "pyproject.toml").read_text())["project"]
    named = project["entry-points"][GROUP].items()
    own = [EntryPoint(name, value, GROUP).load() for name, value in named]
    assert {name for name, _ in named} == {scan.name for scan in own}
    return Catalogue([*load_scans(pytest.fail), *own])


def request(*args, **kwargs):
    return ScanRequest(request_id="r", name="there_and_back", args=args, kwargs=kwargs)


def positions(catalogue, *args, **kwargs):
    scan = catalogue.find("there_and_back")
    bound = bind(scan, request(*args, **kwargs), DEVICES)
    assert scan.shape(bound) == [len(list(scan.positions(bound)))]
    return [at["samx"] for at in scan.positions(bound)]


def test_it_goes_along_the_line_and_back_and_turns_once(catalogue):
    assert positions(catalogue, "samx", -1, 2, steps=4) == [-1, 0, 1, 2, 1, 0, -1]
    assert positions(catalogue, "samx", 3, 1, steps=2) == [3, 1, 3]


@pytest.mark.parametrize(
    ("args", "options", "named"),
    [
        (["samx", -1, 1], {"steps": 1}, "steps"),
        (["samx", -1, 1], {}, "steps"),
        (["samx", -1, 1, "samx", -1, 1], {"steps": 3}, "there_and_back"),
        (["samz", -1, 1], {"steps": 3}, "samz"),
    ],
)
def test_a_wrong_word_is_refused_by_name(catalogue, args, options, named):
    with pytest.raises(RefusedError, match=named):
        positions(catalogue, *args, **options)


def test_it_is_published_with_what_completion_and_help_need(catalogue):
    signature = catalogue.find("there_and_back").signature()
    assert signature.doc.startswith("Move a motor along a line and the same way back")
    assert [one.name for one in signature.options][:2] == ["steps", "relative"]
    assert "exp_time" in [one.name for one in signature.options]
    assert signature.example.startswith(signature.name)


def test_its_code_has_a_version_so_that_a_changed_one_is_not_resumed(catalogue):
    there, line = map(catalogue.find, ("there_and_back", "line_scan"))
    assert code_of(there) == code_of(there) != code_of(line)
