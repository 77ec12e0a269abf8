"""Three kinds of key: the double and the real broker do the same."""

import threading
import time

import pytest

from bec_kernel.bus import append, connect, put
from bec_kernel.bus.changes import START, Append, Drop, Expire, Fence, Id, Put
from bec_kernel.errors import (
    BrokerError,
    ConflictError,
    FencedError,
    RefusedError,
)
from bec_kernel.testing import MemoryBus
from bec_kernel.wire import (
    Alarm,
    Call,
    Item,
    ItemAction,
    Log,
    QueueStatus,
    ScanRequest,
    ScanState,
    StateChange,
    Stop,
    Taken,
    Verb,
    keys,
)


def stop(epoch: int) -> Stop:
    return Stop(epoch=epoch, severity=1)


def request(name: str = "line_scan") -> ScanRequest:
    return ScanRequest(request_id="r", name=name)


def alarm(text: str) -> Alarm:
    return Alarm(alarm_id=text, service="s", severity="minor", message=text, time=0.0)


# --- append --------------------------------------------------------------------------
def test_an_entry_comes_back_from_where_it_was_put(bus, scan_id):
    log = keys.stops(scan_id)
    assert append(bus, log, stop(0), Id.of(0)) == Id(1, 0)
    [entry] = bus.read(log)
    assert (entry.id, entry.message) == (Id(1, 0), stop(0))
    assert bus.last(log) == entry


def test_the_same_entry_again_is_taken_and_not_doubled(bus, scan_id):
    log = keys.stops(scan_id)
    for _ in range(2):
        assert append(bus, log, stop(0), Id.of(0), dense=True) == Id.of(0)
    assert len(bus.read(log)) == 1


def test_another_entry_in_the_same_place_is_refused(bus, scan_id):
    log = keys.stops(scan_id)
    append(bus, log, stop(0), Id.of(0))
    with pytest.raises(ConflictError, match=r"stops at 1-0: conflict"):
        append(bus, log, stop(1), Id.of(0))
    assert [entry.message for entry in bus.read(log)] == [stop(0)]


@pytest.mark.parametrize("index", [1, 7])
def test_a_hole_in_a_dense_log_is_refused(bus, scan_id, index):
    with pytest.raises(ConflictError, match="gap"):
        append(bus, keys.stops(scan_id), stop(0), Id.of(index), dense=True)


def test_a_sparse_log_may_have_holes_but_no_way_back(bus, scan_id):
    log = keys.stops(scan_id)
    append(bus, log, stop(0), Id(5, 0))
    append(bus, log, stop(1), Id(5, 1))
    with pytest.raises(ConflictError):
        append(bus, log, stop(2), Id(3, 0))
    assert bus.last(log).id == Id(5, 1)


def test_several_entries_of_one_log_go_in_one_commit(bus, scan_id):
    log = keys.stops(scan_id)
    entries = [Append(log, stop(n), Id.of(n), dense=True) for n in range(3)]
    assert bus.commit(entries) == [Id.of(0), Id.of(1), Id.of(2)]
    assert bus.commit(entries) == [Id.of(0), Id.of(1), Id.of(2)]  # the reply was lost
    longer = [Append(log, stop(n), Id.of(n), dense=True) for n in range(1, 5)]
    assert bus.commit(longer)[-1] == Id.of(4)
    assert [e.message.epoch for e in bus.read(log)] == [0, 1, 2, 3, 4]


def test_a_commit_with_its_own_entries_out_of_order_changes_nothing(bus, scan_id):
    log = keys.stops(scan_id)
    with pytest.raises(ConflictError):
        bus.commit([Append(log, stop(1), Id.of(1)), Append(log, stop(0), Id.of(0))])
    assert bus.read(log) == []


