"""The logs of one scan, a worker that may die, a device server that may die."""

from bec_kernel.wire import (
    Answer,
    AnswerStatus,
    Begin,
    Control,
    End,
    Mark,
    Outcome,
    Reading,
    ScanRequest,
    StateChange,
    Step,
    StepKind,
    Stop,
)
from bec_services.device_server.steps.gate import Gate, Verdict
from bec_services.device_server.steps.trimming import digest
from bec_services.scan_server.program.request import StepRequest
from bec_services.scan_server.run.record import Record, thin
from bec_services.scan_server.run.run import Run

POINTS = 6
REQUEST = ScanRequest(request_id="s1", name="line_scan")
BEGIN = Begin(
    scan_id="s1",
    scan_number=1,
    user="anna",
    request=REQUEST,
    motors=["samx"],
    monitored=["samx", "bpm"],
    triggered=["bpm"],
    servers={"samx": "main", "bpm": "main"},
    version="v1",
)


class Frame:
    """A scan that begins where the motor is: it needs one answer."""

    def __init__(self, points=POINTS, fails_at=None, astray=None):
        self.points = points
        self.astray = astray
        self.fails_at = fails_at

    def body(self):
        yield StepRequest(kind=StepKind.OPEN)
        data = yield StepRequest(kind=StepKind.READ, devices=["samx"], answer=True)
        start = data["samx"]["samx"].value
        yield StepRequest(kind=StepKind.STAGE, devices=["bpm"])
        for point in range(self.points):
            if point == self.fails_at:
                raise ValueError("no such position")
            to = start + point + 0.1 * (point == self.astray)
            yield StepRequest(kind=StepKind.POINT, set={"samx": to}, point_id=point)

    def cleanup(self, *, moves):
        if moves:
            yield StepRequest(kind=StepKind.MOVE, set={"samx": 2.0})
        yield StepRequest(kind=StepKind.UNSTAGE, devices=["bpm"])
        yield StepRequest(kind=StepKind.CLOSE)


