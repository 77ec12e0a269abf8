"""The running device list: changed all at once or not at all, kept as versions."""

import time
from pathlib import Path

import pytest

from bec_kernel.device_list import checked, versions
from bec_kernel.errors import ConflictError
from bec_kernel.testing import MemoryBus
from bec_kernel.wire import EditDevices, keys
from tests.services.device_server.edit_server import LIST, SIM, Server
from tests.services.recorded import take, until

pytestmark = pytest.mark.keeps_threads  # the wall clock's, and Channel Access'
LISTS = Path(__file__).with_name("lists")


@pytest.fixture
def server(tmp_path, monkeypatch):
    monkeypatch.setenv("EPICS_CA_AUTO_ADDR_LIST", "NO")
    monkeypatch.setenv("EPICS_CA_ADDR_LIST", "127.0.0.1")
    return Server(tmp_path, monkeypatch)


def test_a_device_is_added_used_changed_and_removed(server):
    with server.life():
        new = {"samy": {"deviceClass": SIM, "readoutPriority": "baseline"}}
        assert server.edit("add", devices=new).value["names"] == ["samy"]
        assert server.call("samy", "set", 2).problem is None
        limits = {"samy": {"deviceConfig": {"limits": [-1, 3]}, "enabled": True}}
        assert server.edit("update", devices=limits).problem is None
        assert server.published()["samy"].limits == (-1, 3)
        assert "4" in server.call("samy", "set", 4).problem.message
        server.edit("disable", names=["samy"])
        assert not server.published()["samy"].enabled
        assert server.call("samy", "read").problem.message == "samy is disabled"
        server.edit("enable", names=["samy"])
        assert server.read("samy") == 2
        server.edit("remove", names=["samy"])
        assert sorted(server.published()) == ["bpm4i", "samx"]
    told = [(one.version, one.action, one.user, one.names) for one in server.versions()]
    assert told == [
        (1, "start", "", ["samx", "bpm4i"]),
        (2, "add", "ada", ["samy"]),
        (3, "update", "ada", ["samy"]),
        (4, "disable", "ada", ["samy"]),
        (5, "enable", "ada", ["samy"]),
        (6, "remove", "ada", ["samy"]),
    ]


MOTOR = {"deviceClass": SIM, "readoutPriority": "baseline"}
HOSTILE = [
    ("add", {"evil": {**MOTOR, "deviceClass": "os.system"}}, "no allowed package"),
    ("add", {"evil": {**MOTOR, "deviceClass": "ophyd.sim.os.system"}}, "imported"),
    ("add", {"evil": {**MOTOR, "deviceClass": "ophyd.Kind"}}, "not a device class"),
    ("add", {"e": {**MOTOR, "deviceClass": "ophyd"}}, "not a device class"),
    ("add", {"e": {**MOTOR, "deviceClass": "ophyd.OphydObject"}}, "not a device class"),
    ("add", {"e": {**MOTOR, "deviceConfig": {"clock": 1}}}, "'clock' is given by the"),
    ("add", {"e": {**MOTOR, "deviceConfig": {"name": "f"}}}, "'name' is given by the"),
    ("add", {"e": {**MOTOR, "deviceConfig": {"parent": "samx"}}}, "'parent' is given"),
    ("add", {"evil": {**MOTOR, "deviceClass": "ophyd_devices.Odd"}}, "known here"),
    ("add", {"e": {**MOTOR, "deviceConfig": {"velocty": 1}}}, "'velocty'"),
    ("add", {"e": {**MOTOR, "deviceConfig": {"_x": 1}}}, "'_x'"),
    (
        "add",
        {"e": {**MOTOR, "deviceConfig": {"velocity": "fast"}}},
        "e cannot be built",
    ),
    ("add", {"e": {**MOTOR, "needs": ["f"]}}, "no device 'f'"),
    ("add", {"__class__": MOTOR}, "not a valid device name"),
    ("add", {"samx": MOTOR}, "samx is in the device list already"),
    ("add", {"good": MOTOR, "e": {**MOTOR, "enabled": "maybe"}}, "e: enabled: "),
    ("update", {"samz": {"enabled": False}}, "no device 'samz': did you mean samx"),
    ("update", {"samx": {"readoutPriority": "often"}}, "samx: readoutPriority"),
    ("update", {"samx": {"deviceConfig": {"limits": ["a", 1]}}}, "two numbers"),
    ("set", {"good": MOTOR, "e": {**MOTOR, "needs": ["e"]}}, "e needs e"),
    ("frobnicate", {}, "no action 'frobnicate'"),
]


