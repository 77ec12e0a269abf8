"""What a site puts around the phases of a scan, and what it cannot break."""

import pytest

from bec_kernel.errors import DeviceError, RefusedError
from bec_kernel.wire import Device, DeviceValue, Reading, ScanRequest, StepKind
from bec_services.scan_server import __main__ as main
from bec_services.scan_server.accept.assembler import Catalogue
from bec_services.scan_server.accept.guard import accept
from bec_services.scan_server.accept.limits import Beamline
from bec_services.scan_server.program.frame import code_of, frame_of
from bec_services.scan_server.program.hook import Hook, Phase
from bec_services.scan_server.program.request import StepRequest
from bec_services.scan_server.scans import LineScan, Move

DEVICES = {
    name: Device(name=name, server="main", device_class="x", positioner=True)
    for name in ("x", "shutter", "lamp")
}
DEVICES["gauge"] = Device(
    name="gauge", server="main", device_class="x", readout_priority="baseline"
)
VALUES = {"x": DeviceValue(readings={"x": Reading(5.0, 0.0)})}
OWN = ["open", "baseline", "stage", "point", "point", "unstage", "close"]


def move(device, at):
    return StepRequest(kind=StepKind.MOVE, set={device: at})


def begun(hooks, *, devices=DEVICES, **options):
    request = ScanRequest(
        request_id="r",
        name="line_scan",
        args=["x", 0, 1],
        kwargs={"steps": 2, **options},
    )
    catalogue = Catalogue([LineScan, Move], hooks=hooks)
    beamline = Beamline(devices=devices, values=VALUES)
    accepted = accept(catalogue, beamline, request, "ada", 0.0)
    frame = frame_of(accepted.scan, accepted.begin, accepted.bound, hooks)
    return accepted, frame


def kinds(program):
    """What a program wants, in words: a move by its device and place."""
    found = []
    for want in program:
        places = [f"{name}={at:g}" for name, at in want.set.items()]
        found.append(places[0] if want.kind is StepKind.MOVE else str(want.kind))
    return found


def whole(hooks, **more):
    _, frame = begun(hooks, **more)
    return [*kinds(frame.body()), *kinds(frame.cleanup(moves=True))]


class Tracer(Hook):
    """Move the lamp before and after every phase there is."""

    devices = ("lamp",)

    def before(self, phase, begin):
        yield move("lamp", list(Phase).index(phase))

    def after(self, phase, begin):
        yield move("lamp", list(Phase).index(phase) + 0.5)


class Outer(Hook):
    devices = ("shutter",)

    def before(self, phase, begin):
        if phase is Phase.POINTS:
            yield move("shutter", 1)

    def after(self, phase, begin):
        if phase is Phase.POINTS:
            yield move("shutter", 0)


class Instead(Hook):
    devices = ("lamp",)

    def replace(self, phase, begin):
        return self._blink() if phase is Phase.POINTS else None

    def _blink(self):
        data = yield StepRequest(kind=StepKind.READ, devices=["lamp"], answer=True)
        yield move("lamp", data["lamp"]["lamp"].value)


def test_without_hooks_a_scan_has_its_own_phases():
    assert whole({}) == OWN


def test_a_hook_comes_before_and_after_each_phase_but_not_outside_the_scan():
    assert whole({"trace": Tracer()}) == [
        *("open", "lamp=0.5"),
        *("lamp=1", "baseline", "lamp=1.5"),
        *("lamp=2", "stage", "lamp=2.5"),
        *("lamp=3", "point", "point", "lamp=3.5"),
        *("lamp=4", "unstage", "lamp=4.5"),
        *("lamp=5", "close"),
    ]


def test_hooks_lie_around_each_other_in_their_order():
    found = whole({"shutter": Outer(), "trace": Tracer()})
    points = found[found.index("shutter=1") : found.index("shutter=0") + 1]
    assert points == ["shutter=1", "lamp=3", "point", "point", "lamp=3.5", "shutter=0"]


def test_a_phase_is_replaced_by_a_program_that_may_ask():
    _, frame = begun({"instead": Instead()})
    body = frame.body()
    assert kinds([next(body) for _ in range(4)]) == [
        "open",
        "baseline",
        "stage",
        "read",
    ]
    assert body.send({"lamp": {"lamp": Reading(7.0, 0.0)}}).set == {"lamp": 7.0}
    assert list(body) == []


def test_a_hook_is_for_the_scans_it_names():
    class Other(Tracer):
        scans = ("grid_*", "acquire")

    class This(Tracer):
        scans = ("*_scan",)

    assert whole({"other": Other()}) == OWN
    assert len(whole({"this": This()})) > len(OWN)


