"""What cannot be done is said in one line, and nothing moves; the next is served."""

import itertools
import os
import signal
import subprocess
import sys
import time

import msgspec
import numpy as np
import pytest
import redis

from bec_kernel.bus.changes import START
from bec_kernel.bus.codec import encode
from bec_kernel.client import connect
from bec_kernel.errors import BrokerError, DeviceError, RefusedError
from bec_kernel.instance.folder import Folder
from bec_kernel.wire import (
    Call,
    ItemAction,
    ScanRequest,
    ScanState,
    StopDevices,
    Verb,
    keys,
)
from tests.system.beamline import DEVICES, Instance
from tests.waiting import until

BEC = [sys.executable, "-c", "from bec_kernel.cli import main; main()"]
SIM = "bec_sim"
MORE = f"""
off:
  deviceClass: {SIM}.SimPositioner
  readoutPriority: on_request
  enabled: false
fixed:
  deviceClass: {SIM}.SimPositioner
  readoutPriority: on_request
  readOnly: true
broken:
  deviceClass: {SIM}.SimNothing
  readoutPriority: on_request
"""
LONG = "x" * 1_000_000
numbers = itertools.count()


class Beamline(Instance):
    """An instance that is asked past the client's own checks."""

    def __init__(self, data):
        super().__init__(data, devices=DEVICES + MORE)
        self.redis = redis.Redis.from_url(Folder(data).url("ada"))

    def append(self, inbox, raw: bytes, field: str = "m") -> str:
        """Write bytes into an inbox; return their place."""
        return self.redis.xadd("{bec}:" + inbox.name, {field: raw}).decode()

    def answer(self, inbox, at: str):
        """Return the reply to what was asked at this place."""
        found, seen = [], START
        for _ in range(40):
            page = self.client.bus.follow({inbox.replies: seen}, 0.5)
            for _, entries in page:
                seen = entries[-1].id
                found += [e.message for e in entries if e.message.asked == at]
            if found:
                return found[0]
        raise AssertionError("no answer")

    def ask(self, inbox, message):
        """Return what is answered to a message; None is no problem."""
        return self.answer(inbox, str(self.client.bus.ask(inbox, message))).problem

    def works(self) -> bool:
        """The next good one is served: a call and a scan."""
        self.client.dev.samx.read(timeout=5)
        report = self.client.scans.line_scan("samx", 0, 0, steps=2)
        return report.wait(timeout=10).status is ScanState.CLOSED


@pytest.fixture(scope="module")
def beamline(tmp_path_factory, runtime):
    beamline = Beamline(tmp_path_factory.mktemp("bad"))
    yield beamline
    assert sum(beamline.restarts().values()) == 1  # the one that a test kills
    beamline.redis.close()
    beamline.close()


@pytest.fixture
def scans(beamline):
    return keys.scan_asks("ada")


@pytest.fixture
def calls(beamline):
    return keys.device_asks("main", "ada")


@pytest.fixture
def unmoved(beamline):
    """The motors are where they were, and nothing was queued or begun."""

    def now():
        devices = beamline.client.dev
        places = [devices[name].position for name in ("samx", "slow")]
        return places, len(beamline.client.queue), len(beamline.client.history)

    before = now()
    yield
    assert now() == before


def identity() -> str:
    return f"bad-{next(numbers)}"


WRONG = [
    ("line_scam samx 0 1 --steps 3", ["line_scam", "line_scan"]),
    ("line_scan samy 0 1 --steps 3", ["samy", "samx"]),
    ("line_scan samx 0 1 --stebs 3", ["stebs", "steps"]),
    ("line_scan samx 0 one --steps 3", ["stop", "'one'", "number"]),
    ("line_scan samx 0 nan --steps 3", ["stop", "nan", "number"]),
    ("line_scan samx 0 inf --steps 3", ["stop", "inf", "number"]),
    ("line_scan samx 0 1 --steps 2.5", ["steps", "2.5", "whole"]),
    ("line_scan samx 0 1 --steps 0", ["steps", "0", "1"]),
    ("line_scan samx 0 1 --steps 1000000000", ["1000000"]),
    ("line_scan samx 0 1", ["steps"]),
    ("line_scan samx 0 --steps 3", ["stop"]),
    ("line_scan", ["motor"]),
    ("line_scan samx 0 51 --steps 3", ["samx", "51", "point 2", "-50", "50"]),
    ("list_scan samx [0,51,0]", ["samx", "51", "point 1"]),
    ("mv samx 51", ["samx", "51", "-50", "50"]),
    ("line_scan det 0 1 --steps 3", ["det", "SimMonitor", "motor"]),
    ("line_scan off 0 1 --steps 3", ["off is disabled"]),
    ("line_scan fixed 0 1 --steps 3", ["fixed is read-only"]),
    ("line_scan broken 0 1 --steps 3", ["broken", "SimNothing"]),
    ("mv samx 1 samx 2", ["samx", "twice"]),
    ("line_scan samx 0 1 --steps 3 --signal slow", ["slow", "det"]),
    ("line_scan samx 0 1 --steps 3 --scan-queue a/b", ["a/b", "queue"]),
]


