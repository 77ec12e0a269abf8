"""Calls and stops past any queue: each is answered, and none ends the service."""

import threading
import time
from functools import partial
from typing import ClassVar

import numpy as np
import pytest
from ophyd import Component, Device, Signal

from bec_kernel.device_list import DeviceSpec
from bec_kernel.errors import DeviceError
from bec_kernel.service import RequestServer
from bec_kernel.testing import MemoryBroker
from bec_kernel.wire import Call, StopDevices, keys
from bec_services.device_server.clock import WallClock
from bec_services.device_server.devices.adapter import DeviceAdapter
from bec_services.device_server.requests.calls import CallRequests
from bec_services.device_server.values.publisher import Values
from bec_sim import SimPositioner
from tests.services.recorded import new_life, until

ROLE = "device_server"


class Odd:
    """A device with methods that a person should not be able to hurt us with."""

    USER_ACCESS: ClassVar = ["thing", "objects", "huge", "exit", "words", "hang"]

    def __init__(self):
        self.name = "odd"
        self.stops = 0
        self.hung = 0
        self.free = threading.Event()
        self.begun = threading.Event()

    def read(self):
        return {"odd": {"value": np.arange(3), "timestamp": 1.0}}

    def thing(self):
        return self

    def objects(self):
        return np.array([object()])

    def huge(self):
        return 2**70

    def exit(self):
        raise ValueError("no")

    def endless(self):
        return (object() for _ in iter(int, 1))

    def self(self):
        found = []
        found.append(found)
        return found

    def hang(self):
        self.hung += 1
        self.begun.set()
        self.free.wait(10)

    def words(self, *args, **kwargs):
        return [list(args), kwargs]

    def stop(self):
        self.stops += 1
        raise OSError("no answer")


def hold(device, **spec):
    fields = {"deviceClass": "a.b", "readoutPriority": "baseline"} | spec
    one = DeviceAdapter(device.name, DeviceSpec.model_validate(fields))
    one.device = device
    return one


class Server:
    """Calls on a bus in memory, with devices on the wall clock."""

    def __init__(self, tmp_path):
        self.clock = WallClock()
        motors = [
            SimPositioner(name=n, clock=self.clock, velocity=v, limits=[-50, 50])
            for n, v in (("samx", 0), ("slow", 1), ("fixed", 1), ("off", 1))
        ]
        self.odd = Odd()
        self.held = {d.name: hold(d) for d in [self.odd, *motors]}
        self.held["fixed"] = hold(motors[2], readOnly=True)
        self.held["off"] = hold(motors[3], enabled=False)
        self.life = new_life(ROLE, MemoryBroker(), tmp_path)
        self.bus = self.life.bus
        self.inbox = keys.device_asks("main", "ada")
        self.holders = {}
        self.told = []
        self.asked = 0
        self.begin()

    def begin(self):
        """Forget all that was not written down, as a new life does."""
        self.calls = CallRequests(
            self.life,
            self.held,
            self.clock,
            Values("main", self.held),
            self.holders.get,
            told=self.told.append,
        )
        self.requests = RequestServer(
            self.life,
            partial(keys.device_asks, "main"),
            self.calls.handle,
            failure=DeviceError,
            always=(StopDevices,),
        )
        self.requests.open(["ada"])

    def send(self, message, *, old=False):
        """Hand a message over; return what finds its reply."""
        at = self.bus.ask(self.inbox, message)
        if old:
            self.begin()  # it finds the request without a reply
        else:
            requests = self.inbox.requests
            found = [e for e in self.bus.read(requests) if e.id == at]
            self.requests.take(requests, found)

        def reply():
            found = [e.message for e in self.bus.read(self.inbox.replies)]
            return next((one for one in found if one.asked == str(at)), None)

        return reply

    def stop(self, *names):
        """Ask for a stop; return the reply."""
        reply = self.send(StopDevices(request_id="s", devices=list(names)))
        until(self.bus, lambda: reply() is not None)
        return reply()

    def call(
        self, device, method, *args, old=False, deadline=0.0, request_id="", **kwargs
    ):
        self.asked += 1
        call = Call(
            request_id=request_id or f"r{self.asked}",
            device=device,
            method=method,
            args=list(args),
            kwargs=kwargs,
            deadline=deadline or time.time() + 30,
        )
        return self.send(call, old=old)

    def answer(self, *args, **kwargs):
        reply = self.call(*args, **kwargs)
        until(self.bus, lambda: reply() is not None)
        return reply()

    def problem(self, *args, **kwargs):
        return self.answer(*args, **kwargs).problem.message

    def close(self):
        self.life.join(5)
        self.clock.close()
        assert self.life._failure is None


