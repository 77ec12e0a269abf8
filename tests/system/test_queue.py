"""Queues of a real instance: a rule over the ring's current, and a killed server."""

import os
import signal

import numpy as np
import pytest

from bec_kernel.errors import RefusedError
from bec_kernel.wire import ItemState, QueueState, ScanState, keys
from tests.system.beamline import Instance
from tests.waiting import until

DEVICES = """\
samx:
  deviceClass: bec_sim.SimPositioner
  deviceConfig: {delay: 0, limits: [-50, 50]}
  readoutPriority: baseline
ring:
  deviceClass: bec_sim.SimRing
  deviceConfig: {top: 400, rate: 400, period: 0.25}
  readoutPriority: on_request
det:
  deviceClass: bec_sim.SimMonitor
  deviceConfig: {ref_motor: samx}
  readoutPriority: monitored
  softwareTrigger: true
"""


@pytest.fixture(scope="module")
def instance(tmp_path_factory):
    instance = Instance(tmp_path_factory.mktemp("queue"), devices=DEVICES)
    yield instance
    instance.close()


def kill_scan_server(instance):
    pid = instance.process_of("scan_server")["pid"]
    os.kill(pid, signal.SIGKILL)
    until(lambda: instance.process_of("scan_server")["pid"] != pid)


def test_a_scan_waits_out_a_beam_loss_by_itself_also_over_a_kill(instance):
    client, queue = instance.client, instance.client.queue
    queue.suspend_unless("ring above 80 for 0.5")
    report = client.run("line_scan samx 0 1 --steps 8 --exp-time 0.2")
    points = report.points(timeout=10)
    first = next(points)
    client.dev.ring.dump()
    until(lambda: report.status is ScanState.PAUSED)
    assert "suspended: ring above 80 for 0.5 s: it is" in repr(queue)
    assert queue.status is QueueState.PAUSED
    kill_scan_server(instance)
    found = [first, *points]
    assert report.wait(20).status is ScanState.CLOSED
    assert [p.point_id for p in found] == list(range(8))
    assert {p.attempt for p in found} == {1, 2}  # what had no beam is taken again
    gaps = np.diff([p.begin for p in found])
    assert gaps.max() > 0.5
    assert np.median(gaps) < 0.5
    assert queue.status is QueueState.RUNNING
    assert [alarm for alarm in client.alarms(all_users=True) if "ring" in alarm.message]
    queue.unsuspend("ring")
    assert queue.suspenders == []


def test_order_locks_and_repetitions_are_there_after_a_kill(instance):
    client, queue = instance.client, instance.client.queue
    queue.lock("hutch open")
    first, second = (client.run(f"line_scan samx 0 {n} --steps 2") for n in (1, 2))
    more = queue.repeat(2, second)
    queue.move(more[1], "top")
    queue.remove(first, reason="no sample")
    with pytest.raises(RefusedError, match="hutch open"):
        client.mv("samx", 1, nowait=True)
    wanted = [more[1].scan_id, second.scan_id, more[0].scan_id]
    assert [item.scan_id for item in queue.waiting] == wanted
    shown = repr(queue)
    kill_scan_server(instance)
    assert repr(queue) == shown
    assert "locked (by" in shown
    queue.unlock()
    for report in (*more, second):
        assert report.wait(20).status is ScanState.CLOSED
    numbers = [r.scan_number for r in (more[1], second, more[0])]
    assert numbers == sorted(numbers)
    last = queue.history[-4]
    assert (last.scan_id, last.state) == (first.scan_id, ItemState.CANCELLED)
    assert last.reason.endswith("no sample")
    assert last.by == client.user
    assert queue.names == ["primary"]


def test_moves_and_sets_wait_for_who_holds_their_motor_and_say_so(instance, capsys):
    client, queue = instance.client, instance.client.queue
    report = client.run("line_scan samx 0 1 --steps 5 --exp-time 0.1")
    next(report.points(timeout=10))
    client.dev.samx.set(7)
    assert report.is_final
    assert client.dev.samx.position == 7
    held = f"samx is held by scan {report.scan_number} line_scan of {client.user}"
    assert f"mv samx 7 waits: {held}" in capsys.readouterr().err
    move = queue.history[-1]
    assert (move.before, move.after) == ({"samx": 1.0}, {"samx": 7.0})
    assert "samx 1 to 7" in repr(queue.history)
    client.dev.samx.velocity.set(3.0)
    call = client.bus.last(keys.calls("main")).message
    assert (call.user, call.method, call.args) == (client.user, "velocity.set", [3.0])
