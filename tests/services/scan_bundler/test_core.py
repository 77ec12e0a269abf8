"""The bundler's core: a function of steps and answers, whatever their order."""

import pytest
from hypothesis import given, strategies as st
from msgspec.structs import replace

from bec_kernel.bus.changes import Id
from bec_kernel.bus.protocol import Entry
from bec_kernel.wire import (
    Answer,
    AnswerStatus,
    Baseline,
    Outcome,
    Point,
    PointStatus,
    ScanState,
    Seal,
    Step,
    StepKind,
    StepRequest,
    Times,
    Verb,
)
from bec_services.scan_bundler.points import ScanBundle
from tests.services.recorded import T0, Script, begin

OK = AnswerStatus.OK


def first(servers):
    return begin(servers={f"{name}_dev": name for name in servers})


@st.composite
def scripts(draw):
    """Scans on one to three servers, with failed points, pauses and baselines."""
    servers = ["main", "second", "third"][: draw(st.integers(1, 3))]
    script = Script(servers, first(servers), configured=draw(st.booleans()))
    script.step(StepKind.OPEN)
    for _ in range(draw(st.integers(0, 2))):
        script.step(StepKind.BASELINE)
    script.step(StepKind.STAGE)
    for point in range(draw(st.integers(0, 6))):
        attempt = 1
        for status in draw(
            st.lists(st.sampled_from(["lost", "stopped", "withdrawn"]), max_size=2)
        ):
            script.step(
                StepKind.POINT, AnswerStatus(status), point_id=point, attempt=attempt
            )
            script.mark(draw(st.sampled_from([Verb.RETRY, Verb.PAUSE])))
            attempt += 1
        script.step(StepKind.POINT, point_id=point, attempt=attempt)
        if again := draw(st.sampled_from([None, StepKind.BASELINE, StepKind.STAGE])):
            script.step(again)
    script.step(StepKind.UNSTAGE)
    script.step(StepKind.CLOSE)
    script.end()
    return script


def straight(script, bundle=None):
    """All steps, then all answers."""
    bundle = bundle or ScanBundle()
    out = []
    for step in script.steps:
        out += bundle.step(step)
    for server, answer in script.answers:
        out += bundle.answer(server, answer)
    return out


def inputs(script):
    """The logs one can only read in their own order."""
    logs = [[("", step) for step in script.steps]]
    for name in script.servers:
        logs.append([one for one in script.answers if one[0] == name])
    return logs


@given(scripts(), st.data())
def test_the_order_in_which_answers_come_changes_nothing(script, data):
    logs = inputs(script)
    bundle, out = ScanBundle(), []
    while left := [log for log in logs if log]:
        log = data.draw(st.sampled_from(left)) if len(left) > 1 else left[0]
        server, message = log.pop(0)
        out += bundle.answer(server, message) if server else bundle.step(message)
    assert out == straight(script)
    assert bundle.sealed


@given(scripts())
def test_each_point_comes_once_and_in_its_place(script):
    out = straight(script)
    ids = [at for at, _ in out]
    assert ids == sorted(set(ids))
    points = [entry for _, entry in out if isinstance(entry, Point)]
    assert [p.point_id for p in points] == list(range(len(points)))
    assert [at for at, e in out if isinstance(e, Point)] == [
        Id(p.point_id + 1) for p in points
    ]
    assert isinstance(out[-1][1], Seal)
    assert out[-1] == (Id(len(points) + 1), out[-1][1])


@given(scripts())
def test_a_restart_behind_any_output_goes_on_as_if_nothing_had_been(script):
    out = straight(script)
    for n, (at, entry) in enumerate(out):
        bundle = ScanBundle(Entry(at, entry))
        assert bundle.sealed == isinstance(entry, Seal)
        if bundle.sealed:
            continue
        bundle.step(script.steps[0])
        rest = []
        for step in script.steps[1:]:
            if Id.of(step.index) > bundle.after:
                rest += bundle.step(step)
        for server, answer in script.answers:
            if Id.of(answer.index) > bundle.after:
                rest += bundle.answer(server, answer)
        assert rest == out[n + 1 :]