@pytest.mark.parametrize(("line", "named"), WRONG)
def test_a_wrong_word_is_named_with_what_was_allowed(beamline, unmoved, line, named):
    with pytest.raises(RefusedError) as refused:
        beamline.client.run(line)
    said = str(refused.value)
    assert "\n" not in said
    assert len(said) < 400
    for word in named:
        assert word in said


@pytest.mark.parametrize(("line", "named"), [WRONG[i] for i in (0, 4, 12, 15)])
def test_the_shell_says_it_in_one_line(beamline, unmoved, line, named):
    words = ["scan", "--data", str(beamline.data), *line.split()]
    done = subprocess.run(
        [*BEC, *words], capture_output=True, text=True, timeout=30, check=False
    )
    assert done.returncode == 1
    assert done.stdout in ("", f"on the instance in {beamline.data}\n")
    assert len(done.stderr.splitlines()) == 1
    for word in named:
        assert word in done.stderr


def request(name="line_scan", args=("samx", 0.0, 1.0), **more):
    kwargs = more.pop("kwargs", {"steps": 3})
    more.setdefault("request_id", identity())
    return ScanRequest(name=name, args=list(args), kwargs=kwargs, **more)


RAW = {
    "unknown scan": (request("line_scam"), "line_scan"),
    "unknown device": (request(args=["samy", 0, 1]), "samx"),
    "unknown option": (request(kwargs={"stebs": 3}), "steps"),
    "text for a number": (request(args=["samx", "0", 1]), "number"),
    "truth for a number": (request(args=["samx", True, 1]), "number"),
    "not a number": (request(args=["samx", float("nan"), 1]), "finite"),
    "an array for a number": (request(args=["samx", np.zeros(3), 1]), "number"),
    "a number for a device": (request(args=[1, 0, 1]), "device"),
    "missing": (request(kwargs={}), "steps"),
    "out of limits": (request(args=["samx", 0, 51]), "51"),
    "relative": (request("mv", ["samx", 99], kwargs={"relative": True}), "50"),
    "detector": (request(args=["det", 0, 1]), "det cannot be moved"),
    "disabled": (request(args=["off", 0, 1]), "off is disabled"),
    "read-only": (request(args=["fixed", 0, 1]), "fixed is read-only"),
    "many points": (request(kwargs={"steps": 10**12}), "1000000 points"),
    "big burst": (
        request(kwargs={"steps": 3, "burst_at_each_point": 10**9}),
        "1000000 points",
    ),
    "big integer": (request(kwargs={"steps": 3, "frames_per_trigger": 1e300}), "whole"),
    "big grid": (
        request("grid_scan", ["samx", 0, 1, 10**9, "slow", 0, 1, 10**9], kwargs={}),
        "1000000 points",
    ),
    "10000 words": (request(args=["samx", 0, 1] * 10_000), "twice"),
    "10001 words": (request(args=["samx"] * 10_001), "is not a number"),
    "long name": (request(LONG), "no scan"),
    "long device": (request(args=[LONG, 0, 1]), "no device"),
    "long queue": (request(queue=LONG), "queue"),
    "queue of another": (request(queue="../bob"), "queue"),
    "empty queue": (request(queue=""), "queue"),
    "too late": (request(deadline=1.0), "too late"),
    "empty id": (request(request_id=""), "id"),
    "id with a slash": (request(request_id="a/../b"), "id"),
    "id with a glob": (request(request_id="*"), "id"),
    "long id": (request(request_id=LONG), "id"),
    "nothing to abort": (ItemAction(request_id="x1", verb=Verb.ABORT), "not running"),
    "of no item": (
        ItemAction(request_id="x2", verb=Verb.ABORT, scan_id="a/b*"),
        "neither runs nor waits",
    ),
    "not for people": (ItemAction(request_id="x3", verb=Verb.FAIL), "abort"),
    "late action": (
        ItemAction(request_id="x4", verb=Verb.ABORT, deadline=1.0),
        "too late",
    ),
}


@pytest.mark.parametrize("what", RAW)
def test_a_raw_request_is_refused_in_one_line(beamline, scans, unmoved, what):
    message, said = RAW[what]
    problem = beamline.ask(scans, message)
    assert problem.kind == "RefusedError"
    assert said in problem.message
    assert "\n" not in problem.message
    assert len(problem.message) < 400


def call(device="samx", method="set", *args, **more):
    kwargs = more.pop("kwargs", {})
    return Call(
        request_id=identity(),
        device=device,
        method=method,
        args=list(args),
        kwargs=kwargs,
        deadline=more.pop("deadline", time.time() + 86_400),
    )