def test_what_cannot_be_is_refused_and_nothing_is_changed(server):
    with server.life():
        server.call("samx", "set", 7)
        for action, devices, said in HOSTILE:
            problem = server.edit(action, devices=devices).problem
            assert problem is not None, devices
            assert said in problem.message
        refused = server.edit("remove", names=["samx"]).problem
        assert "bpm4i: needs: no device 'samx'" in refused.message
        late = server.edit("reload", deadline=time.time() - 1).problem
        assert "too late" in late.message
        assert sorted(server.published()) == ["bpm4i", "samx"]
        assert server.read("samx") == 7
    assert len(server.versions()) == 1


ODD = {
    "odd": {
        "deviceClass": "ophyd.Signal",
        "deviceConfig": {"value": {"a": 1}},
        "readoutPriority": "on_request",
    }
}
BROKEN = """
odd: {deviceClass: ophyd.Signal, deviceConfig: {value: {a: 1}}, readoutPriority: async}
module: {deviceClass: ophyd, readoutPriority: baseline}
object: {deviceClass: ophyd.OphydObject, readoutPriority: baseline}
missing: {deviceClass: ophyd.sim.nothing.Motor, readoutPriority: baseline}
near: {deviceClass: ophyd.EpicsMotr, readoutPriority: baseline}
"""


def test_an_instance_starts_with_bad_devices_and_says_what_is_wrong_with_each(server):
    with server.life(LIST + BROKEN):
        found = server.published()
        assert server.read("samx") == 0
    for name, said in {
        "odd": "odd cannot be described: ValueError",
        "module": "not a device class",
        "object": "not a device class",
        "missing": "cannot be imported: ModuleNotFoundError",
        "near": "did you mean ophyd.EpicsMotor?",
    }.items():
        assert said in found[name].problem.message
        assert not found[name].connected
        assert found[name].built == (name == "odd")
    alarms = [entry.message.message for entry in server.bus.read(keys.alarms())]
    assert len(alarms) == 5


def test_who_disables_what_others_need_gets_an_alarm(server):
    with server.life():
        server.edit("disable", names=["samx"])
        alarm = server.bus.last(keys.alarms()).message
        assert alarm.message == "bpm4i needs samx, which is disabled"
        assert (alarm.user, alarm.severity) == ("ada", "warning")


def test_a_device_that_cannot_be_described_is_added_marked_and_removed(server):
    with server.life():
        reply = server.edit("add", devices=ODD)
        assert "odd cannot be described" in reply.value["failed"]["odd"]
        assert not server.published()["odd"].connected
        assert server.edit("remove", names=["odd"]).problem is None
        assert "odd" not in server.published()


def test_a_change_that_cannot_be_kept_is_undone(server, monkeypatch):
    limits = {"samx": {"deviceConfig": {"limits": [-1, 3]}}}
    commit = MemoryBus.commit

    def fail(bus, changes, fence=None):
        if any(getattr(one, "log", None) == keys.lists("main") for one in changes):
            raise ConflictError("somebody else was here")
        return commit(bus, changes, fence)

    with server.life():
        server.call("samx", "set", 7)
        with monkeypatch.context() as patch:
            patch.setattr(MemoryBus, "commit", fail)
            for action, devices in (("add", {"samy": MOTOR}), ("update", limits)):
                problem = server.edit(action, devices=devices).problem
                assert problem.message == "somebody else was here"
            reply = server.edit("disable", names=["bpm4i"])
            assert reply.problem is not None
        assert server.call("samx", "set", 8).problem is None  # the old limits
        assert server.call("bpm4i", "read").problem is None
        assert server.edit("add", devices={"samy": MOTOR}).problem is None
        assert server.read("samy") == 0


