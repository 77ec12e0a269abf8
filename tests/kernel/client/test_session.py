"""Devices, queue, history and state, as a person's program sees them."""

import subprocess
import sys
import time

import pytest

from bec_kernel.bus.changes import Append, Id, Put
from bec_kernel.client import Client, UnknownDeviceError, connect
from bec_kernel.client.session import Folder
from bec_kernel.errors import (
    BrokerError,
    DeadlineError,
    DeviceError,
    InstanceError,
    RefusedError,
    ScanAborted,
)
from bec_kernel.wire import (
    Alarm,
    Call,
    Heartbeat,
    Origin,
    Process,
    QueueState,
    QueueStatus,
    ScanState,
    StopDevices,
    keys,
)


def test_devices_are_read_set_and_called(bec, server):
    samx = bec.dev.samx
    assert samx.position == 1.5
    assert samx.readback == 0.5
    assert samx.read()["samx"] == {"value": 1.5, "timestamp": 100.0}
    assert samx.read(cached=True)["samx"]["value"] == 0.5
    assert samx.limits == (-50.0, 50.0)
    assert samx.describe()["samx"]["units"] == "mm"
    assert samx.velocity.get() == 2.0
    samx.velocity.set(2)
    assert (server.seen[-1].method, server.seen[-1].args) == ("velocity.set", [2])
    samx.set(1)
    assert isinstance(server.seen[-1], Call)
    with pytest.raises(DeviceError, match="does not move"):
        samx.set(99)
    samx.stop()
    assert server.seen[-1].devices == ["samx"]


def test_an_unknown_device_names_the_nearest(bec):
    with pytest.raises(UnknownDeviceError, match="no device 'smx': did you mean samx"):
        _ = bec.dev.smx
    with pytest.raises(AttributeError, match="did you mean velocity"):
        _ = bec.dev.samx.velocty
    assert not hasattr(bec.dev, "_repr_mimebundle_")
    assert not hasattr(bec.dev.samx, "_repr_mimebundle_")
    assert "samx" in bec.dev
    assert "smx" not in bec.dev


def test_devices_complete_iterate_and_show_the_same_table_each_time(bec):
    assert dir(bec.dev) == ["bpm4i", "samx", "samy"]
    assert [device.name for device in bec.dev] == ["bpm4i", "samx", "samy"]
    assert {"velocity", "position"} <= set(dir(bec.dev.samx))
    assert dir(bec.dev.samx.velocity) == ["get", "set"]
    assert repr(bec.dev) == repr(bec.dev)
    assert "samx   Positioner  monitored  mm    -50 to 50  ok" in repr(bec.dev)
    assert "<td>samx</td>" in bec.dev._repr_html_()
    assert repr(bec.dev.samx) == (
        "samx: Positioner, monitored, limits -50 to 50, at 0.500 mm"
    )


def test_scans_are_functions_with_text_signature_and_aliases(bec):
    scan = bec.scans.ascan
    assert scan.__name__ == "line_scan"
    assert "Both ends are included" in scan.__doc__
    assert "steps" in scan.__signature__.parameters
    assert {"ascan", "acquire", "mv"} <= set(dir(bec.scans))
    assert "line_scan samx -5 5 --steps 21" in repr(bec.scans)
    assert ("samx", "mm, monitored, -50 to 50") in bec.complete("line_scan s")


def test_stop_all_reaches_every_device_server_at_once(bec, server):
    for stop in (bec.stop_all, bec.stop, bec.dev.stop):
        stop()
        assert isinstance(server.seen.pop(), StopDevices)
    bec.dev.stop(["samx", "samy"])
    assert server.seen[-1].devices == ["samx", "samy"]


@pytest.mark.parametrize("value", [10**400, 1j, [object()], bytes(2_000_000)], ids=type)
def test_what_cannot_be_asked_of_a_device_is_refused_before_it_is_sent(
    bec, server, value
):
    with pytest.raises(RefusedError, match="ask"):
        bec.dev.samx.set(value)
    assert server.seen == []


def test_the_queue_shows_what_waits_and_clears_it(bec, server, line):
    server.hold = True
    line.commit([Put(keys.queues(), QueueStatus(name="primary"), "primary")])
    report = bec.scans.line_scan("samx", 0, 1, steps=3)
    bec.reader.retry(lambda: bec.queue.items)
    assert report.status == "pending"
    assert bec.queue.status is QueueState.RUNNING
    assert "line_scan samx 0 1 --steps 3" in repr(bec.queue)
    bec.queue.clear()
    with pytest.raises(ScanAborted, match="cancelled: by tester"):
        report.wait(5)
    assert repr(bec.queue) == "queue primary: running, empty"


def test_history_counts_scans_from_1(bec):
    assert repr(bec.history) == "no scans yet"
    for steps in (2, 3):
        bec.scans.line_scan("samx", 0, 1, steps=steps).wait(5)
    bec.mv("samx", 0)
    assert len(bec.history) == 2
    assert bec.history[-1].scan_number == 2
    assert repr(bec.history[1]).endswith("--steps 2: closed, 2 points")
    assert [len(list(report.points())) for report in bec.history] == [2, 3]
    assert len(bec.history[-1].to_pandas()) == 3
    assert bec.history[2].wait(5).status is ScanState.CLOSED
    with pytest.raises(IndexError, match="there are 1 to 2"):
        _ = bec.history[3]


