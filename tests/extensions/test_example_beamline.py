"""A site's own scan is found, bound and checked like those that come with BEC."""

import tomllib
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from bec_kernel.errors import RefusedError
from bec_kernel.wire import Device, ScanRequest
from bec_services.scan_server import __main__ as main
from bec_services.scan_server.accept.assembler import Catalogue, bind
from bec_services.scan_server.accept.guard import accept
from bec_services.scan_server.accept.limits import Beamline
from bec_services.scan_server.program.frame import frame_of, version_of

FOLDER = Path(__file__).parents[2] / "extensions" / "example_beamline"
DEVICES = {
    name: Device(name=name, server="main", device_class="Sim", positioner=True)
    for name in ("samx", "shutter")
}
DEVICES["gauge"] = Device(
    name="gauge", server="main", device_class="Sim", readout_priority="baseline"
)


@pytest.fixture
def catalogue(monkeypatch):
    """What the scan server knows once the package is installed."""
    monkeypatch.syspath_prepend(FOLDER)
    project = tomllib.loads((FOLDER / "pyproject.toml").read_text())["project"]

    def entries(group):
        named = project["entry-points"][group].items()
        return [EntryPoint(name, value, group) for name, value in named]

    own = [entry.load() for entry in entries("bec.scans")]
    assert [one.name for one in entries("bec.scans")] == [scan.name for scan in own]
    monkeypatch.setattr(main, "entry_points", entries)
    tell = pytest.fail
    return Catalogue(
        main.load_scans(tell), main.load_schemas(tell), main.load_hooks(tell)
    )


def begun(catalogue, *, devices=DEVICES, **metadata):
    request = ScanRequest(
        request_id="r",
        name="line_scan",
        args=["samx", 0, 1],
        kwargs={"steps": 2},
        metadata=metadata,
    )
    return accept(catalogue, Beamline(devices=devices), request, "ada", 0.0)


def steps(catalogue, accepted):
    """What an undisturbed scan does, and where the shutter is to be."""
    begin, bound = accepted.begin, accepted.bound
    frame = frame_of(accepted.scan, begin, bound, catalogue.hooks)
    return [
        (str(want.kind), want.set.get("shutter"))
        for want in (*frame.body(), *frame.cleanup(moves=True))
    ]


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
    assert version_of(there) == "frame 1, there_and_back 1" != version_of(line)


def test_the_shutter_is_opened_before_the_first_exposure_and_closed_at_last(catalogue):
    accepted = begun(catalogue)
    assert "shutter" in accepted.devices
    assert steps(catalogue, accepted) == [
        ("open", None),
        ("baseline", None),
        ("stage", None),
        ("move", 1.0),
        ("point", None),
        ("point", None),
        ("move", 0.0),
        ("unstage", None),
        ("close", None),
    ]


def test_without_a_shutter_in_the_device_list_nothing_is_opened(catalogue):
    accepted = begun(catalogue, devices={"samx": DEVICES["samx"]})
    assert accepted.begin.hooks == {}
    assert "move" not in dict(steps(catalogue, accepted))


def test_metadata_that_do_not_look_like_this_beamlines_are_refused(catalogue):
    begun(catalogue, proposal="p12345", sample="steel", mood="good")
    with pytest.raises(RefusedError, match=r"metadata proposal: .* not '12345'"):
        begun(catalogue, proposal="12345")
    with pytest.raises(RefusedError, match="metadata temperature"):
        begun(catalogue, temperature=-3)
