"""The launcher: everything up, everything looked after, nothing left behind."""

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from bec_kernel.bus import connect
from bec_kernel.instance import folder as config
from bec_kernel.instance.folder import Folder
from bec_kernel.wire import SERVICES, keys
from bec_services.launcher.health import (
    FIRST,
    FROZEN,
    SETTLE,
    BrokerLink,
    Pulse,
    Restarts,
)
from tests.waiting import until

STAND_IN = Path(__file__).with_name("stand_in.py")


class Instance:
    """A launcher with stand-in services, as a process."""

    def __init__(self, data: Path, *words: str, **environment: str) -> None:
        self.folder = Folder(data)
        self.process = subprocess.Popen(
            [sys.executable, STAND_IN, "launch", "--data", data, *words],
            env=os.environ | environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def ready(self) -> str:
        line = self.process.stdout.readline()
        assert line.startswith("ready "), line + self.process.stderr.read()
        self.bus = connect(self.folder.url("launcher"), timeout=2.0)
        return line

    def log(self) -> str:
        return (self.folder.logs / "launcher.jsonl").read_text()

    def children(self) -> list[psutil.Process]:
        return psutil.Process(self.process.pid).children(recursive=True)

    def processes(self):
        return self.bus.get_all(keys.processes())

    def beat(self, role):
        return self.bus.get(keys.heartbeats[role]("main"))

    def end(self, number: int = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        code = self.process.wait(15)
        self.close()
        return code

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait(15)
        for stream in (self.process.stdin, self.process.stdout, self.process.stderr):
            stream.close()
        if hasattr(self, "bus"):
            self.bus.close()


@pytest.fixture(scope="module")
def instance(tmp_path_factory):
    made = Instance(tmp_path_factory.mktemp("shared"))
    made.ready()
    yield made
    made.close()


@pytest.fixture
def make(tmp_path):
    made = []

    def start(*words, **environment):
        made.append(Instance(tmp_path, *words, **environment))
        return made[-1]

    yield start
    for one in made:
        one.close()


# --- from start to stop --------------------------------------------------------------
def test_everything_comes_up_and_nothing_is_left_behind(make, tmp_path):
    made = make()
    assert str(tmp_path) in made.ready()
    assert set(made.processes()) == {"broker", *SERVICES}
    for role in SERVICES:
        assert made.beat(role).pid == made.processes()[role].pid
    assert made.bus.get(keys.users()).names == ["ada"]
    assert config.read_note(made.folder.note).pid == made.process.pid
    children = made.children()
    assert len(children) == 8  # six services, the broker, the nursery
    assert made.end() == 0
    assert "had to be killed" not in made.log()
    assert not [child for child in children if child.is_running()]
    assert not made.folder.note.exists()
    assert not made.folder.socket.exists()


@pytest.mark.chaos
def test_it_ends_with_who_started_it(make):
    made = make("--with-input")
    made.ready()
    children = made.children()
    made.process.stdin.close()
    assert made.process.wait(10) == 0
    assert not [child for child in children if child.is_running()]


@pytest.mark.chaos
def test_nothing_outlives_a_killed_launcher_and_the_folder_is_free_again(make):
    made = make()
    made.ready()
    children = made.children()
    made.process.kill()
    again = make()
    again.ready()
    assert not [child for child in children if child.is_running()]
    assert config.read_note(made.folder.note).pid == again.process.pid


# --- what is in the way --------------------------------------------------------------
def refused(*words, **environment) -> str:
    done = subprocess.run(
        [sys.executable, STAND_IN, "launch", *words],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1, done.stdout + done.stderr
    assert len(done.stderr.splitlines()) == 1, done.stderr
    return done.stderr


def test_a_second_one_in_the_same_folder_is_told_who_has_it(instance):
    said = refused("--data", instance.folder.path)
    assert f"pid {instance.process.pid}" in said
    assert str(instance.folder.path) in said


def test_a_folder_that_cannot_be_written_is_said(tmp_path):
    (tmp_path / "file").touch()
    said = refused("--data", tmp_path / "file" / "data")
    assert f"{tmp_path}/file/data cannot be written" in said


def test_a_port_in_use_is_said(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        said = refused("--data", tmp_path, "--port", str(port))
    assert f"port {port}" in said


@pytest.mark.chaos
def test_a_service_that_does_not_start_is_named_with_its_last_words(tmp_path):
    said = refused("--data", tmp_path, BEC_BROKEN="scihub")
    assert "scihub (it has no hands)" in said
    assert "file_writer" not in said


# --- what goes wrong meanwhile -------------------------------------------------------
def counts(instance):
    return {name: one.restarts for name, one in instance.processes().items()}


def expect(before, name, times=1):
    return before | {name: before[name] + times}


@pytest.mark.parametrize("role", ["scan_server", "file_writer"])
def test_a_killed_service_is_there_again_at_once_and_counted_once(instance, role):
    before, pid = counts(instance), instance.beat(role).pid
    os.kill(pid, signal.SIGKILL)
    until(lambda: instance.beat(role).pid != pid)
    assert counts(instance) == expect(before, role)
    assert instance.processes()[role].reason == "killed by SIGKILL"


def test_a_frozen_service_is_killed_and_counted_once(instance):
    before, pid = counts(instance), instance.beat("scihub").pid
    os.kill(pid, signal.SIGSTOP)
    until(lambda: instance.beat("scihub").pid != pid)
    assert counts(instance) == expect(before, "scihub")
    assert instance.processes()["scihub"].reason == "frozen"


@pytest.mark.parametrize(
    ("number", "reason"),
    [(signal.SIGKILL, "killed by SIGKILL"), (signal.SIGSTOP, "frozen")],
)
def test_a_broker_that_is_gone_comes_again_and_no_service_is_blamed(
    instance, number, reason
):
    before, old = counts(instance), instance.processes()
    beats = {role: instance.beat(role).time for role in SERVICES}
    os.kill(old["broker"].pid, number)

    def all_beat_again():
        try:
            found = instance.processes()
            later = [instance.beat(role).time > beats[role] for role in SERVICES]
        except Exception:  # noqa: BLE001 - it is away
            return False
        return all(later) and found["broker"].pid != old["broker"].pid

    until(all_beat_again)
    assert counts(instance) == expect(before, "broker")
    now = instance.processes()
    assert now["broker"].reason == reason
    assert {r: now[r].pid for r in SERVICES} == {r: old[r].pid for r in SERVICES}


# --- the judgement itself ------------------------------------------------------------
def test_restarts_come_at_once_then_slower_and_then_end():
    restarts = Restarts()
    waits = [restarts.after("exit 1", now) for now in range(6)]
    assert waits[:2] == [0.0, 0.0]
    assert waits[2:5] == sorted(waits[2:5])
    assert waits[5] is None
    assert restarts.count == 5
    assert "given up" in restarts.reason


def test_restarts_now_and_then_are_no_reason_to_give_up():
    restarts = Restarts()
    assert {restarts.after("exit 1", now * 60.0) for now in range(50)} == {0.0}


def test_a_service_is_frozen_when_its_heartbeat_stands_still():
    pulse = Pulse(pid=7, started=0.0)
    pulse.seen(7, 100.0, 1.0)
    pulse.seen(7, 100.0, 3.0)
    assert not pulse.is_frozen(1.0 + FROZEN, quiet=0.0)
    assert pulse.is_frozen(1.1 + FROZEN, quiet=0.0)
    assert not pulse.is_frozen(1.1 + FROZEN, quiet=2.0)  # the broker was away


def test_a_service_may_take_long_to_start_and_an_old_heartbeat_is_not_its_own():
    pulse = Pulse(pid=7, started=0.0, beat=(7, 100.0))  # from another life, same pid
    pulse.seen(7, 100.0, 1.0)
    assert not pulse.beats()
    assert not pulse.is_frozen(FIRST, quiet=0.0)
    assert pulse.is_frozen(FIRST + 0.1, quiet=0.0)
    pulse.seen(7, 101.0, 2.0)
    assert pulse.beats()


def test_a_service_that_prepares_beats_and_does_not_serve_yet():
    pulse = Pulse(pid=7, started=0.0, beat=(6, 100.0))  # of another life
    assert not pulse.serves()
    pulse.seen(7, 101.0, 1.0, "starting")
    assert pulse.beats()
    assert not pulse.serves()
    pulse.seen(7, 102.0, 2.0, "running")
    assert pulse.serves()


def test_a_standby_is_not_frozen_while_another_has_the_role():
    pulse = Pulse(pid=7, started=0.0)
    for now in range(100):
        pulse.seen(8, float(now), float(now))
        assert not pulse.is_frozen(now + 1.0, quiet=0.0)


def test_a_broker_is_frozen_when_it_is_silent_and_not_when_it_loads():
    line = BrokerLink(calm=0.0)
    line.answered(10.0)
    line.missed(11.0, alive=True)
    line.missed(12.0, alive=False)
    assert not line.is_frozen(13.0)
    line.missed(14.1, alive=False)
    assert line.is_frozen(14.1)
    assert not line.is_calm(14.1)
    assert line.answered(15.0)
    assert not line.is_calm(14.9 + SETTLE)
    assert line.is_calm(15.0 + SETTLE)
