"""Which item runs next: devices are never shared, and nobody waits for ever."""

import random
import time

import pytest
from hypothesis import given, strategies as st

from bec_kernel.bus.changes import Drop, Put
from bec_kernel.errors import TransitionError
from bec_kernel.wire import (
    Hold,
    Item,
    ItemState,
    Place,
    QueueState,
    ScanRequest,
    keys,
)
from bec_services.scan_server.queue.queues import Queues

DEVICES = ["a", "b", "c", "d"]


def item(name, devices, rank, queue="primary", is_scan=True):
    request = ScanRequest(request_id=name, name="scan", queue=queue)
    return Item(
        scan_id=name,
        user="ada",
        request=request,
        rank=rank,
        devices=sorted(devices),
        is_scan=is_scan,
    )


def to(one, state):
    return Item(
        **{f: getattr(one, f) for f in Item.__struct_fields__} | {"state": state}
    )


def start_all(queues):
    """Begin all that can begin; return their names."""
    begun = []
    while (one := queues.startable()) is not None:
        queues.put(to(one, ItemState.RUNNING))
        begun.append(one.scan_id)
    return begun


def test_a_queue_runs_one_scan_at_a_time_in_order_of_rank():
    queues = Queues([item("late", "b", 2), item("soon", "a", 1)])
    assert start_all(queues) == ["soon"]
    queues.put(to(queues.items["soon"], ItemState.COMPLETED))
    assert start_all(queues) == ["late"]


def test_queues_run_side_by_side_when_their_devices_do_not_overlap():
    queues = Queues(
        [item("one", "ab", 1), item("two", "c", 2, "other"), item("3", "a", 3, "third")]
    )
    assert start_all(queues) == ["one", "two"]


def test_a_move_passes_waiting_scans_when_nobody_holds_its_devices():
    queues = Queues([item("one", "a", 1), item("two", "b", 2)])
    start_all(queues)
    queues.put(item("mv", "b", 3, is_scan=False))
    queues.put(item("no", "a", 4, is_scan=False))
    assert start_all(queues) == ["mv"]
    assert queues.holder_of(["a"])[1].scan_id == "one"


def test_a_paused_item_keeps_its_devices_and_its_queue():
    queues = Queues([item("one", "a", 1), item("two", "b", 2)])
    start_all(queues)
    queues.put(to(queues.items["one"], ItemState.PAUSED))
    assert start_all(queues) == []


def test_a_state_that_cannot_follow_changes_nothing():
    queues = Queues([item("one", "a", 1)])
    with pytest.raises(TransitionError):
        queues.put(to(queues.items["one"], ItemState.PAUSED))
    assert queues.items["one"].state is ItemState.PENDING


def test_ranks_rise_also_after_a_restart():
    queues = Queues([item("one", "a", 7.0)])
    assert queues.next_rank() == 8.0
    assert queues.next_rank() == 9.0


# --- what holds a queue up -----------------------------------------------------------
@pytest.mark.parametrize("why", ["paused", "locked", "suspended"])
def test_a_queue_that_is_held_up_begins_no_scan_and_says_why(why):
    queues = Queues([item("one", "a", 1)])
    queues.hold("primary", **{why: Hold(user="ada", reason="lunch")})
    assert queues.startable() is None
    assert "by ada: lunch" in queues.why_waits(queues.items["one"])
    locked = why == "locked"
    state = QueueState.LOCKED if locked else QueueState.PAUSED
    assert queues.status("primary").state is state
    queues.hold("primary", **{why: None})
    assert start_all(queues) == ["one"]


def test_only_a_lock_keeps_moves_and_not_one_that_lets_them_go_on():
    queues = Queues([item("mv", "a", 1, is_scan=False)])
    queues.hold("primary", locked=Hold(user="ada", reason="hutch"))
    assert start_all(queues) == []
    assert "locked by ada: hutch" in queues.why_waits(queues.items["mv"])
    queues.hold("primary", locked=Hold(user="ada", reason="hutch", moves=True))
    assert start_all(queues) == ["mv"]
    queues.put(item("again", "b", 2, is_scan=False))
    queues.hold("primary", paused=Hold(user="ada"))
    assert start_all(queues) == ["again"]


