"""One change of the device list over several device servers: all of it, or nothing."""

import threading

import pytest

from bec_kernel.bus.changes import Append, Id, Put
from bec_kernel.client import Client
from bec_kernel.errors import RefusedError
from bec_kernel.testing import MemoryBroker, MemoryBus
from bec_kernel.wire import (
    DeviceListVersion,
    DeviceRule,
    EditDevices,
    Log,
    Problem,
    Reply,
    Users,
    keys,
)

SERVERS = ["main", "optics"]
RULES = {"main": DeviceRule(), "optics": DeviceRule(names=["mono"])}
DEVICE = {"deviceClass": "ophyd.Device", "readoutPriority": "baseline"}


class Toys(threading.Thread):
    """Two device servers that keep versions of what they are given."""

    def __init__(self, bus):
        super().__init__(name="toys", daemon=True)
        self.bus = bus
        self.over = threading.Event()
        self.refuse = ""
        users = Users(names=["ada"], device_servers=SERVERS, device_rules=RULES)
        bus.commit([Put(keys.users(), users)])
        for server in SERVERS:
            self.keep(server, {})

    def keep(self, server, devices, **told):
        last = self.bus.last(keys.lists(server))
        version = last.id.major + 1 if last else 1
        entry = DeviceListVersion(version=version, time=0.0, devices=devices, **told)
        self.bus.commit([Append(keys.lists(server), entry, Id(version))])
        return version

    def run(self):
        inboxes = {s: keys.device_asks(s, "ada") for s in SERVERS}
        logs = {Log(one.name, one.type): s for s, one in inboxes.items()}
        positions = dict.fromkeys(logs, Id(0))
        while not self.over.is_set():
            for log, entries in self.bus.follow(positions, 0.05):
                for entry in entries:
                    positions[log] = entry.id
                    self.answer(logs[log], inboxes[logs[log]], entry)

    def answer(self, server, inbox, entry):
        ask: EditDevices = entry.message
        value, problem = {"version": 0, "names": [], "failed": {}}, None
        if ask.check:
            pass
        elif server == self.refuse:
            problem = Problem(kind="RefusedError", message="mono is in use by scan 7")
        else:
            value["version"] = self.keep(server, ask.devices, action=ask.action)
        reply = Reply(
            request_id=ask.request_id, asked=str(entry.id), value=value, problem=problem
        )
        self.bus.commit([Append(inbox.replies, reply)])

    def devices(self, server):
        return self.bus.last(keys.lists(server)).message.devices


@pytest.fixture
def toys():
    broker = MemoryBroker()
    found = Toys(MemoryBus(broker, "device_server"))
    found.start()
    with Client(MemoryBus(broker, "ada")) as found.client:
        yield found
    found.over.set()
    found.join(5)


def test_a_list_is_shared_out_over_the_device_servers(toys):
    applied = toys.client.config.load({"samx": DEVICE, "mono": DEVICE})
    assert applied.versions == {"main": 2, "optics": 2}
    assert list(toys.devices("main")) == ["samx"]
    assert list(toys.devices("optics")) == ["mono"]


@pytest.mark.slow
def test_what_one_device_server_does_not_do_is_undone_at_the_others(toys):
    toys.client.config.load({"samx": DEVICE, "mono": DEVICE})
    toys.refuse = "optics"
    with pytest.raises(RefusedError) as error:
        toys.client.config.load({"samy": DEVICE, "mono": {**DEVICE, "enabled": False}})
    assert str(error.value) == (
        "mono is in use by scan 7; main is back at its previous list"
    )
    assert list(toys.devices("main")) == ["samx"]
    assert list(toys.devices("optics")) == ["mono"]
    assert list(toys.client.config.devices) == ["samx", "mono"]


def test_what_cannot_be_undone_is_said(toys):
    real = toys.keep

    def keep_two(server, devices, **told):
        real(server, devices, **told)
        return real(server, devices) - 1  # somebody else was faster

    toys.keep, toys.refuse = keep_two, "optics"
    with pytest.raises(RefusedError, match="main stays at version 2"):
        toys.client.config.load({"samx": DEVICE, "mono": DEVICE})