def test_a_request_asked_twice_is_done_once(server):
    with server.life():
        fields = {"request_id": "twice", "devices": {"samy": MOTOR}}
        first, second = server.edit("add", **fields), server.edit("add", **fields)
    assert first.value["version"] == second.value["version"] == 2
    assert len(server.versions()) == 2


def test_a_restart_goes_on_with_the_newest_list_until_another_is_given(server):
    with server.life():
        server.edit("add", devices={"samy": MOTOR})
    with server.life():
        assert sorted(server.published()) == ["bpm4i", "samx", "samy"]
        assert len(server.versions()) == 2
    with server.life(text=LIST.partition("bpm4i")[0], token="second"):
        assert sorted(server.published()) == ["samx"]
    assert [one.action for one in server.versions()] == ["start", "add", "start"]
    assert list(versions.version_at(server.versions())) == ["samx"]


def test_a_device_that_does_not_connect_is_kept_marked_and_tried_again(server):
    missing = {
        "deviceClass": "ophyd.EpicsSignal",
        "deviceConfig": {"read_pv": "NOWHERE:x"},
        "readoutPriority": "on_request",
        "connectionTimeout": 0.2,
    }
    with server.life():
        for action, words in (
            ("add", {"devices": {"pv": missing}}),
            ("reload", {"names": ["pv"]}),
        ):
            reply = server.edit(action, **words)
            assert reply.problem is None
            assert "pv did not connect within 0.2 s" in reply.value["failed"]["pv"]
            assert not server.published()["pv"].connected
        assert server.call("samx", "read").problem is None


def test_a_device_that_a_scan_uses_is_not_touched(server):
    from tests.services.recorded import begin

    with server.life():
        first = begin(monitored=["samx"], baseline=[], triggered=[])
        take(server.bus, "device_server", first)

        def refused():
            reply = server.edit("update", devices={"samx": {"description": "mine"}})
            return reply.problem if reply.problem else None

        deadline = time.monotonic() + 10
        while (problem := refused()) is None:
            assert time.monotonic() < deadline
        assert problem.message.startswith("samx is in use by scan 42")
        assert server.edit("disable", names=["bpm4i"]).problem is None


def test_a_cancel_leaves_everything_as_it_was(server):
    slow = {
        "deviceClass": "ophyd.EpicsSignal",
        "deviceConfig": {"read_pv": "NOWHERE:x"},
        "readoutPriority": "on_request",
        "connectionTimeout": 60,
    }
    with server.life():
        ask = EditDevices(request_id="slow", action="add", devices={"pv": slow})
        server.bus.ask(server.inbox, ask)
        while server.edit("cancel").problem is not None:
            pass  # it has not begun yet
        until(server.bus, lambda: server.bus.last(server.inbox.replies))
        replies = [entry.message for entry in server.bus.read(server.inbox.replies)]
        until(
            server.bus,
            lambda: any(
                entry.message.request_id == "slow"
                for entry in server.bus.read(server.inbox.replies)
            ),
        )
        replies = [entry.message for entry in server.bus.read(server.inbox.replies)]
        told = next(one for one in replies if one.request_id == "slow")
        assert told.problem.message == "cancelled by ada; nothing changed"
        assert "pv" not in server.published()


@pytest.mark.slow
def test_a_list_of_the_make_up_of_becs_own_is_up_with_three_seconds_of_work(server):
    text = (LISTS / "bec_demo.yaml").read_text()
    begun, work = time.monotonic(), time.process_time()
    with server.life(text):
        work = time.process_time() - work
        seconds = time.monotonic() - begun
        found = server.published()
        assert len(found) == 216
        assert [d.problem for d in found.values() if d.problem] == []
        for name in ("bpm0", "bpm1"):
            assert server.call(name, "trigger").problem is None
        assert server.read("pseudo") == server.read("bpm0") * server.read("bpm1")
    assert work < 3
    assert seconds < 10  # a wait of 0.1 s a device would be 20 s
    assert checked(versions.version_at(server.versions())).keys() == found.keys()
