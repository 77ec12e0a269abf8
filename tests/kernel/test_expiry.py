"""Logs of finished scans go at the time that was told, each by its owner's hand."""

import pytest

from bec_kernel.bus import append, put
from bec_kernel.bus.changes import Expire, Id
from bec_kernel.service.expiry import expiring, let_go
from bec_kernel.testing import MemoryBroker, MemoryBus
from bec_kernel.wire import RULES, SERVICES, Expiring, Stop, Taken, keys

NOW = 1_800_000_000.0
DAY = 24 * 3600
STREAMS = [("gas", "gas_flow")]
GONE = Expiring(scan_id="s", until=NOW, streams=STREAMS)


def owned(role, name="main"):
    return {log.name for log in keys.scan_logs(role, name, "s", STREAMS)}


def test_every_log_of_a_scan_is_let_go_by_a_service_that_may_write_it():
    for rule in RULES:
        if rule.kind != "log" or not rule.pattern.split("/", 1)[1].startswith("scan/"):
            continue
        parts = {1: (), 2: ("main",), 3: STREAMS[0]}[rule.pattern.count("{}")]
        name = rule.name("s", *parts)
        assert {role for role in SERVICES if name in owned(role)} == {*rule.writers}


def test_a_process_lets_go_what_it_answered_itself():
    assert keys.answers("s", "other").name in owned("device_server", "other")
    assert keys.advice("s", "peak_finder").name in owned("data_analysis", "peak_finder")


@pytest.fixture
def bus():
    return MemoryBus(MemoryBroker())


def told(*scans, until):
    return [Expiring(scan_id=scan_id, until=until) for scan_id in scans]


def test_an_owner_lets_its_logs_go_at_the_time_told_and_no_others(bus):
    log, other = keys.stops("s"), keys.stops("t")
    for one in (log, other):
        append(bus, one, Stop(epoch=0, severity=1), Id(1))
    bus.commit([expiring("s", NOW, 24.0, STREAMS)])
    (entry,) = bus.read(keys.expiring())
    assert entry.message == Expiring(scan_id="s", until=NOW + DAY, streams=STREAMS)
    bus.broker.wall = lambda: NOW
    for _ in range(2):  # again after a restart
        bus.commit(let_go("scan_server", "main", [entry.message], NOW))
    bus.broker.wall = lambda: NOW + DAY - 1
    assert len(bus.read(log)) == 1
    bus.broker.wall = lambda: NOW + DAY
    assert bus.read(log) == []
    assert len(bus.read(other)) == 1


def test_who_was_away_until_the_logs_were_gone_has_nothing_to_do_there(bus):
    todo = keys.todo["data_analysis"]("main")
    for name in ("old", "new"):
        taken = Taken(scan_id=name, scan_number=1, name="acquire", user="ada")
        put(bus, todo, taken, name)
    known = [*told("old", until=NOW), *told("new", until=NOW + 1)]
    bus.commit(let_go("data_analysis", "main", known, NOW))
    assert [*bus.get_all(todo)] == ["new"]


def test_the_scan_server_has_no_list_of_what_it_has_not_finished():
    changes = let_go("scan_server", "main", told("s", until=NOW), NOW)
    assert all(isinstance(change, Expire) for change in changes)
