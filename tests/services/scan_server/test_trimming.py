"""The first steps of a long scan leave the bus; what a restart needs does not."""

import pytest

from bec_kernel.bus.changes import Append, Id
from bec_kernel.testing import MemoryBroker
from bec_kernel.wire import (
    Begin,
    Digest,
    Mark,
    ScanRequest,
    Step,
    StepKind,
    StepRequest,
    Verb,
    keys,
)
from bec_services.scan_server.run.record import Record
from bec_services.scan_server.run.trimming import Thinning
from tests.services.recorded import new_life

KEEP, STEPS = 20, 200
REQUEST = ScanRequest(request_id="s1", name="line_scan")
STAYS = {
    1: Step(index=1, on=["main"], request=StepRequest(kind=StepKind.OPEN)),
    2: Step(
        index=2,
        on=["main"],
        request=StepRequest(kind=StepKind.POINT, set={"x": 2.0}, point_id=0),
    ),
    50: Mark(index=50, verb=Verb.PAUSE, epoch=1),
    51: Mark(index=51, verb=Verb.RESUME, epoch=2),
    90: Step(
        index=90, on=["main"], request=StepRequest(kind=StepKind.READ, answer=True)
    ),
    120: Step(index=120, on=["analysis/peak"], request=StepRequest(kind=StepKind.ASK)),
}


def entry(index):
    if index == 0:
        return Begin(scan_id="s1", user="ada", request=REQUEST)
    step = Step(
        index=index,
        on=["main"],
        request=StepRequest(kind=StepKind.POINT, set={"x": index / 7}),
    )
    return STAYS.get(index, step)


@pytest.fixture
def life(tmp_path):
    (tmp_path / "settings.yaml").write_text(f"keep_points: {KEEP}\n")
    return new_life("scan_server", MemoryBroker(), tmp_path)


def issue(life, indices, thinning, servers=("main",)):
    for index in indices:
        life.bus.commit([Append(keys.steps("s1"), entry(index), Id.of(index))])
        thinning.issued(index, servers)


def digested(life, server, index):
    made = Digest(index=index, indices=[], ends=[])
    life.bus.commit([Append(keys.digests("s1", server), made, Id.of(index))])


def left(life):
    return [one.message for one in life.bus.read(keys.steps("s1"))]


def record(life):
    return Record(left(life), [e.message for e in life.bus.read(keys.thinned("s1"))])


def test_steps_stay_until_their_answers_have_left_at_every_server(life):
    thinning = Thinning(life, "s1", 0)
    issue(life, range(100), thinning, ["main", "other"])
    digested(life, "main", 60)
    issue(life, range(100, 105), thinning, ["main", "other"])
    assert len(left(life)) == 105
    digested(life, "other", 40)
    issue(life, [105], thinning, ["main", "other"])
    there = [getattr(one, "index", 0) for one in left(life)]
    assert there == [0, 1, 2, *range(41, 106)]


def test_the_last_steps_stay_and_those_that_somebody_needs(life):
    digested(life, "main", STEPS)
    issue(life, range(80), Thinning(life, "s1", 0))
    issue(life, range(80, STEPS), Thinning(life, "s1", 0))  # in another life
    there = [getattr(one, "index", 0) for one in left(life)]
    first = STEPS - 1 - KEEP
    assert there == [0, *STAYS, *range(first + 1, STEPS)]


def test_more_stay_than_may_be_on_their_way(life):
    digested(life, "main", STEPS)
    issue(life, range(STEPS), Thinning(life, "s1", 150))
    assert len(left(life)) == 150 + 3  # the begin, open and the first point


def test_a_short_scan_asks_the_broker_for_nothing(life):
    life.bus.read = None
    thinning = Thinning(life, "s1", 0)
    for index in range(KEEP):
        thinning.issued(index, ["main"])


@pytest.mark.parametrize("other", [None, 3, 49, 60, 130, 190])
def test_a_program_that_is_run_again_is_compared_with_what_has_left(life, other):
    digested(life, "main", STEPS)
    issue(life, range(STEPS), Thinning(life, "s1", 0))
    found = record(life)
    assert found.length == STEPS
    assert [mark.verb for mark in found.marks] == [Verb.PAUSE, Verb.RESUME]
    told = []
    for index in range(1, STEPS):
        step = entry(index)
        if index == other:
            step = Step(
                index=index,
                on=["main"],
                request=StepRequest(kind=StepKind.POINT, set={"x": 9.0}),
            )
        if isinstance(step, Step) and (difference := found.difference(step)):
            told.append(difference)
    assert len(told) == (other is not None)
    assert all("was" in one or "differ from the recorded ones" in one for one in told)


def test_a_step_of_another_kind_than_those_that_have_left_is_told_at_once(life):
    digested(life, "main", STEPS)
    issue(life, range(STEPS), Thinning(life, "s1", 0))
    told = record(life).difference(
        Step(index=3, on=["main"], request=StepRequest(kind=StepKind.STAGE))
    )
    assert told.startswith("step 3 was a point or a move, now it is Step")
