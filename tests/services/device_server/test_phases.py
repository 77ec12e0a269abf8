"""The gate between the phases of a point over several device servers."""

from hypothesis import given, strategies as st

from bec_kernel.wire import Answer, AnswerStatus, Outcome, Step, StepKind, StepRequest
from bec_services.device_server.steps.gate import Gate, Verdict

OK, LOST, WITHDRAWN = AnswerStatus.OK, AnswerStatus.LOST, AnswerStatus.WITHDRAWN
SERVERS = ["main", "optics", "detectors"]


def point(index, on, seen=-1):
    return Step(
        index=index,
        on=on,
        seen=seen,
        request=StepRequest(kind=StepKind.POINT, point_id=index),
    )


def test_nobody_goes_on_before_all_others_have_ended_the_phase():
    gate, step = Gate("main", -1), point(3, SERVERS)
    assert gate.phase_verdict(step, 1) is Verdict.WAIT
    gate.reached("optics", 3, 1)
    assert gate.behind(step, 1) == ["detectors"]
    gate.reached("detectors", 3, 2)
    assert gate.phase_verdict(step, 1) is Verdict.DO
    assert gate.phase_verdict(step, 2) is Verdict.WAIT


def test_a_server_that_has_ended_the_step_has_ended_each_phase_of_it():
    gate, step = Gate("main", -1), point(3, SERVERS[:2])
    gate.answered("optics", 3, OK)
    assert gate.phase_verdict(step, 2) is Verdict.DO


def test_another_server_that_fails_ends_the_wait():
    gate, step = Gate("main", -1), point(3, SERVERS[:2])
    gate.reached("optics", 3, 1)
    gate.answered("optics", 3, LOST)
    assert gate.phase_verdict(step, 1) is Verdict.WITHDRAWN
    assert gate.phase_verdict(step, 2) is Verdict.WITHDRAWN


def test_a_stop_of_the_epoch_ends_the_wait_but_a_pause_after_the_point_does_not():
    gate, step = Gate("main", -1), point(3, SERVERS[:2])
    gate.stop(0, severity=1)
    assert gate.phase_verdict(step, 1) is Verdict.WAIT
    gate.stop(0, severity=2)
    assert gate.phase_verdict(step, 1) is Verdict.WITHDRAWN


def test_a_step_in_whose_middle_an_earlier_life_ended_is_lost():
    gate = Gate("main", born=3)
    gate.reached("main", 3, 1)
    gate.stop(0)
    assert gate.verdict(point(3, SERVERS[:2])) is Verdict.LOST


class Server:
    """A device server as the gate sees it: does points, phase by phase, and may die."""

    def __init__(self, name, logs, steps):
        self.name, self.logs, self.steps = name, logs, steps
        self.done = []
        self.begin()

    def begin(self):
        """Begin a life: only the logs are known."""
        self.gate = Gate(self.name, len(self.steps) - 1 if self.logs[self.name] else -1)
        self.at, self.phase = 0, 0
        mine = self.logs[self.name]
        if mine:
            last = mine[-1]
            if last.is_final:
                self.gate.answered(self.name, last.index, last.outcome.status)
                self.at = last.index + 1
            else:
                self.gate.reached(self.name, last.index, last.phase)
                self.at = last.index
        if self.at:
            self.gate.passed(self.steps[self.at - 1])

    def hear(self):
        for name, log in self.logs.items():
            for answer in log:
                if answer.is_final:
                    self.gate.answered(name, answer.index, answer.outcome.status)
                elif name != self.name:
                    self.gate.reached(name, answer.index, answer.phase)

    def answer(self, status, phase):
        self.logs[self.name].append(
            Answer(index=self.at, life=1, phase=phase, outcome=Outcome(status=status))
        )

    def end(self, status):
        self.answer(status, Answer.LAST_PHASE)
        self.gate.answered(self.name, self.at, status)
        self.gate.passed(self.steps[self.at])
        self.at, self.phase = self.at + 1, 0

    def act(self):
        """Do the next thing that is allowed; False: nothing is."""
        if self.at >= len(self.steps):
            return False
        self.hear()
        step = self.steps[self.at]
        verdict = (
            self.gate.phase_verdict(step, self.phase)
            if self.phase
            else self.gate.verdict(step)
        )
        if verdict is Verdict.WAIT:
            return False
        if verdict is not Verdict.DO:
            self.end(LOST if verdict is Verdict.LOST else WITHDRAWN)
            return True
        self.phase += 1
        self.done.append((step.index, self.phase))
        if self.phase == Answer.LAST_PHASE:
            self.end(OK)
        else:
            self.answer(OK, self.phase)
        return True


@given(st.data(), st.integers(2, 3), st.integers(1, 5))
def test_whatever_dies_whenever_phases_keep_their_order_and_all_end(data, many, points):
    names = SERVERS[:many]
    logs = {name: [] for name in names}
    steps = [point(index, names) for index in range(points)]
    servers = [Server(name, logs, steps) for name in names]
    for _ in range(data.draw(st.integers(0, 40))):
        server = data.draw(st.sampled_from(servers))
        if data.draw(st.integers(0, 5)) == 0:
            server.begin()
            continue
        before = len(server.done)
        server.act()
        for index, phase in server.done[before:]:
            for other in names:
                if phase > 1 and other != server.name:
                    reached = [a.phase for a in logs[other] if a.index == index]
                    assert max(reached, default=0) >= phase - 1
    while any(server.act() for server in servers):
        pass
    finals = {n: [a for a in log if a.is_final] for n, log in logs.items()}
    assert all([a.index for a in f] == list(range(points)) for f in finals.values())
    for server in servers:
        assert len(server.done) == len(set(server.done))  # nothing is done twice
    bad = [
        any(f[i].outcome.status is not OK for f in finals.values())
        for i in range(points)
    ]
    assert bad == sorted(bad)  # behind one that failed none is good: all come again