def test_the_origin_a_front_end_gives_travels_along(bec, server):
    bec.origin = lambda: Origin(program="script", host="here")
    bec.metadata["sample"] = "a"
    bec.scans.acquire(metadata={"n": 1}).wait(5)
    assert server.seen[-1].origin.program == "script"
    assert server.seen[-1].metadata == {"sample": "a", "n": 1}


def test_status_lists_services_broker_and_queues(bec, line):
    beat = Heartbeat(service="scan_server", pid=7, state="running", version="1")
    line.commit(
        [
            Put(keys.heartbeats["scan_server"]("main"), beat),
            Put(keys.processes(), Process(name="broker", pid=3), "broker"),
            Put(
                keys.processes(),
                Process(name="scan_server", pid=7, restarts=1),
                "scan_server",
            ),
        ]
    )
    status = bec.status()
    (service,) = status["services"]
    assert (service["name"], service["pid"], service["restarts"]) == (
        "scan_server",
        7,
        1,
    )
    assert status["broker"]["pid"] == 3
    assert status["queues"][0]["items"] == []


def test_alarms_of_others_concern_no_one_here(bec, line):
    for number, user in enumerate(("tester", "other", "")):
        alarm = Alarm(
            alarm_id=str(number),
            service="file_writer",
            severity="minor",
            message="m",
            time=0.0,
            user=user,
        )
        line.commit([Append(keys.alarms(), alarm, Id(number + 1))])
    assert [alarm.alarm_id for alarm in bec.alarms()] == ["0", "2"]
    assert len(bec.alarms(all_users=True)) == 3


def beat(role, pid, state="running"):
    now = time.time()
    one = Heartbeat(service=role, pid=pid, state=state, version="1", time=now)
    return Put(keys.heartbeats[role]("main"), one)


def test_ready_means_that_those_who_run_now_serve(bec, line):
    def started(role, pid):
        return Put(keys.processes(), Process(name=role, pid=pid), role)

    line.commit([beat("scan_server", 7), beat("device_server", 8)])  # the last life's
    line.commit([started("scan_server", 0), started("device_server", 0)])
    line.commit([started("scan_server", 17), beat("scan_server", 17)])
    with pytest.raises(DeadlineError, match="0 s: device_server: starting; see: bec"):
        bec.ready(0)
    line.commit([started("device_server", 18), beat("device_server", 18, "starting")])
    with pytest.raises(DeadlineError, match="device_server: starting"):
        bec.ready(0)
    line.commit([beat("device_server", 18)])
    bec.ready(1)


def test_a_silent_service_ends_a_wait_without_deadline(bec, server, line, monkeypatch):
    monkeypatch.setattr("bec_kernel.client.scan.waiting.SILENCE", 0.05)
    server.allowed = 1
    report = bec.scans.line_scan("samx", 0, 1, steps=3)
    beat = Heartbeat(service="device_server", pid=7, state="running", version="1")
    line.commit([Put(keys.heartbeats["device_server"]("main"), beat)])
    with pytest.raises(DeadlineError, match="the device server has been silent"):
        report.wait()


def test_a_scan_is_seen_to_begin_though_the_broker_has_lost_its_last_second(
    bec, server, line, broker, until
):
    server.allowed = 0
    lost = bec.scans.line_scan("samx", 0, 1, steps=3)
    until(lambda: lost.status is ScanState.OPEN)
    line.cut = True
    bec.reader.wait_for(lambda: bec.reader._lost, "the loss", 5)
    broker.logs[keys.scans().name].clear()  # what comes has this scan's place again
    server.number = 0
    line.cut = False
    bec.reader.wait_for(lambda: not bec.reader._lost, "the broker", 5)
    server.allowed = 1
    assert next(bec.scans.line_scan("samx", 0, 1, steps=3).points(5)).point_id == 0


def test_a_closed_client_says_so(line, server):
    client = Client(line)
    client.close()
    with pytest.raises(BrokerError, match="was closed while waiting for"):
        client.scans.acquire()


def test_nothing_running_is_said_with_the_command_that_starts_one(
    tmp_path, monkeypatch
):
    with pytest.raises(InstanceError, match="bec up --data"):
        connect(tmp_path)
    monkeypatch.setenv("BEC_REDIS", f"unix://me:secret@{tmp_path}/no.sock")
    with pytest.raises(BrokerError, match=r"no\.sock.*bec up") as caught:
        connect()
    assert "secret" not in str(caught.value)
    assert Folder(tmp_path).path == tmp_path


@pytest.mark.processes
def test_importing_the_client_imports_no_tables():
    code = (
        "import sys, bec_kernel.client\n"
        "bad = {'pandas', 'xarray', 'IPython', 'scipy'} & set(sys.modules)\n"
        "sys.exit(str(bad) if bad else 0)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=30)