def test_a_queue_comes_with_its_first_item_and_goes_with_its_last():
    queues = Queues()
    first = item("one", "a", 1, "other")
    assert [type(c) for c in queues.put(first)] == [Put, Put]
    assert queues.names == ["other", "primary"]
    assert len(queues.put(item("two", "a", 2, "other"))) == 1
    queues.put(to(first, ItemState.CANCELLED))
    gone = queues.put(to(queues.items["two"], ItemState.CANCELLED))
    assert gone[-1] == Drop(keys.queues(), "other")
    assert queues.names == ["primary"]


def test_a_queue_that_is_held_up_stays_without_items():
    queues = Queues([item("one", "a", 1, "other")])
    queues.repair()
    queues.hold("other", locked=Hold(user="ada", reason="hutch"))
    queues.put(to(queues.items["one"], ItemState.CANCELLED))
    assert queues.names == ["other", "primary"]
    assert queues.hold("other", locked=None) == [Drop(keys.queues(), "other")]


# --- moves that wait -----------------------------------------------------------------
def test_a_move_waits_for_one_device_after_the_other_and_then_begins():
    queues = Queues([item("one", "a", 1), item("two", "b", 2, "other")])
    start_all(queues)
    queues.put(item("mv", "ab", 3, is_scan=False))
    assert start_all(queues) == []
    queues.put(to(queues.items["one"], ItemState.COMPLETED))
    assert start_all(queues) == []
    assert queues.why_waits(queues.items["mv"]) == "b is held by scan of ada"
    queues.put(to(queues.items["two"], ItemState.COMPLETED))
    assert start_all(queues) == ["mv"]


def test_moves_of_one_motor_begin_in_the_order_they_were_asked_for():
    queues = Queues([item("one", "a", 1)])
    start_all(queues)
    for number in range(2, 6):
        queues.put(item(f"mv{number}", "a", number, is_scan=False))
    begun, running = [], "one"
    while running:
        queues.put(to(queues.items[running], ItemState.COMPLETED))
        found = start_all(queues)
        assert len(found) <= 1
        running = found[0] if found else ""
        begun += found
    assert begun == ["mv2", "mv3", "mv4", "mv5"]