def test_a_commit_is_made_as_a_whole_or_not_at_all(bus, scan_id):
    log, state = keys.stops(scan_id), keys.states(scan_id)
    append(bus, state, StateChange(state=ScanState.OPEN), Id(1))
    todo = keys.todo["scihub"](scan_id)
    taken = Taken(scan_id=scan_id, scan_number=1, name="acquire", user="ada")
    with pytest.raises(ConflictError):
        bus.commit(
            [
                Append(log, stop(0), Id.of(0)),
                Put(todo, taken, scan_id),
                Append(state, StateChange(state=ScanState.CLOSED), Id(1)),
            ]
        )
    assert bus.read(log) == []
    assert bus.get_all(todo) == {}


def test_a_log_with_many_writers_gets_its_ids_from_the_broker(bus):
    first = append(bus, keys.alarms(), alarm("one"))
    second = append(bus, keys.alarms(), alarm("two"))
    assert START < first < second
    messages = [e.message.message for e in bus.read(keys.alarms(), after=first)]
    assert messages == ["two"]


def test_a_log_may_be_kept_short(bus):
    for n in range(400):
        append(bus, keys.alarms(), alarm(str(n)), keep=10)
    left = bus.read(keys.alarms())
    assert len(left) < 400
    assert left[-1].message.message == "399"


def test_reading_goes_on_behind_a_place_and_stops_at_the_limit(bus, scan_id):
    log = keys.stops(scan_id)
    bus.commit([Append(log, stop(n), Id.of(n)) for n in range(10)])
    some = bus.read(log, after=Id.of(3), limit=2)
    assert [entry.id.index for entry in some] == [4, 5]


# --- expire --------------------------------------------------------------------------
def test_a_log_is_gone_from_its_time_on_and_not_before(bus, scan_id):
    log, other = keys.stops(scan_id), keys.states(scan_id)
    append(bus, log, stop(0), Id.of(0))
    append(bus, other, StateChange(state=ScanState.OPEN), Id(1))
    for _ in range(2):
        assert bus.commit([Expire(log, time.time() + 60), Expire(other, 9e9)]) == []
    append(bus, log, stop(1), Id.of(1), dense=True)
    assert len(bus.read(log)) == 2
    bus.commit([Expire(log, time.time() - 1)])
    assert (bus.read(log), bus.last(log)) == ([], None)
    assert bus.last(other) is not None


def test_a_log_that_is_not_there_does_not_expire_later(bus, scan_id):
    log = keys.stops(scan_id)
    bus.commit([Expire(log, time.time() - 1)])
    append(bus, log, stop(0), Id.of(0))
    assert len(bus.read(log)) == 1


# --- follow --------------------------------------------------------------------------
def test_following_returns_at_once_what_is_there(bus, scan_id):
    log, other = keys.stops(scan_id), keys.controls(scan_id)
    append(bus, log, stop(0), Id.of(0))
    [(found, entries)] = bus.follow({log: START, other: START}, timeout=3.0)
    assert found == log
    assert [entry.message for entry in entries] == [stop(0)]


def test_following_returns_nothing_when_nothing_comes(bus, scan_id):
    assert bus.follow({keys.stops(scan_id): START}, timeout=0.02) == []


def test_following_no_log_waits_and_returns_nothing(bus):
    begun = time.monotonic()
    assert bus.follow({}, timeout=0.05) == []
    assert time.monotonic() - begun > 0.04


def test_following_wakes_when_something_comes(meeting, scan_id):
    log = keys.stops(scan_id)
    reader, writer = meeting.bus("device_server"), meeting.bus()
    found = []

    def follow() -> None:
        found.extend(reader.follow({log: START}, timeout=3.0))

    thread = threading.Thread(target=follow)
    thread.start()
    append(writer, log, stop(0), Id.of(0))
    thread.join(2.0)
    assert [entry.message for _, entries in found for entry in entries] == [stop(0)]


# --- latest --------------------------------------------------------------------------
def test_the_latest_value_is_the_last_that_was_put(bus):
    assert bus.get(keys.queues(), "nobody") is None
    put(bus, keys.queues(), QueueStatus(name="a", reason="one"), "a")
    put(bus, keys.queues(), QueueStatus(name="a", reason="two"), "a")
    assert bus.get(keys.queues(), "a") == QueueStatus(name="a", reason="two")


