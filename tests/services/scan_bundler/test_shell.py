"""The bundler on a bus: many scans, killed at any output."""

import pytest

from bec_kernel.bus.changes import Append, Id
from bec_kernel.testing import MemoryBroker, MemoryBus
from bec_kernel.wire import Seal, keys
from bec_services.scan_bundler.service import run
from tests.services.recorded import Script, begin, new_life, running, take, until

ROLE = "scan_bundler"


def whole_scan(points=5, **changes):
    servers = {"a": "main", "b": "second"}
    script = Script(["main", "second"], begin(servers=servers, **changes))
    script.fill(points)
    return script


def steps_of(script):
    log = keys.steps(script.steps[0].scan_id)
    return [Append(log, step, Id.of(step.index), True) for step in script.steps[1:]]


def answers_of(script):
    scan_id = script.steps[0].scan_id
    return [
        Append(keys.answers(scan_id, server), answer, Id.of(answer.index))
        for server, answer in script.answers
    ]


def sealed(bus, scan_id="scan1"):
    last = bus.last(keys.points(scan_id))
    return last is not None and isinstance(last.message, Seal)


def points(bus, scan_id="scan1"):
    return [(e.id, e.message) for e in bus.read(keys.points(scan_id))]


def test_points_come_while_the_scan_runs_and_the_seal_ends_the_todo(tmp_path):
    broker = MemoryBroker()
    bus = MemoryBus(broker)
    script = whole_scan()
    with running(new_life(ROLE, broker, tmp_path), run):
        take(bus, ROLE, script.steps[0])
        for change in steps_of(script)[:3] + answers_of(script)[:6]:
            bus.commit([change])
        until(bus, lambda: len(points(bus)) == 2)
        bus.commit(steps_of(script)[3:])
        bus.commit(answers_of(script)[6:])
        until(bus, lambda: sealed(bus))
        until(bus, lambda: not bus.get_all(keys.todo[ROLE]("main")))
    ids = [at for at, _ in points(bus)]
    assert ids == [Id(0, 1), *(Id(p + 1) for p in range(5)), Id(6)]


@pytest.mark.parametrize("kept", range(8))
def test_a_new_life_goes_on_behind_the_last_point(kept, tmp_path):
    script = whole_scan()
    logs = []
    for entries in (100, kept):
        broker = MemoryBroker()
        bus = MemoryBus(broker)
        take(bus, ROLE, script.steps[0])
        bus.commit(steps_of(script) + answers_of(script))
        if logs:
            bus.commit(
                [Append(keys.points("scan1"), e, at) for at, e in logs[0][:entries]]
            )
        with running(new_life(ROLE, broker, tmp_path), run):
            until(bus, lambda b=bus: not b.get_all(keys.todo[ROLE]("main")))
        logs.append(points(bus))
    assert logs[0] == logs[1]


def test_scans_that_run_side_by_side_do_not_meet(tmp_path):
    broker = MemoryBroker()
    bus = MemoryBus(broker)
    one = whole_scan(3)
    two = whole_scan(4, scan_id="scan2", scan_number=43)
    with running(new_life(ROLE, broker, tmp_path), run):
        take(bus, ROLE, one.steps[0])
        take(bus, ROLE, two.steps[0])
        bus.commit(answers_of(one) + answers_of(two) + steps_of(two))
        until(bus, lambda: sealed(bus, "scan2"))
        assert not sealed(bus)
        bus.commit(steps_of(one))
        until(bus, lambda: sealed(bus))
    assert (len(points(bus)), len(points(bus, "scan2"))) == (5, 6)


def test_more_points_than_one_commit_holds_arrive_in_order(tmp_path):
    broker = MemoryBroker()
    bus = MemoryBus(broker)
    script = whole_scan(600)
    take(bus, ROLE, script.steps[0])
    bus.commit(steps_of(script) + answers_of(script))
    with running(new_life(ROLE, broker, tmp_path), run):
        until(bus, lambda: sealed(bus))
    assert [at.major for at, _ in points(bus)] == list(range(602))


def test_an_item_without_a_file_is_not_bundled(tmp_path):
    broker = MemoryBroker()
    bus = MemoryBus(broker)
    with running(new_life(ROLE, broker, tmp_path), run):
        take(bus, ROLE, begin(scan_id="move", scan_number=None), todo=False)
        script = whole_scan(1, scan_number=43)
        take(bus, ROLE, script.steps[0])
        bus.commit(steps_of(script) + answers_of(script))
        until(bus, lambda: sealed(bus))
    assert points(bus, "move") == []