# --- what a change costs -------------------------------------------------------------
def seconds_a_change(waiting, *, moves=False):
    """CPU time of a change of order, a new item and an end, beside so many others."""
    queues = Queues([item("runs", "a", 0.0)])
    start_all(queues)
    for number in range(1, waiting + 1):
        queues.put(item(f"w{number}", "a", float(number), is_scan=not moves))
    assert start_all(queues) == []
    rounds, best = 100, float("inf")
    for _ in range(5):
        begin = time.thread_time()
        for n in range(rounds):
            new = item(f"n{n}", "a", queues.next_rank(), is_scan=not moves)
            assert len(queues.put(new)) == 1
            if not moves:
                assert len(queues.move(new, Place.TO, 1 + waiting // 2)) >= 1
            assert queues.startable() is None
            queues.put(to(queues.items[new.scan_id], ItemState.CANCELLED))
        best = min(best, time.thread_time() - begin)
    return best / rounds


@pytest.mark.parametrize("moves", [False, True])
def test_a_change_beside_ten_thousand_items_costs_what_it_costs_beside_ten(moves):
    few, many = (seconds_a_change(n, moves=moves) for n in (10, 10_000))
    assert many < 3 * few


ASKED = st.lists(
    st.tuples(
        st.sets(st.sampled_from(DEVICES), max_size=3),
        st.sampled_from(["primary", "other"]),
        st.booleans(),
    ),
    max_size=12,
)


HOLDS = ("paused", "locked", "suspended")


def disturb(rng, queues):
    """Do what people do to queues: order what waits, hold a queue up, let it go."""
    queue = rng.choice(["primary", "other"])
    kind = rng.choice(HOLDS)
    held = getattr(queues.status(queue), kind)
    queues.hold(queue, **{kind: None if held else Hold(user="ada", reason="so")})
    waiting = [one for one in queues.waiting_in(queue) if one.is_scan]
    if waiting:
        queues.move(rng.choice(waiting), rng.choice(list(Place)), rng.randint(0, 5))


def let_go(queues):
    for queue in queues.names:
        queues.hold(queue, **dict.fromkeys(HOLDS))


def check(queues):
    """No device is shared, and no queue runs two scans."""
    running = list(queues.active())
    held = [device for one in running for device in one.devices]
    assert len(held) == len(set(held))
    scans = [one.request.queue for one in running if one.is_scan]
    assert len(scans) == len(set(scans))
    if not running and queues.items:  # somebody runs, or a queue is held up
        assert any(queues.status(n).state != "running" for n in queues.names)
        let_go(queues)
    return running


def begin(queues, order):
    """Begin all that can; note the scans, in the order of their queue."""
    for name in start_all(queues):
        one = queues.items[name]
        if one.is_scan:
            order.setdefault(one.request.queue, []).append(int(name))
            assert queues.status(one.request.queue).state is QueueState.RUNNING


@given(asked=ASKED, seed=st.integers(0, 10**6), disturbed=st.booleans())
def test_no_two_share_a_device_and_all_get_their_turn(asked, seed, disturbed):
    rng = random.Random(seed)
    queues, waiting, ended, order = Queues(), list(enumerate(asked)), [], {}
    while waiting or queues.items:
        if waiting and rng.random() < 0.6:
            number, (devices, queue, is_scan) = waiting.pop(0)
            new = item(str(number), devices, queues.next_rank(), queue, is_scan)
            queues.put(new)
        if disturbed and rng.random() < 0.3:
            disturb(rng, queues)
        begin(queues, order)
        running = check(queues)
        if running and rng.random() < 0.5:
            one = rng.choice(running)
            queues.put(to(one, ItemState.COMPLETED))
            ended.append(int(one.scan_id))
    assert sorted(ended) == list(range(len(asked)))
    assert disturbed or all(names == sorted(names) for names in order.values())


class Kept:
    """What stands on the bus of queues and items."""

    def __init__(self):
        self.values = {keys.items(): {}, keys.queues(): {}}

    def keep(self, changes):
        for change in changes:
            if isinstance(change, Put):
                self.values[change.latest][change.field] = change.message
            elif isinstance(change, Drop):
                del self.values[change.latest][change.field]


def change_something(rng, queues):
    """Return the changes of one more thing that happens."""
    name = rng.choice(queues.names)
    waiting = [one for one in queues.waiting_in(name) if one.is_scan]
    match rng.randrange(4):
        case 0:
            return queues.hold(name, locked=Hold(user="ada", reason="so"))
        case 1 if (one := queues.startable()) is not None:
            return queues.put(to(one, ItemState.RUNNING))
        case 2 if waiting:
            return queues.move(rng.choice(waiting), rng.choice(list(Place)), 2)
        case 3 if queues.items:
            one = rng.choice(list(queues.items.values()))
            pending = one.state is ItemState.PENDING
            end = ItemState.CANCELLED if pending else ItemState.COMPLETED
            return queues.put(to(one, end))
    return []


@given(asked=ASKED, seed=st.integers(0, 10**6))
def test_what_is_read_back_from_the_bus_is_what_was_there(asked, seed):
    rng = random.Random(seed)
    queues, kept = Queues(), Kept()
    kept.keep(queues.repair())
    for number, (devices, queue, is_scan) in enumerate(asked):
        rank = queues.next_rank()
        kept.keep(queues.put(item(str(number), devices, rank, queue, is_scan)))
        kept.keep(change_something(rng, queues))
        kept.keep(change_something(rng, queues))
    again = Queues(kept.values[keys.items()].values(), kept.values[keys.queues()])
    assert again.items == queues.items
    assert again.names == queues.names
    for name in queues.names:
        assert again.status(name) == queues.status(name)
        assert again.waiting_in(name) == queues.waiting_in(name)
    assert start_all(again) == start_all(queues)
