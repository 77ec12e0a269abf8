"""The bundler on a bus: rows of streams, each as soon as it can be, after any kill."""

import pytest

from bec_kernel.bus.changes import Append, Id, Put
from bec_kernel.testing import MemoryBroker, MemoryBus
from bec_kernel.wire import (
    Aligned,
    AlignedEnd,
    Device,
    Sample,
    Samples,
    Seal,
    SignalDescription,
    StepKind,
    StreamEnd,
    Watermark,
    keys,
)
from bec_services.scan_bundler.service import run
from tests.services.recorded import T0, Script, begin, new_life, running, take, until

ROLE = "scan_bundler"
POINTS = 5
FIRST = 3  # step of point 0; point p is taken from T0 + 3 + p for half a second


def stream(signal, align="nearest", names=("value",)):
    return SignalDescription(
        name=signal, kind="omitted", stream=list(names), align=align
    )


def a_bus(*signals):
    """A bus with a device `det` that has these streams, and one that has none."""
    bus = MemoryBus(MemoryBroker())
    for name, has in (
        ("det", list(signals)),
        ("samx", [SignalDescription(name="samx")]),
    ):
        device = Device(name=name, server="main", device_class="Sim", signals=has)
        bus.commit([Put(keys.devices("main"), device, name)])
    return bus


def a_scan(bus, **ends):
    """A scan that has begun; returns its steps and answers, ready to be appended."""
    first = begin(POINTS, servers={"det": "main", "samx": "main"}, streaming=["det"])
    script = Script(["main"], first)
    script.step(StepKind.OPEN)
    script.step(StepKind.STAGE)
    for number in range(POINTS):
        script.step(StepKind.POINT, point_id=number)
    script.step(StepKind.UNSTAGE)
    script.end(**ends)
    take(bus, ROLE, first)
    steps = [Append(keys.steps("scan1"), s, Id.of(s.index)) for s in script.steps[1:]]
    answers = [
        Append(keys.answers("scan1", server), answer, Id.of(answer.index))
        for server, answer in script.answers
    ]
    return steps, answers


def samples(signal, count, first=0, shift=0.0):
    """One sample every quarter of a second, from T0 on; its value is its number."""
    some = [
        Sample(T0 + n / 4 + shift, {"value": n}) for n in range(first, first + count)
    ]
    log = keys.streams("scan1", "det", signal)
    return Append(log, Samples(index=first, samples=some), Id(first + count))


def end_of(signal, count):
    end = StreamEnd(samples=count, time=T0 + count / 4)
    return Append(keys.streams("scan1", "det", signal), end, Id(count + 1))


def mark(signal, count, number, time):
    log = keys.streams("scan1", "det", signal)
    return Append(log, Watermark(index=count, time=time), Id(count, number))


def entries(bus, signal):
    return bus.read(keys.aligned("scan1", "det", signal))


def rows(bus, signal):
    """Point ids and values so far."""
    found = [e.message for e in entries(bus, signal) if isinstance(e.message, Aligned)]
    return [
        (row.point_id, next(iter(row.values.values())).value)
        for one in found
        for row in one.rows
    ]


def finished(bus):
    last = bus.last(keys.points("scan1"))
    sealed = last is not None and isinstance(last.message, Seal)
    if sealed:  # whoever sees that sees all rows
        assert isinstance(entries(bus, "fast")[-1].message, AlignedEnd)
    return sealed and not bus.get_all(keys.todo[ROLE]("main"))


def test_a_slow_stream_holds_up_its_own_rows_only(tmp_path):
    bus = a_bus(stream("fast", "mean"), stream("slow", "linear"))
    steps, answers = a_scan(bus)
    with running(new_life(ROLE, bus.broker, tmp_path), run):
        bus.commit([samples("fast", 19), samples("slow", 13)])
        bus.commit([*steps[:4], *answers[:4]])
        until(bus, lambda: len(rows(bus, "fast")) == 2)
        assert rows(bus, "slow") == []
        bus.commit([samples("slow", 10, 13)])
        until(bus, lambda: len(rows(bus, "slow")) == 2)
        bus.commit([end_of("fast", 19), end_of("slow", 23), *steps[4:], *answers[4:]])
        until(bus, lambda: finished(bus))
    assert rows(bus, "fast") == [(0, 12.5), (1, 16.5), (2, None), (3, None), (4, None)]
    assert rows(bus, "slow") == [(0, 13.0), (1, 17.0), (2, 21.0), (3, None), (4, None)]
    last = entries(bus, "fast")[-1]
    assert (last.id, last.message) == (Id(POINTS + 1), AlignedEnd())


