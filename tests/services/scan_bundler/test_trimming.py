"""The first points leave the bus once they are in the file; nobody misses one."""

import random

import pytest
from hypothesis import given, strategies as st

from bec_kernel.bus import put
from bec_kernel.bus.changes import Append, Id
from bec_kernel.testing import MemoryBroker, MemoryBus
from bec_kernel.wire import Written, keys
from bec_services.scan_bundler.service import run
from bec_services.scan_bundler.trimming import Trimming
from tests.services.recorded import Script, begin, new_life, running, take, until

ROLE = "scan_bundler"
POINTS, KEEP = 80, 20

counts = st.integers(0, 200)


@given(counts, counts, st.lists(counts, max_size=3), st.integers(10, 100))
def test_what_stays_is_enough_for_everybody(points, filed, needed, keep):
    place = Trimming(keep).place(points, Id(filed, 1), [Id(n) for n in needed])
    if place is not None:
        assert place.minor == 0
        assert 1 < place.major <= min([filed, *needed, points + 1])
        assert points - (place.major - 1) >= keep


@given(st.integers(10, 1000))
def test_one_looks_seldom_and_never_in_a_short_scan(keep):
    trimming, looks = Trimming(keep), []
    for points in range(3 * keep):
        if trimming.is_due(points):
            looks.append(points)
            trimming.place(points, Id(0), [])
    assert looks[0] == keep + keep // 10
    assert len(looks) <= 2 * keep // (keep // 10)


def script():
    script = Script(["main"], begin(POINTS))
    script.fill(POINTS)
    return script


def points(bus):
    return [(e.id, e.message) for e in bus.read(keys.points("scan1"))]


def bundled(data, dice=None):
    """Return all that was ever in the log of points, and what is left in it.

    Args:
        data: folder of the instance.
        dice: the bundler is started again here and there, and the file's writer comes
            after it; None: neither.
    """
    bus, told = MemoryBus(MemoryBroker()), script()
    take(bus, ROLE, told.steps[0])
    steps = [
        Append(keys.steps("scan1"), step, Id.of(step.index)) for step in told.steps[1:]
    ]
    answers = [
        Append(keys.answers("scan1", "main"), answer, Id.of(answer.index))
        for _, answer in told.answers
    ]
    bus.commit(steps[:-1])
    seen, at = {}, 0
    while at < len(answers):
        some = answers[at : at + (dice.randint(1, 25) if dice else POINTS)]
        at += len(some)
        with running(new_life(ROLE, bus.broker, data), run):
            bus.commit(some)
            last = some[-1].message.index
            until(bus, lambda n=last: has(bus, min(n - 2, POINTS)))
        seen |= dict(points(bus))
        if dice:
            upto = (dice.randint(0, bus.last(keys.points("scan1")).id.major), 0)
            put(bus, keys.written(), Written(path="f", upto=upto), "scan1")
    bus.commit(steps[-1:])
    with running(new_life(ROLE, bus.broker, data), run):
        until(bus, lambda: not bus.get_all(keys.todo[ROLE]("main")))
    return list((seen | dict(points(bus))).items()), points(bus)


def has(bus, count):
    last = bus.last(keys.points("scan1"))
    return count < 1 or (last is not None and last.id.major >= count)


@pytest.mark.parametrize("seed", range(2))
def test_a_bundler_started_again_goes_on_in_a_trimmed_log(seed, tmp_path):
    (tmp_path / "settings.yaml").write_text(f"keep_points: {KEEP}\n")
    wanted, all_left = bundled(tmp_path)
    assert all_left == wanted
    found, left = bundled(tmp_path, random.Random(seed))
    assert found == wanted
    assert left == wanted[-len(left) :]
    assert KEEP < len(left) < len(wanted)