@pytest.fixture
def server(tmp_path):
    server = Server(tmp_path)
    yield server
    server.close()


def test_a_call_returns_plain_data(server):
    assert server.answer("samx", "set", 3).problem is None
    assert server.answer("samx", "read").value["samx"][0] == 3.0
    assert server.answer("samx", "velocity.get").value == 0.0
    assert server.answer("odd", "words", 1, a=[2]).value == [[1], {"a": [2]}]
    assert server.answer("odd", "read").value["odd"][0].tolist() == [0, 1, 2]


def test_a_call_asked_twice_is_answered_twice_and_done_once(server):
    first = server.call("odd", "hang", request_id="x")
    assert server.odd.begun.wait(5)
    second = server.call("odd", "hang", request_id="x")
    server.odd.free.set()
    until(server.bus, lambda: first() is not None and second() is not None)
    third = server.call("odd", "hang", request_id="x")
    until(server.bus, lambda: third() is not None)

    assert server.odd.hung == 1
    assert first().asked != second().asked
    assert third().value == first().value


def test_a_call_that_an_earlier_life_has_answered_is_not_done_again(server):
    reply = server.call("odd", "hang", request_id="x")
    server.odd.free.set()
    until(server.bus, lambda: reply() is not None)
    server.begin()

    again = server.call("odd", "hang", request_id="x")
    until(server.bus, lambda: again() is not None)

    assert server.odd.hung == 1


@pytest.mark.parametrize(
    "method",
    [
        *("__class__", "__init__", "__reduce__", "_secret", "name", "parent"),
        *("", ".", "...", "read.__globals__", "velocity.parent.stop"),
        *("velocity._readback", "os.system", "thing.__dict__", "destroy", "x" * 10**6),
    ],
)
def test_what_is_not_public_cannot_be_called(server, method):
    for device in ("samx", "odd"):
        assert "no public method" in server.problem(device, method)
        assert len(server.problem(device, method)) < 200


@pytest.mark.parametrize("method", ["thing", "objects", "huge", "endless", "self"])
def test_what_cannot_travel_is_none_and_an_alarm_to_who_asked(server, method):
    server.odd.USER_ACCESS = [*Odd.USER_ACCESS, "endless", "self"]
    reply = server.answer("odd", method)
    assert (reply.problem, reply.value) == (None, None)
    alarm = server.bus.last(keys.alarms()).message
    assert f"odd.{method} gave back what cannot travel" in alarm.message
    assert (alarm.severity, alarm.user, alarm.request_id) == ("warning", "ada", "r1")
    assert server.answer("samx", "read").problem is None


def test_a_device_that_gives_back_devices_gives_back_their_names(server):
    assert server.answer("samx", "stage").value[0] == "samx"
    assert server.answer("samx", "unstage").problem is None
    assert server.bus.last(keys.alarms()) is None


def test_what_a_method_raises_is_told_with_device_and_method(server):
    assert server.problem("odd", "exit") == "odd.exit failed: ValueError: no"
    assert "samx.read failed: TypeError" in server.problem("samx", "read", 1, 2)


BAD = [None, "1", True, float("nan"), float("inf"), 10**400, [1], {}, np.zeros(2)]


@pytest.mark.parametrize("value", BAD[:5] + BAD[6:], ids=repr)
def test_a_device_is_set_to_one_finite_number(server, value):
    assert "one finite number" in server.problem("samx", "set", value)


def test_set_takes_nothing_else(server):
    for args, kwargs in [((), {}), ((1, 2), {}), ((1,), {"wait": True})]:
        assert "one finite number" in server.problem("samx", "set", *args, **kwargs)
    assert "outside its limits" in server.problem("samx", "set", 51)


def test_who_may_not_be_changed_is_not(server):
    assert server.problem("fixed", "set", 1) == "fixed is read-only"
    assert server.problem("off", "read") == "off is disabled"
    server.holders["samx"] = "scan 7"
    assert server.problem("samx", "set", 1) == "samx is in use by scan 7"
    assert server.problem("samx", "velocity.set", 1) == "samx is in use by scan 7"
    assert server.answer("samx", "read").problem is None