def test_a_stream_that_says_it_is_silent_holds_nothing_up(tmp_path):
    bus = a_bus(stream("valve", "previous"))
    steps, answers = a_scan(bus)
    with running(new_life(ROLE, bus.broker, tmp_path), run):
        bus.commit([samples("valve", 1), *steps[:4], *answers[:3]])
        bus.commit([mark("valve", 1, 1, T0 + 3.5), answers[3]])
        until(bus, lambda: rows(bus, "valve") == [(0, 0)])
        bus.commit([mark("valve", 1, 2, T0 + 4.5)])
        until(bus, lambda: rows(bus, "valve") == [(0, 0), (1, 0)])


@pytest.mark.parametrize("kept", range(POINTS + 2))
def test_a_new_life_goes_on_behind_the_last_row_of_each_stream(kept, tmp_path):
    logs = []
    for _ in range(2):
        bus = a_bus(stream("fast", "sum"), stream("slow"))
        steps, answers = a_scan(bus)
        bus.commit([samples("fast", 40), end_of("fast", 40), samples("slow", 19)])
        bus.commit([*steps, *answers])
        if logs:  # the life before came so far: with its rows, one an entry
            points, fast = logs[0]
            bus.commit(
                [
                    Append(keys.points("scan1"), entry.message, entry.id)
                    for entry in points
                ]
            )
            every = [row for e in fast[:-1] for row in e.message.rows]
            log = keys.aligned("scan1", "det", "fast")
            bus.commit(
                [
                    Append(log, Aligned(rows=[row]), Id(row.point_id + 1))
                    for row in every[:kept]
                ]
            )
            if kept > POINTS:
                bus.commit([Append(log, AlignedEnd(), Id(POINTS + 1))])
        with running(new_life(ROLE, bus.broker, tmp_path), run):
            until(bus, lambda b=bus: not b.get_all(keys.todo[ROLE]("main")))
        logs.append((bus.read(keys.points("scan1")), entries(bus, "fast")))
        assert rows(bus, "fast") == [(n, 25 + 8 * n) for n in range(POINTS)]
        assert [value for _, value in rows(bus, "slow")] == [13, 17, 18, 18, 18]
        assert isinstance(entries(bus, "slow")[-1].message, AlignedEnd)
    assert logs[0][0] == logs[1][0]


def test_samples_out_of_order_are_told_once_and_counted(tmp_path):
    bus = a_bus(stream("fast", "previous"))
    steps, answers = a_scan(bus)
    bus.commit([samples("fast", 8), samples("fast", 8, 8, shift=-9.0), *steps])
    bus.commit([samples("fast", 10, 16), end_of("fast", 26), *answers])
    for _ in range(2):
        with running(new_life(ROLE, bus.broker, tmp_path), run):
            until(bus, lambda: finished(bus))
    (alarm,) = [entry.message for entry in bus.read(keys.alarms())]
    assert "fast of det sends samples that are older" in alarm.message
    assert alarm.scan_id == "scan1"
    assert entries(bus, "fast")[-1].message == AlignedEnd(refused=8)
    assert rows(bus, "fast")[0] == (0, 7)


def test_a_scan_whose_stream_never_ends_is_finished_all_the_same(tmp_path):
    bus = a_bus(stream("fast", "linear"), stream("dumb", None))
    steps, answers = a_scan(bus)
    with running(new_life(ROLE, bus.broker, tmp_path), run):
        bus.commit([samples("fast", 14), samples("dumb", 3)])
        bus.commit([*answers, *steps])
        until(bus, lambda: finished(bus))
    assert rows(bus, "fast") == [(0, 13.0), *((n, None) for n in range(1, POINTS))]
    assert entries(bus, "dumb") == []


def test_more_samples_than_one_page_of_a_stream_are_read_to_the_end(tmp_path):
    bus = a_bus(stream("fast", "sum"))
    steps, answers = a_scan(bus)
    bus.commit([samples("fast", 1, n) for n in range(200)])
    with running(new_life(ROLE, bus.broker, tmp_path), run):
        bus.commit([*answers, *steps])
        until(bus, lambda: finished(bus))
    assert rows(bus, "fast") == [(n, 25 + 8 * n) for n in range(POINTS)]
