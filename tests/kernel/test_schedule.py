"""When items begin and end, as far as one knows."""

from hypothesis import given, strategies as st

from bec_kernel.scan.schedule import left_of, spans
from bec_kernel.wire import (
    Hold,
    Item,
    ItemState,
    QueueState,
    QueueStatus,
    ScanRequest,
)


def item(scan_id, rank, estimate=10.0, devices=(), queue="primary", **fields):
    return Item(
        scan_id=scan_id,
        user="ada",
        request=ScanRequest(request_id=scan_id, name="line_scan", queue=queue),
        rank=rank,
        devices=list(devices),
        estimate=estimate,
        **fields,
    )


RUNNING = {"state": ItemState.RUNNING}


def test_scans_of_a_queue_follow_each_other():
    one = item("a", 1.0, points=4, **RUNNING)
    found = spans([item("b", 2.0, 5.0), item("c", 3.0), one], {"a": 1}, {})
    assert [found[name][:2] for name in "abc"] == [
        (0.0, 7.5),
        (7.5, 12.5),
        (12.5, 22.5),
    ]


def test_another_queue_waits_only_for_the_same_devices():
    items = [
        item("a", 1.0, devices=["samx"], **RUNNING),
        item("b", 2.0, devices=["samx"], queue="other"),
        item("c", 3.0, devices=["samy"], queue="third"),
        item("d", 4.0, devices=["samx"], is_scan=False),
    ]
    found = spans(items, {}, {})
    assert found["b"] == (10.0, 20.0, "")
    assert found["c"] == (0.0, 10.0, "")
    assert found["d"] == (20.0, 30.0, "")


def test_behind_what_nobody_knows_nobody_knows():
    found = spans([item("a", 1.0, None, **RUNNING), item("b", 2.0)], {}, {})
    assert found == {"a": (0.0, None, ""), "b": (None, None, "")}


def test_what_a_queue_holds_up_begins_when_that_goes_on_and_so_does_what_needs_it():
    items = [
        item("a", 1.0, devices=["samx"], scan_number=3, **RUNNING),
        item("b", 2.0, devices=["samy"]),
        item("c", 3.0, devices=["samy"], queue="other"),
        item("d", 4.0, devices=["samx"], queue="other"),
        item("e", 5.0, devices=["samz"], is_scan=False),
    ]
    held = Hold(user="ada")
    paused = QueueStatus(name="primary", state=QueueState.PAUSED, paused=held)
    found = spans(items, {}, {"primary": paused})
    told = "queue primary goes on"
    assert found["a"] == (0.0, 10.0, "")  # it was not paused with it
    assert found["b"] == found["c"] == found["d"] == (None, None, told)
    assert found["e"] == (0.0, 10.0, "")
    locked = QueueStatus(name="primary", state=QueueState.LOCKED, locked=held)
    assert spans(items, {}, {"primary": locked})["e"] == (None, None, told)


def test_behind_a_scan_that_is_paused_all_wait_until_it_goes_on():
    paused = item(
        "a",
        1.0,
        scan_number=3,
        devices=["samx"],
        state=ItemState.PAUSED,
        paused=Hold(user="ada"),
    )
    move = item("b", 2.0, devices=["samx"], is_scan=False)
    found = spans([paused, move], {}, {})
    assert found["a"] == (0.0, None, "scan 3 goes on")
    assert found["b"] == (None, None, "scan 3 goes on")


def test_a_running_scan_has_less_left_the_more_points_it_has():
    running = item("a", 1.0, points=10, **RUNNING)
    assert [left_of(running, n) for n in (0, 5, 10, 12)] == [10.0, 5.0, 0.0, 0.0]


@given(st.lists(st.tuples(st.floats(0, 100), st.sets(st.sampled_from("xyz")))))
def test_no_two_items_have_a_device_at_the_same_time(rows):
    items = [
        item(str(n), float(n), seconds, devices, queue=f"q{n}")
        for n, (seconds, devices) in enumerate(rows)
    ]
    found = spans(items, {}, {})
    for one in items:
        for other in items:
            if one.rank < other.rank and {*one.devices} & {*other.devices}:
                assert found[other.scan_id][0] >= found[one.scan_id][1]
