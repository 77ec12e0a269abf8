"""The embedded broker: it starts, keeps what it acknowledged, and says why not."""

import os
import signal
import socket
import stat

import numpy as np
import pytest
import redis

from bec_kernel.bus import append, connect, put
from bec_kernel.bus.changes import Id
from bec_kernel.bus.codec import MESSAGE_LIMIT
from bec_kernel.errors import BrokerError
from bec_kernel.instance import broker
from bec_kernel.instance.folder import Folder
from bec_kernel.wire import ROLES, DeviceValue, Reading, Stop, keys


@pytest.fixture
def own(runtime, tmp_path):
    """A folder and how to start its broker; all are stopped at the end."""
    started = []

    def start(**options):
        process = broker.start_broker(Folder(tmp_path), ["ada"], **options)
        started.append(process)
        return process

    yield Folder(tmp_path), start
    for process in started:
        if process.poll() is None:
            process.send_signal(signal.SIGCONT)
            process.terminate()
        process.wait(10)


@pytest.mark.processes
def test_every_user_has_a_password_only_the_owner_reads(own):
    folder, start = own
    broker.wait_for_broker(start(), folder)
    assert {path.name for path in folder.secrets.iterdir()} == {*ROLES, "ada"}
    for path in folder.secrets.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert len(path.read_text()) >= 24
    assert stat.S_IMODE(folder.secrets.stat().st_mode) == 0o700
    text = (folder.broker / "users.acl").read_text()
    assert folder.password("ada") not in text


@pytest.mark.processes
def test_what_was_acknowledged_is_there_after_a_kill(own):
    folder, start = own
    first = start(fsync="always")
    broker.wait_for_broker(first, folder)
    bus = connect(folder.url("scan_server"))
    for n in range(50):
        append(bus, keys.stops("s"), Stop(epoch=n, severity=1), Id.of(n), dense=True)
    first.kill()
    first.wait(10)
    with pytest.raises(BrokerError):
        bus.ping()
    broker.wait_for_broker(start(), folder)
    assert bus.last(keys.stops("s")).message.epoch == 49
    bus.close()


@pytest.mark.processes
def test_a_broker_that_is_frozen_is_an_error_with_a_deadline(own):
    folder, start = own
    process = start()
    broker.wait_for_broker(process, folder)
    bus = connect(folder.url("launcher"), timeout=0.2)
    os.kill(process.pid, signal.SIGSTOP)
    with pytest.raises(BrokerError, match="does not answer"):
        bus.ping()
    os.kill(process.pid, signal.SIGCONT)
    bus.ping()
    bus.close()


@pytest.mark.processes
def test_a_port_in_use_is_said_with_the_last_words(own):
    folder, start = own
    with socket.create_server(("127.0.0.1", 0)) as taken:
        process = start(port=taken.getsockname()[1])
        with pytest.raises(BrokerError, match=r"ended at once: .*[Aa]ddress"):
            broker.wait_for_broker(process, folder)


@pytest.mark.processes
def test_it_listens_on_loopback_where_a_port_is_given(own):
    folder, start = own
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    broker.wait_for_broker(start(port=port), folder)
    bus = connect(f"redis://ada:{folder.password('ada')}@127.0.0.1:{port}")
    assert bus.get(keys.users()) is None
    bus.close()


@pytest.mark.processes
def test_a_message_of_240_mb_is_refused_and_nobody_notices(own):
    folder, start = own
    process = start()
    broker.wait_for_broker(process, folder)
    bus = connect(folder.url("device_server"), timeout=0.5)
    person = redis.Redis.from_url(folder.url("ada"), socket_timeout=30)
    inbox = keys.device_asks("main", "ada")
    with pytest.raises((redis.ConnectionError, redis.ResponseError)):
        person.xadd("{bec}:" + inbox.name, {"m": bytes(240_000_000)})
    bus.ping()  # within half a second: it has not read it
    assert person.xrange("{bec}:" + inbox.name) == []
    person.close()
    largest = np.zeros(MESSAGE_LIMIT - 1000, "u1")
    value = DeviceValue(readings={"image": Reading(largest, 1.0)})
    put(bus, keys.values("main"), value, "camera")
    found = bus.get(keys.values("main"), "camera")
    assert found.readings["image"].value.size == largest.size
    bus.close()