def test_its_devices_belong_to_the_scan_and_must_be_there():
    accepted, _ = begun({"shutter": Outer()})
    assert accepted.begin.hooks == {"shutter": ["shutter"]}
    assert accepted.begin.servers["shutter"] == "main"
    assert "shutter" in accepted.devices
    none = {"x": DEVICES["x"]}
    assert whole({"shutter": Outer()}, devices=none)[:3] == ["open", "stage", "point"]
    away = Device(name="shutter", server="main", device_class="x", connected=False)
    with pytest.raises(RefusedError, match="hook shutter: shutter is not connected"):
        begun({"shutter": Outer()}, devices=DEVICES | {"shutter": away})


def test_a_hook_is_part_of_the_scans_code():
    with_hook, _ = begun({"shutter": Outer()})
    without, _ = begun({})
    assert with_hook.begin.code == code_of(LineScan(), [Outer()])
    assert with_hook.begin.code != without.begin.code == code_of(LineScan())
    assert with_hook.begin.version == "frame 1, line_scan 1, Outer 1"
    assert without.begin.version == "frame 1, line_scan 1"


class Broken(Hook):
    """Fail wherever it is asked."""

    devices = ("lamp",)

    def before(self, phase, begin):
        raise ValueError(f"before {phase}")

    def after(self, phase, begin):
        yield move("lamp", 1)
        raise ValueError(f"after {phase}")

    def replace(self, phase, begin):
        raise ValueError(f"instead of {phase}")


def test_a_hook_that_fails_ends_the_scan_but_not_its_clean_up():
    _, frame = begun({"broken": Broken()})
    body = frame.body()
    assert kinds([next(body), next(body)]) == ["open", "lamp=1"]
    with pytest.raises(ValueError, match="after open"):
        next(body)
    cleanup, found = frame.cleanup(moves=False), []
    with pytest.raises(ValueError, match="before unstage"):
        found.extend(cleanup)
    assert kinds(found) == ["unstage", "lamp=1", "close"]
    assert found[-1].answer  # told only when the scan is closed


class Greedy(Hook):
    """Have more to say when it is told to end."""

    devices = ("lamp",)

    def before(self, phase, begin):
        try:
            yield move("lamp", 1)
        finally:
            yield move("lamp", 0)


def test_a_hook_that_does_not_end_is_ended():
    _, frame = begun({"greedy": Greedy()})
    body = frame.body()
    for _ in range(2):
        next(body)
    body.close()
    assert kinds(frame.cleanup(moves=False)).count("unstage") == 1


class Thief(Hook):
    def before(self, phase, begin):
        yield move("lamp", 1)


class Nonsense(Hook):
    def before(self, phase, begin):
        yield "close the shutter, please"


@pytest.mark.parametrize(
    ("hook", "said"),
    [
        (Thief(), "hook own uses lamp, which is not among its devices"),
        (Nonsense(), "hook own wants 'close the shutter, please'"),
    ],
)
def test_a_hook_wants_steps_of_its_own_devices(hook, said):
    _, frame = begun({"own": hook}, devices={"x": DEVICES["x"]})
    with pytest.raises(DeviceError, match=said):
        kinds(frame.body())


def finished(hooks):
    """The frame of a relative scan whose points are taken."""
    _, frame = begun(hooks, relative=True)
    body, sent = frame.body(), None
    while True:
        try:
            want = body.send(sent)
        except StopIteration:
            return frame
        sent = {"x": VALUES["x"].readings} if want.answer else None


def test_a_relative_scan_goes_back_before_the_hooks_of_the_clean_up():
    frame = finished({"trace": Tracer()})
    assert kinds(frame.cleanup(moves=True))[:2] == ["x=5", "lamp=4"]


def test_a_relative_scan_that_failed_is_unstaged_where_it_stands():
    assert kinds(finished({}).cleanup(moves=False)) == ["unstage", "close"]


def test_a_hook_that_is_no_hook_is_left_out_and_told(monkeypatch):
    from importlib.metadata import EntryPoint

    own = "bec_services.scan_server.program.hook:Hook"
    values = ("json:loads", "no_such:Hook", own)
    entries = [EntryPoint(f"own{i}", v, "bec.hooks") for i, v in enumerate(values)]
    entries.append(entries[-1])
    monkeypatch.setattr(main, "entry_points", lambda group: entries)
    told = []
    assert list(main.load_hooks(told.append)) == ["own2"]
    assert [one.split()[1] for one in told] == ["own0", "own1", "own2"]
    assert "another of this name" in told[2]