def test_what_a_call_may_have_changed_is_written_down_with_before_and_after(server):
    server.calls._values.note("samx")
    server.calls._values.settle(server.life, ["samx"])
    server.answer("samx", "set", 3)
    server.answer("samx", "read")
    server.problem("samx", "set", 99)
    server.problem("samx", "_secret")
    good, bad = [e.message for e in server.bus.read(keys.calls("main"))]
    assert (good.user, good.device, good.method) == ("ada", "samx", "set")
    assert (good.args, good.problem) == ([3], "")
    assert (good.before["samx"], good.after["samx"]) == (0.0, 3.0)
    assert abs(good.time - time.time()) < 30
    assert "outside its limits" in bad.problem
    assert bad.after["samx"] == 3.0


def test_an_unknown_device_is_said_with_the_nearest(server):
    assert server.problem("samz", "read") == (
        "no device 'samz' here: did you mean samx?"
    )


def test_a_call_that_comes_too_late_is_not_made(server):
    assert "came too late" in server.problem("samx", "set", 1, deadline=1.0)


def test_a_call_of_an_earlier_life_is_not_made_again(server):
    assert "may have been done" in server.problem("samx", "set", 1, old=True)
    assert server.answer("samx", "read", old=True).problem is None


def test_a_call_not_done_in_time_is_told(server):
    soon = time.time() + 0.2
    assert "slow.set not done after" in server.problem("slow", "set", 9, deadline=soon)
    assert not server.held["slow"].device.moving  # nobody waits for it any more
    assert not server.bus.get(keys.values("main"), "slow").moving
    assert server.answer("slow", "set", 0).problem is None


def test_a_signal_that_was_not_set_in_time_can_be_set_again(server):
    class Stiff(Signal):
        def put(self, value, **_):
            pass  # it stays where it is

    class Stand(Device):
        stiff = Component(Stiff, value=1)

    server.held["stand"] = hold(Stand(name="stand"))
    for value in (2, 3):
        soon = time.time() + 0.4
        problem = server.problem("stand", "stiff.set", value, deadline=soon)
        assert "timed out" in problem.lower()


def test_a_stopped_call_has_not_arrived(server):
    reply = server.call("slow", "set", 30)
    motor = server.held["slow"].device
    begun = threading.Event()
    motor.subscribe(lambda **_: begun.set(), event_type=motor.SUB_READBACK, run=False)
    assert begun.wait(5)
    server.send(StopDevices(request_id="s", devices=["slow"]))
    until(server.bus, lambda: reply() is not None)
    assert reply().problem.message == "slow was stopped"
    assert not motor.moving


def test_scans_are_told_before_devices_are_stopped(server):
    assert server.stop("samx").value == ["samx"]
    assert server.told == [["samx"]]
    server.answer("samx", "stop")
    assert server.told == [["samx"], ["samx"]]


def test_all_are_stopped_also_when_one_fails_or_is_unknown(server):
    assert "odd cannot be stopped: no answer" in server.stop().problem.message
    counts = {name: one.stopped for name, one in server.held.items()}
    assert counts == {"odd": 1, "samx": 1, "slow": 1, "fixed": 0, "off": 0}
    assert "no device 'nobody' here" in server.stop("nobody", "samx").problem.message
    assert server.held["samx"].stopped == 2


def test_a_device_that_does_not_answer_a_stop_keeps_nobody_waiting(server):
    server.odd.stop = server.odd.hang
    slow, motor = server.call("slow", "set", 30), server.held["slow"].device
    begun = threading.Event()
    motor.subscribe(lambda **_: begun.set(), event_type=motor.SUB_READBACK, run=False)
    assert begun.wait(5)
    all_stopped = server.send(StopDevices(request_id="s"))
    until(server.bus, lambda: slow() is not None)
    assert slow().problem.message == "slow was stopped"
    assert server.answer("samx", "read").problem is None
    assert all_stopped() is None  # it waits for the odd one, alone
    server.odd.free.set()
    until(server.bus, lambda: all_stopped() is not None)
    assert all_stopped().problem is None


def test_more_calls_than_can_be_served_are_refused_not_queued(server):
    waiting = [server.call("odd", "hang") for _ in range(32)]
    refused = server.call("samx", "read")
    assert "try again" in refused().problem.message
    server.odd.free.set()
    until(server.bus, lambda: all(reply() for reply in waiting))
    until(server.bus, lambda: server.answer("samx", "read").problem is None)
