"""The first answers of a long scan leave the bus; nothing a program needs does."""

import pytest

from bec_kernel.bus.changes import Append, Id
from bec_kernel.testing import MemoryBroker
from bec_kernel.wire import Answer, AnswerStatus, Outcome, Point, StepKind, keys
from bec_services.device_server.steps.trimming import Digesting
from tests.services.device_server.step_server import MINE, Server
from tests.services.recorded import new_life

KEEP, STEPS = 10, 40


@pytest.fixture
def server(tmp_path):
    (tmp_path / "settings.yaml").write_text(f"keep_points: {KEEP}\n")
    server = Server(tmp_path)
    yield server
    server.close()


def bundle(server, index):
    """Say as the bundler that all steps up to this one are in points."""
    point = Point(index=index, point_id=index, attempt=1, begin=0, end=0, data={})
    server.bus.commit([Append(keys.points("s1"), point, Id(index + 1))])


def digests(server):
    return [entry.message for entry in server.bus.read(keys.digests("s1", "main"))]


def answered(server):
    """All answers, as a program that is run again is told them, and those whole."""
    left = [entry.message for entry in server.bus.read(MINE)]
    gone = [answer for digest in digests(server) for answer in digest.answers()]
    return gone, left


@pytest.mark.slow
def test_answers_go_once_they_are_in_points_and_a_digest_stays(server):
    server.begin().run()
    ends = {}
    for number in range(STEPS):
        kind = {0: StepKind.OPEN, 7: StepKind.WAIT, 8: StepKind.READ}.get(number)
        fields = {"devices": ["samx"], "answer": True} if number == 8 else {}
        index = server.step(kind or StepKind.POINT, **fields)
        ends[index] = server.answer(index).outcome.end
        if number in (15, 33):
            bundle(server, index)
        if number == 20:
            server.life.join(5)
            server.start(inherited=True)
            server.run()
    gone, left = answered(server)
    assert {one.index: one.outcome.end for one in [*gone, *left]} == ends
    assert len(gone) + len(left) == STEPS
    assert KEEP <= len(left) <= KEEP + 2
    kept = [one.index for digest in digests(server) for one in digest.kept]
    assert kept == [8, 9]  # the value of a wait, and a reading that is used
    assert gone[8].outcome.data["samx"]["samx"].value == server.motor.readback.get()
    assert Digesting(server.life, "s1").first() == ends[1]


def test_what_is_in_no_point_yet_stays_and_so_does_a_short_scan_s(server):
    server.begin().run()
    for _ in range(STEPS):
        assert server.status(server.step()) is AnswerStatus.OK
    assert answered(server)[0] == []
    assert keys.digests("s1", "main").name not in server.broker.logs


def test_of_a_point_over_several_servers_its_last_phase_stays(tmp_path):
    (tmp_path / "settings.yaml").write_text(f"keep_points: {KEEP}\n")
    life = new_life("device_server", MemoryBroker(), tmp_path)
    for index in range(1, STEPS):
        for phase in (1, 2, 3):
            answer = Answer(
                index=index,
                life=1,
                phase=phase,
                outcome=Outcome(status=AnswerStatus.OK, end=index),
            )
            life.bus.commit([Append(MINE, answer, Id(index + 1, phase))])
    point = Point(index=20, point_id=5, attempt=1, begin=0, end=0, data={})
    life.bus.commit([Append(keys.points("s1"), point, Id(6))])
    Digesting(life, "s1").answered(STEPS - 1)
    (told,) = life.bus.read(keys.digests("s1", "main"))
    assert told.message.indices == list(range(1, 20))
    left = [(entry.id.index, entry.id.minor) for entry in life.bus.read(MINE)]
    assert left == [(index, phase) for index in range(20, STEPS) for phase in (1, 2, 3)]
