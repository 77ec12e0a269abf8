"""The loop of all services, as real processes at a real broker."""

import os
import signal
import subprocess
import sys
import time

import pytest

from bec_kernel.bus import append, connect
from bec_kernel.bus.changes import Id
from bec_kernel.service.expiry import expiring
from bec_kernel.wire import Stop, keys
from tests.waiting import until

BODY = """
import os
from bec_kernel.bus.changes import START, Append, Id
from bec_kernel.service import serve
from bec_kernel.wire import Stop, keys

def body(life):
    out = keys.controls(life.setup.name)
    log = keys.stops(life.setup.name)
    for _, entries in life.follow({log: START}):
        for entry in entries:
            if entry.message.severity == 9:
                raise ValueError("a bug")
            life.alarm(f"seen {entry.message.epoch}")

serve("scan_server", body)
"""


class Stage:
    """A stand-in service under a name of its own."""

    def __init__(self, folder, name):
        self.folder, self.name = folder, name
        self.bus = connect(folder.url("scan_server"))
        self.processes = []

    def start(self):
        process = subprocess.Popen(
            [sys.executable, "-c", BODY],
            env=os.environ
            | {
                "BEC_REDIS": self.folder.url("scan_server"),
                "BEC_DATA": str(self.folder.path),
                "BEC_NAME": self.name,
            },
            stderr=subprocess.PIPE,
        )
        self.processes.append(process)
        return process

    def ask(self, epoch, severity=1):
        log = keys.stops(self.name)
        append(self.bus, log, Stop(epoch=epoch, severity=severity), Id(epoch + 1))

    def beat(self):
        return self.bus.get(keys.heartbeats["scan_server"](self.name))

    def beats_from(self, process):
        beat = self.beat()
        return beat if beat and beat.pid == process.pid else None

    def alarms(self):
        return [entry.message.message for entry in self.bus.read(keys.alarms())]

    def close(self):
        for process in self.processes:
            if process.poll() is None:
                process.send_signal(signal.SIGCONT)
                process.kill()
            process.wait(10)
            process.stderr.close()
        self.bus.close()


@pytest.fixture
def stage(broker_folder, scan_id):
    made = Stage(broker_folder, scan_id)
    yield made
    made.close()


def test_a_service_beats_serves_and_leaves_when_told_to(stage):
    process = stage.start()
    beat = until(lambda: stage.beats_from(process))
    assert (beat.service, beat.state) == ("scan_server", "running")
    assert beat.life > 0
    stage.ask(0)
    until(lambda: "seen 0" in stage.alarms())
    until(lambda: stage.beat().time > beat.time)
    stage.bus.commit([expiring(stage.name, time.time() - 1, 0.0)])
    until(lambda: not stage.bus.read(keys.stops(stage.name)))  # by its owner
    process.send_signal(signal.SIGINT)  # as SIGTERM: one may run in the foreground
    assert process.wait(5) == 0
    assert stage.bus.get(keys.leases["scan_server"](stage.name)) is None


def test_a_second_process_waits_and_takes_over(stage):
    first = stage.start()
    old = until(lambda: stage.beats_from(first))
    second = stage.start()
    first.kill()
    new = until(lambda: stage.beats_from(second))
    assert new.life > old.life


def test_a_frozen_process_that_wakes_up_does_not_act(stage):
    first = stage.start()
    until(lambda: stage.beats_from(first))
    first.send_signal(signal.SIGSTOP)
    second = stage.start()
    until(lambda: stage.beats_from(second))
    first.send_signal(signal.SIGCONT)
    second.terminate()  # the woken one may now have the role again, in a new life
    assert second.wait(5) == 0
    again = until(lambda: stage.beats_from(first))
    assert again.life > 0


def test_a_bug_ends_the_process_with_an_alarm(stage):
    process = stage.start()
    until(lambda: stage.beats_from(process))
    stage.ask(0, severity=9)
    assert process.wait(10) == 1
    assert "scan_server crashed and is started again: a bug" in stage.alarms()
    assert (
        "a bug" in (stage.folder.logs / f"scan_server.{stage.name}.jsonl").read_text()
    )


def test_a_message_that_cannot_be_decoded_is_an_alarm_and_the_service_goes_on(stage):
    process = stage.start()
    until(lambda: stage.beats_from(process))
    log = keys.stops(stage.name)
    stage.bus._redis.xadd(stage.bus._key(log.name), {"m": b"\xc1"}, id="1-0")
    stage.ask(1)
    until(lambda: "seen 1" in stage.alarms())
    assert any(
        f"{log.name} at 1-0 cannot be decoded" in said for said in stage.alarms()
    )
    assert process.poll() is None