CALLS = {
    "dunder": (call("samx", "__class__"), "__class__"),
    "dunder behind a dot": (call("samx", "read.__globals__.get"), "public"),
    "private": (call("samx", "_start", 3), "_start"),
    "of a part's part": (call("samx", "velocity.parent.stop"), "public"),
    "nothing": (call("samx", ""), "public"),
    "dots": (call("samx", "..."), "public"),
    "long method": (call("samx", LONG), "public"),
    "unknown device": (call("samz", "read"), "samx"),
    "long device": (call(LONG, "read"), "no device"),
    "device with a glob": (call("*", "read"), "no device"),
    "disabled": (call("off", "read"), "off is disabled"),
    "read-only": (call("fixed", "set", 1), "fixed is read-only"),
    "broken": (call("broken", "read"), "broken"),
    "not a number": (call("samx", "set", float("nan")), "finite number"),
    "infinite": (call("samx", "set", float("inf")), "finite number"),
    "a text": (call("samx", "set", "5"), "finite number"),
    "an array": (call("samx", "set", np.zeros(3)), "finite number"),
    "by name": (call("samx", "set", kwargs={"new_position": 5}), "finite number"),
    "two": (call("samx", "set", 1, 2), "finite number"),
    "none": (call("samx", "set"), "finite number"),
    "out of limits": (call("samx", "set", 51), "51"),
    "10000 words": (call("samx", "set", *range(10_000)), "finite number"),
    "words for read": (call("samx", "read", 1, 2, 3), "samx.read"),
    "large word": (call("samx", "read", np.zeros(10**5)), "samx.read"),
    "signal, no number": (call("samx", "velocity.set", "fast"), "samx.velocity.set"),
    "signal, too low": (call("samx", "velocity.set", -1), "samx.velocity.set"),
    "signal, only shown": (call("samx", "readback.set", 1), "samx"),
    "too late": (call("samx", "read", deadline=1.0), "too late"),
    "stop of nobody": (StopDevices(request_id="x", devices=["samz"]), "samx"),
}


@pytest.mark.parametrize("what", CALLS)
def test_a_bad_call_is_answered_with_what_is_wrong(beamline, calls, unmoved, what):
    message, said = CALLS[what]
    problem = beamline.ask(calls, message)
    assert problem.kind in ("DeviceError", "RefusedError")
    assert said in problem.message
    assert len(problem.message) < 400


def test_the_client_raises_what_the_device_server_says(beamline):
    with pytest.raises(DeviceError, match=r"51.*outside its limits"):
        beamline.client.dev.samx.set(51)
    with pytest.raises(RefusedError, match=r"samxx.*samx"):
        beamline.client.dev["samxx"].read()


def test_240_mb_past_the_client_are_refused_and_the_instance_goes_on(beamline, calls):
    raw = encode(msgspec.structs.replace(call("samx", "read"), args=["..."]))
    with pytest.raises((redis.ConnectionError, redis.ResponseError)):
        beamline.append(calls, raw + bytes(240_000_000))
    assert beamline.works()


def packed(**fields) -> bytes:
    return msgspec.msgpack.encode(fields)


GARBAGE = {
    "no message": b"",
    "noise": bytes(range(256)),
    "text": b"hello",
    "a number": b"\x01",
    "unknown tag": packed(type="launch", request_id="a"),
    "no tag": packed(request_id="a"),
    "wrong type": packed(type="scan_request", request_id=5, name="line_scan"),
    "field missing": packed(type="scan_request"),
    "call without device": packed(type="call", request_id="a"),
    "unknown verb": packed(type="item_action", request_id="a", verb="explode"),
    "deep": b"\x91" * 200_000,
    "half a message": packed(type="scan_request", request_id="a", name="b")[:-3],
    "bad utf-8": b"\x82\xa4type\xa4call\xa6device\xa2\xff\xfe",
    "python objects": packed(
        type="call",
        request_id="a",
        device="samx",
        method="set",
        args=[msgspec.msgpack.Ext(1, b"\x00\x08\x92\xa3|O8\x91\x01" + bytes(8))],
    ),
    "unknown extension": packed(
        type="call",
        request_id="a",
        device="samx",
        method="set",
        args=[msgspec.msgpack.Ext(42, b"x")],
    ),
}


@pytest.mark.parametrize("service", ["scan_server", "device_server"])
def test_what_cannot_be_decoded_is_an_alarm_and_a_log_line(
    beamline, scans, calls, unmoved, service
):
    inbox = scans if service == "scan_server" else calls
    places = [beamline.append(inbox, raw) for raw in GARBAGE.values()]
    places.append(beamline.append(inbox, b"x", field="other"))

    def told():
        alarms = beamline.client.alarms(limit=1000)
        said = [one.message for one in alarms if one.service == service]
        return all(any(at in message for message in said) for at in places)

    until(told)
    log = (beamline.data / "logs" / f"{service}.jsonl").read_text()
    assert all(at in log for at in places)


def test_the_next_good_one_is_served(beamline):
    assert beamline.works()
    assert set(beamline.restarts().values()) == {0}


def test_a_restart_with_garbage_in_the_inbox_works(beamline):
    pid = beamline.process_of("device_server")["pid"]
    os.kill(pid, signal.SIGKILL)
    until(lambda: beamline.process_of("device_server")["pid"] not in (pid, None))
    assert beamline.works()


# --- no broker, no room, no list -----------------------------------------------------
def test_a_wrong_password_is_said(beamline):
    url = Folder(beamline.data).url("ada").replace("ada:", "ada:wrong", 1)
    with pytest.raises(BrokerError, match="tried"):
        connect(url=url)
