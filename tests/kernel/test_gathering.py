"""Entries of a fast log gather, those of a slow one are seen at once."""

import threading
import time
from collections.abc import Mapping
from typing import Any

import pytest

from bec_kernel.bus.batching import Gathering
from bec_kernel.bus.changes import Append, Id
from bec_kernel.bus.paging import entries, pages
from bec_kernel.testing import MemoryBus
from bec_kernel.wire import Log, ScanState as State, StateChange, keys

LOG = keys.states("s1")
OTHER = keys.states("s2")


def add(bus, *numbers, log=LOG):
    said = [StateChange(state=State.OPEN, time=float(n)) for n in numbers]
    bus.commit(
        [Append(log, m, Id(n), dense=True) for n, m in zip(numbers, said, strict=True)]
    )


class Waits:
    """A bus that notes how it was asked to wait, and adds entries on the way."""

    def __init__(self, bus: MemoryBus) -> None:
        self.bus = bus
        self.asked: list[Mapping[Log[Any], Id]] = []

    def follow(self, positions, timeout, limit=1000):
        self.asked.append(dict(positions))
        return self.bus.follow(positions, timeout, limit)


@pytest.fixture
def bus():
    return MemoryBus()


def fast(bus, seen, gather):
    """Return what follows a log on which so many entries came in no time."""
    gathering = Gathering(seen)
    at = Id(0)
    add(bus, 1)
    gathering.follow({LOG: at}, 0.1, gather=gather)  # from now on there is a pace
    add(bus, *range(2, 12))
    gathering.follow({LOG: Id(1)}, 0.1, gather=gather)
    seen.asked.clear()
    return gathering


def test_a_fast_log_is_asked_for_an_entry_further_on_first(bus):
    seen = Waits(bus)
    gathering = fast(bus, seen, {LOG: 4})
    add(bus, 12, 13, 14, 15)
    found = gathering.follow({LOG: Id(11)}, 0.1, gather={LOG: 4})
    assert [entry.id.major for _, page in found for entry in page] == [12, 13, 14, 15]
    first, second = seen.asked
    assert Id(14) < first[LOG] < Id(15)
    assert second == {LOG: Id(11)}


def test_one_entry_of_a_fast_log_is_not_kept_for_longer_than_the_pace(bus):
    gathering = fast(bus, Waits(bus), {LOG: 4})
    add(bus, 12)
    begun = time.monotonic()
    found = gathering.follow({LOG: Id(11)}, 5.0, gather={LOG: 4})
    assert [entry.id.major for _, page in found for entry in page] == [12]
    assert time.monotonic() - begun < 0.5


def test_what_comes_on_another_log_waits_for_nobody(bus):
    seen = Waits(bus)
    gathering = fast(bus, seen, {LOG: 400})
    add(bus, 1, log=OTHER)
    at = {LOG: Id(11), OTHER: Id(0)}
    found = dict(gathering.follow(at, 5.0, gather={LOG: 400}))
    assert [entry.id.major for entry in found[OTHER]] == [1]
    assert seen.asked[0][OTHER] == Id(0)


def test_a_slow_log_is_read_entry_by_entry(bus):
    seen = Waits(bus)
    gathering = fast(bus, seen, {LOG: 4})
    gathering.follow({LOG: Id(11)}, 0.02, gather={LOG: 4})  # nothing comes
    seen.asked.clear()
    add(bus, 12)
    gathering.follow({LOG: Id(11)}, 0.1, gather={LOG: 4})
    assert seen.asked == [{LOG: Id(11)}]


def test_nothing_is_lost_or_doubled_whatever_the_pace(bus):
    count, got, at = 300, [], Id(0)

    def write():
        for number in range(1, count + 1):
            add(bus, number)

    writer = threading.Thread(target=write)
    writer.start()
    gathering = Gathering(bus)
    while len(got) < count:
        for _, page in gathering.follow({LOG: at}, 1.0, gather={LOG: 7}):
            got += [entry.id.major for entry in page]
            at = page[-1].id
    writer.join()
    assert got == list(range(1, count + 1))


@pytest.mark.parametrize("count", [0, 1, 3, 4, 7])
def test_a_log_is_read_to_its_end_page_by_page(bus, count):
    if count:
        add(bus, *range(1, count + 1))
    found = list(pages(bus, LOG, limit=3))
    assert [len(page) for page in found] == [3] * (count // 3) + [count % 3] * (
        count % 3 > 0
    )
    assert [e.id.major for e in entries(bus, LOG)] == list(range(1, count + 1))
    assert [e.id.major for e in entries(bus, LOG, Id(2))] == list(range(3, count + 1))
