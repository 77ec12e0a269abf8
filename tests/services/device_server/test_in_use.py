"""What a scan uses is not changed meanwhile, nor what stands behind it."""

import pytest

from bec_kernel.bus.changes import Append, Id
from bec_kernel.wire import Step, StepKind, StepRequest, keys
from tests.services.device_server.edit_server import LIST, Server
from tests.services.recorded import begin, take, until

pytestmark = pytest.mark.keeps_threads
AXES = "bec_services.device_server.hardware.axes.PseudoAxis"
SLIT = """
slit: {deviceClass: bec_sim.SimSlit, readoutPriority: baseline}
"""
for axis in ("gap", "centre"):
    SLIT += f"""
slit_{axis}:
  deviceClass: {AXES}
  deviceConfig: {{device: slit, axis: {axis}}}
  readoutPriority: on_request
  needs: [slit]
"""


@pytest.fixture
def server(tmp_path, monkeypatch):
    monkeypatch.setenv("EPICS_CA_AUTO_ADDR_LIST", "NO")
    monkeypatch.setenv("EPICS_CA_ADDR_LIST", "127.0.0.1")
    return Server(tmp_path, monkeypatch)


def scan(server: Server, names, baseline=()) -> None:
    """A scan of these devices begins; return when the server knows."""
    parts = [*names, *baseline]
    first = begin(
        motors=[],
        monitored=list(names),
        baseline=list(baseline),
        triggered=[],
        servers=dict.fromkeys(parts, "main"),
    )
    take(server.bus, "device_server", first)


def step(server: Server, index: int, kind: StepKind, **fields) -> None:
    step = Step(
        index=index, on=["main"], epoch=0, request=StepRequest(kind=kind, **fields)
    )
    server.bus.commit([Append(keys.steps("scan1"), step, Id.of(index))])
    log = keys.answers("scan1", "main")
    until(server.bus, lambda: (e := server.bus.last(log)) and e.id == Id.of(index))


def test_a_pseudo_axis_in_a_scan_keeps_what_it_moves_from_others(server):
    with server.life(LIST + SLIT):
        scan(server, ["slit_gap"])
        for refused in (
            server.edit("update", devices={"slit": {"description": "mine"}}),
            server.edit("disable", names=["slit"]),
            server.edit("reload", names=["slit"]),
        ):
            assert "slit is in use by scan 42" in refused.problem.message
        step(server, 1, StepKind.OPEN)
        for device, method in (
            ("slit", "gap.set"),
            ("slit", "left.velocity.put"),
            ("slit_centre", "set"),
        ):
            refused = server.call(device, method, 3)
            assert f"{device} is in use by scan 42" in refused.problem.message
        assert server.call("slit", "left.velocity.get").value == 5
        assert server.call("samx", "set", 1).problem is None
        assert server.published()["slit_gap"].needs == ["slit"]


def test_what_a_detector_looks_at_may_move_but_stays_as_it_is(server):
    with server.life():
        scan(server, ["bpm4i"])
        step(server, 1, StepKind.OPEN)
        assert server.call("samx", "set", 1).problem is None
        assert "in use" in server.edit("disable", names=["samx"]).problem.message


def test_the_baseline_stays_as_it_is_until_it_was_read(server):
    with server.life():
        scan(server, ["bpm4i"], baseline=["samx"])
        assert "in use" in server.edit("disable", names=["samx"]).problem.message
        step(server, 1, StepKind.OPEN)
        assert "in use" in server.edit("disable", names=["samx"]).problem.message
    with server.life(LIST.replace("needs: [samx]", ""), token="second"):
        step(server, 2, StepKind.BASELINE, devices=["samx"])
        assert server.edit("disable", names=["samx"]).problem is None
