"""What a person reads who tries something: hints, help, the client itself."""

import pytest

from bec_kernel.bus.changes import Append, Id, Put
from bec_kernel.client import Client
from bec_kernel.scan import hints
from bec_kernel.wire import Alarm, Device, SignalDescription, keys


@pytest.mark.parametrize("name", ["mv", "move", "umv"])
def test_who_tries_to_move_a_device_is_told_how(bec, name):
    with pytest.raises(AttributeError) as caught:
        getattr(bec.dev.samx, name)
    assert str(caught.value) == (
        f"samx has nothing public called {name}: "
        "to move it, bec.mv(dev.samx, 1) or dev.samx.set(1)"
    )


def test_what_is_public_is_named_once_and_with_what_every_device_has(bec):
    with pytest.raises(AttributeError) as caught:
        _ = bec.dev.samx.zzz
    named = str(caught.value).partition("there is ")[2].partition(" and ")[0]
    assert len(named.split(", ")) == len({*named.split(", ")}) == 12
    assert "describe" in named
    with pytest.raises(AttributeError, match="did you mean position"):
        _ = bec.dev.samx.positon


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("position", 3, "bec.mv(dev.samx, 3) or dev.samx.set(3)"),
        ("readback", "in", "bec.mv(dev.samx, …)"),
        ("velocity", 2, "call dev.samx.velocity.set(…)"),
        ("colour", 2, "samx.colour cannot be assigned"),
    ],
)
def test_who_assigns_is_told_what_to_call(bec, server, name, value, said):
    with pytest.raises(AttributeError) as caught:
        setattr(bec.dev.samx, name, value)
    assert said in str(caught.value)
    assert server.seen == []


def test_a_device_cannot_be_hidden_behind_a_number(bec, server):
    with pytest.raises(AttributeError, match=r"to move it, bec\.mv\(dev\.samx, 3\)"):
        bec.dev.samx = 3
    with pytest.raises(AttributeError, match=r"dev\.bpm4i cannot be assigned$"):
        bec.dev.bpm4i = 3
    assert bec.dev.samx.name == "samx"
    assert server.seen == []


def test_a_device_explains_itself(bec, line):
    device = Device(
        name="samz",
        server="main",
        device_class="ophyd.EpicsMotor",
        description="sample, along the beam",
        positioner=True,
        limits=(-20.0, 20.0),
        signals=[SignalDescription(name="samz", unit="mm")],
        methods=["velocity.get", "velocity.set"],
    )
    line.commit([Put(keys.devices("main"), device, "samz")])
    told = bec.dev.samz.getdoc()
    assert told.splitlines()[0] == "samz: sample, along the beam"
    for part in ("ophyd.EpicsMotor", "-20 to 20 mm", "velocity", "bec.mv(dev.samz"):
        assert part in told
    assert told.count("velocity") == 1
    assert "getdoc" not in dir(bec.dev.samz)


def test_the_client_says_whose_it_is_and_where(line, server):
    with Client(line, url="redis://127.0.0.1:1", data="/here/data") as client:
        assert repr(client) == (
            "BEC client of tester: redis://127.0.0.1:1, data in /here/data"
        )
        client.where = "a private instance"
        assert repr(client) == "BEC client of tester: a private instance"


def test_tab_offers_of_the_client_what_a_person_uses(bec):
    offered = dir(bec)
    assert {"dev", "scans", "queue", "history", "mv", "mv_back", "alarms"} <= {*offered}
    assert not {"reader", "bus", "parse", "_ask"} & {*offered}


def test_tab_offers_motors_where_something_is_moved(bec):
    assert [word for word, _ in bec.complete("line_scan ")] == ["samx", "samy"]
    assert [word for word, _ in bec.complete("mv b")] == []


def test_hints_leave_out_what_a_device_counts_for_itself():
    signals = [
        SignalDescription(name="bpm", kind="hinted"),
        SignalDescription(name="bpm_exposures"),
    ]
    told = Device(name="bpm", server="main", device_class="Sim", signals=signals)
    silent = Device(name="x", server="main", device_class="Sim")
    assert hints([told, silent]) == {"bpm": ["bpm"]}


def test_alarms_are_a_table_with_the_newest_last(bec, line):
    assert repr(bec.alarms()) == "no alarms"
    for number in (1, 2):
        alarm = Alarm(
            alarm_id=str(number),
            service="file_writer",
            severity="minor",
            message=f"disk {number} is full",
            time=1.0,
        )
        line.commit([Append(keys.alarms(), alarm, Id(number))])
    lines = repr(bec.alarms()).splitlines()
    assert lines[0].split()[:3] == ["time", "severity", "service"]
    assert lines[-1].endswith("disk 2 is full")
    assert "<td>disk 1 is full</td>" in bec.alarms()._repr_html_()
