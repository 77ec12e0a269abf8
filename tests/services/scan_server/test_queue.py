"""Which item runs next: devices are never shared, and nobody waits for ever."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bec_kernel.errors import TransitionError
from bec_kernel.wire import Item, ItemState, ScanRequest
from bec_services.scan_server.queue import Queues

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


ASKED = st.lists(
    st.tuples(
        st.sets(st.sampled_from(DEVICES), max_size=3),
        st.sampled_from(["primary", "other"]),
        st.booleans(),
    ),
    max_size=12,
)


@given(asked=ASKED, seed=st.integers(0, 10**6))
def test_no_two_share_a_device_and_all_get_their_turn(asked, seed):
    rng = random.Random(seed)
    queues, waiting, ended = Queues(), list(enumerate(asked)), []
    order = {"primary": [], "other": []}
    while waiting or queues.items:
        if waiting and rng.random() < 0.6:
            number, (devices, queue, is_scan) = waiting.pop(0)
            new = item(str(number), devices, queues.next_rank(), queue, is_scan)
            queues.put(new)
        for name in start_all(queues):
            if queues.items[name].is_scan:
                order[queues.items[name].request.queue].append(int(name))
        running = list(queues.active())
        held = [device for one in running for device in one.devices]
        assert len(held) == len(set(held))
        for queue in order:
            mine = [i for i in running if i.is_scan and i.request.queue == queue]
            assert len(mine) <= 1
        assert running or not queues.items  # somebody always runs
        if running and rng.random() < 0.5:
            one = rng.choice(running)
            queues.put(to(one, ItemState.COMPLETED))
            ended.append(int(one.scan_id))
    assert sorted(ended) == list(range(len(asked)))
    assert all(names == sorted(names) for names in order.values())