def one_point(status=AnswerStatus.OK, **fields):
    script = Script(["main", "second"], first(["main", "second"]))
    script.step(StepKind.OPEN)
    script.step(StepKind.POINT, status, point_id=0, **fields)
    return script


def test_a_point_at_which_nothing_is_read_is_a_point():
    script = Script(["main"], begin(servers={}))  # `main` keeps the time
    script.step(StepKind.OPEN)
    script.step(StepKind.POINT, point_id=0)
    script.end()
    script.answers = [
        (s, replace(a, outcome=replace(a.outcome, data={}))) for s, a in script.answers
    ]
    point, seal = (entry for _, entry in straight(script))
    assert (point.point_id, point.data, seal.points) == (0, {}, 1)


def test_a_point_spans_what_all_its_servers_did():
    script = one_point()
    ((at, point),) = straight(script)
    assert at == Id(1)
    assert point.begin == T0 + 2
    assert point.end == T0 + 2.6
    assert point.life == {"main": 7, "second": 7}
    assert set(point.data) == {"main_dev", "second_dev"}
    assert point.status == {}


def test_a_point_taken_again_says_so_of_each_device():
    ((_, point),) = straight(one_point(attempt=2))
    assert point.attempt == 2
    assert point.status == {
        "main_dev": PointStatus.RETAKEN,
        "second_dev": PointStatus.RETAKEN,
    }


@pytest.mark.parametrize("status", [s for s in AnswerStatus if s != "ok"])
def test_a_point_that_one_server_could_not_take_is_dropped(status):
    assert straight(one_point(status)) == []


def test_a_baseline_between_points_stands_between_them():
    script = one_point()
    script.step(StepKind.BASELINE)
    out = straight(script)
    assert [(at, type(e)) for at, e in out] == [(Id(1), Point), (Id(1, 1), Baseline)]


def test_how_devices_are_set_up_leaves_together_with_the_first_point():
    script = Script(["main", "second"], first(["main", "second"]), configured=True)
    script.step(StepKind.BASELINE)
    script.step(StepKind.STAGE)
    script.step(StepKind.POINT, point_id=0)
    bundle = ScanBundle()
    for step in script.steps:
        bundle.step(step)
    out = [bundle.answer(server, answer) for server, answer in script.answers]
    assert [len(one) for one in out] == [0, 1, 0, 0, 0, 2]
    (_, once), (place, staged), (_, point) = (*out[1], *out[5])
    assert set(once.configuration) == {"main_baseline", "second_baseline"}
    assert set(staged.configuration) == {"main_stage", "second_stage"}
    assert staged.configuration_units == {"main_speed": "mm/s", "second_speed": "mm/s"}
    assert (place, staged.data, point.point_id) == (Id(0, 2), {}, 0)


def test_nothing_is_put_out_where_no_device_is_set_up():
    script = Script(["main"], first(["main"]))
    script.step(StepKind.STAGE)
    script.step(StepKind.POINT, point_id=0)
    script.end()
    assert [type(entry) for _, entry in straight(script)] == [Point, Seal]


def test_how_devices_are_set_up_is_known_of_a_scan_without_points():
    script = Script(["main"], first(["main"]), configured=True)
    script.step(StepKind.STAGE)
    script.end()
    assert [type(entry) for _, entry in straight(script)] == [Baseline, Seal]


def test_a_halted_scan_is_sealed_without_the_answer_that_never_came():
    script = one_point()
    script.step(StepKind.POINT, point_id=1, silent=True)
    script.end(ScanState.HALTED, "user")
    bundle = ScanBundle()
    straight(script, bundle)
    assert bundle.waits_at_end
    ((at, seal),) = bundle.give_up()
    assert at == Id(2)
    assert (seal.points, seal.state, seal.reason) == (1, ScanState.HALTED, "user")
    assert not bundle.waits_at_end


def test_the_seal_carries_the_time_the_scan_closed():
    script = one_point()
    script.step(StepKind.CLOSE)
    script.end()
    assert straight(script)[-1][1].time == T0 + 3.6