class World:
    """The logs of one scan, a worker that may die, a device server that may die."""

    def __init__(self, frame=None, lookahead=4, version="v1", begin=BEGIN):
        self.begin = begin
        self.frame = frame or Frame()
        self.lookahead = lookahead
        self.version = version
        self.steps = [begin]
        self.states = []
        self.stops = []
        self.answers = {}
        self.controls = []
        self.advice = []
        self.wishes = []
        self.exposed = []
        self.there = {}  # where the motors were at each point, taken last
        self.fate = {}
        self.thinned = []
        self.gone = set()
        self.places = {"samx": 2.0}
        self.start_worker()
        self.start_server()

    def start_worker(self):
        if isinstance(self.steps[-1], End):
            return  # the item ended in the same commit: nobody takes it up again
        self.run = Run(
            self.begin,
            self.frame,
            self.recorded_steps(),
            version=self.version,
            lookahead=self.lookahead,
        )
        self.told_states = 0
        for answer in self.recorded_answers():
            self.run.answer("main", answer)
        for at, control in enumerate(self.controls):
            self.run.control(str(at), control)
        for answer in self.advice:
            self.run.questions.advise(answer)
        for wish in self.wishes:
            self.run.questions.drive(wish)

    def recorded_steps(self):
        """The step log as a new worker finds it: of what was answered much has left."""
        after = self.thinned[-1].index if self.thinned else 0
        upto = max(self.answers, default=0) - self.lookahead
        if found := thin(self.steps[after + 1 : upto + 1]):
            made, runs = found
            self.thinned.append(made)
            self.gone |= {i for first, last in runs for i in range(first, last + 1)}
        there = [step for i, step in enumerate(self.steps) if i not in self.gone]
        return Record(there, self.thinned)

    def recorded_answers(self):
        """Answers as a new worker reads them: of the first ones a digest is left."""
        answers = list(self.answers.values())
        gone, left = answers[:-2], answers[-2:]
        steps = (step for step in self.steps if isinstance(step, Step))
        used = {step.index for step in steps if step.request.answer}
        return [*(digest(gone, used).answers() if gone else ()), *left]

    def start_server(self):
        self.gate = Gate("main", len(self.steps) - 1)
        self.clock = len(self.answers)
        for stop in self.stops:
            self.gate.stop(stop.epoch)
        steps = [s for s in self.steps if isinstance(s, Step) and s.on == ["main"]]
        there = (s for s in steps if s.index not in self.gone)
        done = [s for s in there if s.index in self.answers]
        for step in done:
            self.gate.passed(step)
        if done:
            last = done[-1].index
            self.gate.answered("main", last, self.answers[last].outcome.status)

    def work(self):
        """One turn of the worker; True: something was appended."""
        if self.run.done:
            return False
        out = self.run.advance()
        for message in out:
            match message:
                case Stop():
                    self.stops.append(message)
                    self.gate.stop(message.epoch)
                case StateChange():
                    self.told_states += 1
                    if self.told_states <= len(self.states):
                        assert message == self.states[self.told_states - 1]
                    else:
                        self.states.append(message)
                case Step() | Mark() | End():
                    assert message.index == len(self.steps)
                    self.steps.append(message)
        return bool(out)

    def serve(self):
        """Answer the next step; True: there was one."""
        for step in self.steps:
            if not isinstance(step, Step) or step.request.kind is StepKind.ASK:
                continue
            if step.index not in self.answers:
                self._answer(step)
                return True
        return False

    def die_in_the_next_step(self):
        """The device server exposes the next point, and is killed before it says so."""
        waiting = (s for s in self.steps if isinstance(s, Step))
        step = next((s for s in waiting if s.index not in self.answers), None)
        is_point = step is not None and step.request.kind is StepKind.POINT
        if is_point and self.gate.verdict(step) is Verdict.DO:
            self.exposed.append((step.request.point_id, step.attempt))
        self.start_server()

    def questions(self):
        """Steps that ask, in their order."""
        asked = (s for s in self.steps if isinstance(s, Step))
        return [step for step in asked if step.request.kind is StepKind.ASK]

    def advise(self, value, problem=None):
        """Answer the newest question, in the name of whom it was asked."""
        index, status = self.questions()[-1].index, AnswerStatus.OK
        answer = Answer(
            index=index,
            life=1,
            outcome=Outcome(status=status, value=value, problem=problem),
        )
        self.advice.append(answer)
        self.run.questions.advise(answer)

    def wish(self, value):
        """Want something as the driver."""
        self.wishes.append(value)
        self.run.questions.drive(value)

    def _answer(self, step):
        verdict = self.gate.verdict(step)
        assert verdict is not Verdict.WAIT
        status = {
            Verdict.LOST: AnswerStatus.LOST,
            Verdict.WITHDRAWN: AnswerStatus.WITHDRAWN,
        }.get(verdict, self.fate.pop(step.index, AnswerStatus.OK))
        if verdict is Verdict.DO and step.request.kind is StepKind.POINT:
            self.exposed.append((step.request.point_id, step.attempt))
        self.clock += 1
        answer = Answer(
            index=step.index,
            life=1,
            outcome=Outcome(
                status=status,
                begin=float(self.clock),
                end=float(self.clock),
                data=self.readings(),
                value=self.clock / 4 if step.request.kind is StepKind.WAIT else None,
            ),
        )
        if status is AnswerStatus.OK:
            self.places |= step.request.set
            if step.request.kind is StepKind.POINT:
                self.there[step.request.point_id] = dict(self.places)
        self.answers[step.index] = answer
        self.gate.passed(step)
        self.gate.answered("main", step.index, status)
        self.run.answer("main", answer)

    def readings(self):
        """What is read: where the motors are."""
        now = float(self.clock)
        return {m: {m: Reading(at, now)} for m, at in self.places.items()}

    def control(self, verb, point=0):
        self.controls.append(
            Control(verb=verb, user="anna", request_id="r", point=point)
        )
        self.run.control(str(len(self.controls) - 1), self.controls[-1])

    def finish(self):
        for _ in range(10_000):
            if not (self.work() | self.serve()):
                break
        return self

    @property
    def good(self):
        """Point ids and setpoints of the points that were taken, in log order."""
        return [
            (s.request.point_id, s.request.set.get("samx"))
            for s in self.steps
            if isinstance(s, Step)
            and s.request.kind is StepKind.POINT
            and s.index in self.answers
            and self.answers[s.index].outcome.status is AnswerStatus.OK
        ]

    @property
    def all_good(self):
        return self.good == [(p, 2.0 + p) for p in range(POINTS)]

    @property
    def state_names(self):
        return [change.state for change in self.states]