def test_fields_are_put_and_dropped_one_by_one(bus, scan_id):
    todo = keys.todo["scihub"](scan_id)
    for name in ("one", "two"):
        put(bus, todo, Taken(scan_id=name, scan_number=1, name="x", user="ada"), name)
    assert sorted(bus.get_all(todo)) == ["one", "two"]
    bus.commit([Drop(todo, "one"), Drop(todo, "never there")])
    assert sorted(bus.get_all(todo)) == ["two"]


def test_a_watch_wakes_for_each_put_and_only_for_its_own(meeting):
    watcher, writer = meeting.bus("device_server"), meeting.bus()
    with watcher.watch(keys.queues()) as watch:
        put(writer, keys.items(), item("elsewhere"), "elsewhere")
        assert not watch.wait(0.02)
        put(writer, keys.queues(), QueueStatus(name="a"), "a")
        assert watch.wait(3.0)
        assert not watch.wait(0.02)
        writer.commit([Drop(keys.queues(), "a")])
        assert watch.wait(3.0)


def item(name: str) -> Item:
    return Item(scan_id=name, user="ada", request=request(), rank=0.0)


def test_who_looks_after_each_wake_sees_the_last_of_many_puts(bus):
    seen = []
    with bus.watch(keys.queues()) as watch:
        for n in range(20):
            put(bus, keys.queues(), QueueStatus(name=str(n)), "a")
        while watch.wait(0.1):
            seen.append(bus.get(keys.queues(), "a").name)
    assert seen[-1] == "19"


def test_an_error_inside_a_watch_keeps_its_name(bus):
    with pytest.raises(FileNotFoundError), bus.watch(keys.queues()):
        raise FileNotFoundError("not the broker's business")


# --- inbox ---------------------------------------------------------------------------
def test_what_a_person_asks_arrives_in_that_persons_inbox(meeting):
    person, server = meeting.bus("ada"), meeting.bus()
    inbox = keys.scan_asks("ada")
    assert person.user == "ada"
    where = person.ask(inbox, request("mv"))
    asked = server.read(Log(inbox.name, inbox.type), after=Id(where.major - 1))
    assert [entry.id for entry in asked][-1:] == [where]
    assert asked[-1].message == request("mv")
    action = ItemAction(request_id="a", verb=Verb.ABORT)
    assert person.ask(inbox, action) > where


# --- leases and fences ---------------------------------------------------------------
@pytest.mark.parametrize("value", [10**400, bytes(2_000_000)], ids=["huge", "large"])
def test_what_cannot_be_asked_is_refused_and_not_sent(meeting, value):
    person, service = meeting.bus("ada"), meeting.bus("device_server")
    inbox = keys.device_asks("main", "ada")
    before = service.last(Log(inbox.name, inbox.type))
    with pytest.raises(RefusedError):
        person.ask(inbox, Call(request_id="r", device="d", method="m", args=[value]))
    assert service.last(Log(inbox.name, inbox.type)) == before


def test_a_lease_has_one_holder_and_its_token_rises(bus, scan_id):
    lease, fence = keys.leases["scan_server"](scan_id), keys.fences["scan_server"]
    first = bus.acquire(lease, fence(scan_id), "a", 5.0)
    assert first is not None
    assert bus.acquire(lease, fence(scan_id), "a", 5.0) == first
    assert bus.acquire(lease, fence(scan_id), "b", 5.0) is None
    assert bus.get(lease) == "a"
    bus.release(lease, "b")  # not b's to give back
    assert bus.get(lease) == "a"
    bus.release(lease, "a")
    assert bus.get(lease) is None
    second = bus.acquire(lease, fence(scan_id), "b", 5.0)
    assert second > first