PARTS = st.lists(st.floats(0, 10), min_size=5, max_size=5)


@given(st.lists(PARTS, min_size=1, max_size=6), st.data())
def test_the_parts_of_all_points_add_up_to_the_whole_time(rows, data):
    bundle = ScanBundle()
    bundle.step(first(["main"]))
    now, index, points, waits = T0, 0, [], 0.0

    def done(kind, begin, times=None, **fields):
        nonlocal index
        index += 1
        bundle.step(
            Step(index=index, on=["main"], request=StepRequest(kind=kind, **fields))
        )
        answer = Answer(
            index=index,
            life=7,
            outcome=Outcome(status=OK, begin=begin, end=now, times=times),
        )
        return bundle.answer("main", answer)

    for number, (idle, *parts) in enumerate(rows):
        if data.draw(st.booleans()):
            begun, now = now, now + idle
            done(StepKind.WAIT, begun)
            waits += idle if number else 0.0
        else:
            now += idle
        times = Times(now, *parts)
        now = times.end
        points += done(StepKind.POINT, times.start, times, point_id=number)
    parts = [point.times for _, point in points]
    whole = sum(t.move + t.settle + t.trigger + t.read for t in parts)
    whole += sum(t.wait + t.overhead for t in parts)
    assert whole == pytest.approx(now - parts[0].start, abs=1e-5)
    assert sum(t.wait for t in parts) == pytest.approx(waits, abs=1e-5)


def test_a_part_is_as_long_as_that_of_the_slowest_server():
    bundle = ScanBundle()
    bundle.step(first(["main", "second"]))
    bundle.step(
        Step(
            index=1,
            on=["main", "second"],
            request=StepRequest(kind=StepKind.POINT, point_id=0),
        )
    )
    told = {"main": Times(T0, 1.0, 0.0, 0.5, 0.1), "second": Times(T0 + 1, 0.0, 2.0)}
    out = []
    for server, times in told.items():
        answer = Answer(index=1, life=7, outcome=Outcome(status=OK, times=times))
        out += bundle.answer(server, answer)
    assert out[0][1].times == Times(T0, 1.0, 2.0, 0.5, 0.1)


def test_times_begin_anew_where_a_life_began():
    whole, again = ScanBundle(), None
    entries = [first(["main"])]
    for index in (1, 2, 3):
        entries.append(
            Step(
                index=index,
                on=["main"],
                request=StepRequest(kind=StepKind.POINT, point_id=index - 1),
            )
        )
    answers = [
        Answer(
            index=i, life=7, outcome=Outcome(status=OK, times=Times(T0 + 10 * i, 1.0))
        )
        for i in (1, 2, 3)
    ]
    out = []
    for entry in entries:
        whole.step(entry)
    for answer in answers:
        out += whole.answer("main", answer)
    again = ScanBundle(Entry(*out[1]))
    for entry in (entries[0], *entries[2:]):
        again.step(entry)
    rest = [one for answer in answers[1:] for one in again.answer("main", answer)]
    assert rest == out[2:]
    assert rest[0][1].times.overhead == 9.0


def test_a_point_taken_again_after_a_rewind_comes_behind_those_that_are_there():
    script = Script(["main"], first(["main"]))
    script.step(StepKind.OPEN)
    for point in range(3):
        script.step(StepKind.POINT, point_id=point)
    script.mark(Verb.REWIND)
    for point in (1, 2):
        script.step(StepKind.POINT, point_id=point, attempt=2)
    script.step(StepKind.POINT, point_id=3)
    script.end()

    points = [(at, one) for at, one in straight(script) if isinstance(one, Point)]
    assert [(at, one.point_id, one.attempt) for at, one in points] == [
        (Id(1), 0, 1),
        (Id(2), 1, 1),
        (Id(3), 2, 1),
        (Id(3, 1), 1, 2),
        (Id(3, 2), 2, 2),
        (Id(4), 3, 1),
    ]
    again = points[3][1]
    assert set(again.status.values()) == {PointStatus.RETAKEN}