def test_a_lease_that_is_not_renewed_expires(bus, scan_id):
    lease, fence = keys.leases["scan_server"](scan_id), keys.fences["scan_server"]
    bus.acquire(lease, fence(scan_id), "a", 0.05)
    assert bus.renew(lease, "a", 0.05)
    until = time.monotonic() + 3.0
    while bus.acquire(lease, fence(scan_id), "b", 5.0) is None:
        assert time.monotonic() < until
    assert not bus.renew(lease, "a", 5.0)


def test_a_release_wakes_who_waits_for_the_lease(meeting, scan_id):
    holder, standby = meeting.bus(), meeting.bus()
    lease, fence = keys.leases["scan_server"](scan_id), keys.fences["scan_server"]
    holder.acquire(lease, fence(scan_id), "a", 5.0)
    with standby.watch(lease) as watch:
        holder.release(lease, "a")
        assert watch.wait(3.0)


def test_an_old_token_changes_nothing(bus, scan_id):
    lease, key = keys.leases["scan_server"](scan_id), keys.fences["scan_server"]
    old = Fence(key(scan_id), bus.acquire(lease, key(scan_id), "a", 5.0))
    log = keys.stops(scan_id)
    append(bus, log, stop(0), Id.of(0), fence=old)
    bus.release(lease, "a")
    new = Fence(key(scan_id), bus.acquire(lease, key(scan_id), "b", 5.0))
    with pytest.raises(FencedError):
        append(bus, log, stop(1), Id.of(1), fence=old)
    with pytest.raises(FencedError):
        bus.commit([Expire(log, time.time() - 1)], old)
    append(bus, log, stop(1), Id.of(1), fence=new)
    assert [entry.message.epoch for entry in bus.read(log)] == [0, 1]


# --- bytes nobody understands --------------------------------------------------------
def spoil(bus, name: str, field: str = "") -> None:
    """Put bytes that are no message, past the door that checks them."""
    if isinstance(bus, MemoryBus):
        if field:
            bus.broker.values.setdefault(name, {})[field] = b"\xc1"
        else:
            bus.broker.logs.setdefault(name, []).append((Id(9, 0), b"\xc1"))
    elif field:
        bus._redis.hset(bus._key(name), field, b"\xc1")
    else:
        bus._redis.xadd(bus._key(name), {"m": b"\xc1"}, id="9-0")


def test_an_entry_that_cannot_be_decoded_is_complained_about_and_empty(
    meeting, scan_id
):
    bus, log = meeting.bus(), keys.stops(scan_id)
    append(bus, log, stop(0), Id(1))
    spoil(bus, log.name)
    append(bus, log, stop(2), Id(10))
    assert [entry.message for entry in bus.read(log)] == [stop(0), None, stop(2)]
    assert meeting.complaints == [f"{log.name} at 9-0"]


def test_a_field_that_cannot_be_decoded_is_complained_about_and_left_out(
    meeting, scan_id
):
    bus, todo = meeting.bus(), keys.todo["scihub"](scan_id)
    put(bus, todo, Taken(scan_id="x", scan_number=1, name="x", user="ada"), "good")
    spoil(bus, todo.name, "bad")
    assert list(bus.get_all(todo)) == ["good"]
    assert bus.get(todo, "bad") is None
    assert len(meeting.complaints) == 2


def test_a_part_of_a_key_cannot_lead_elsewhere():
    for part in ("", "a/b", "*", "a b", "{x}"):
        with pytest.raises(ValueError, match="cannot be part of a key"):
            keys.stops(part)


# --- the broker itself ---------------------------------------------------------------
def test_a_wrong_password_is_said(broker_folder):
    url = f"unix://ada:wrong@{broker_folder.socket}"
    with pytest.raises(BrokerError, match="password"):
        connect(url)


def test_a_broker_that_is_not_there_is_said(runtime):
    with pytest.raises(BrokerError, match="does not answer"):
        connect(f"unix://ada:x@{runtime}/nobody.sock")
