"""Logs of scans as the scan server and the device servers would write them."""

import contextlib
import math
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import structlog

from bec_kernel.bus.changes import Append, Fence, Id, Put
from bec_kernel.service.life import Life, LifeOver, Setup
from bec_kernel.testing import MemoryBroker, MemoryBus
from bec_kernel.wire import (
    Answer,
    AnswerStatus,
    Baseline,
    Begin,
    End,
    Mark,
    Outcome,
    Point,
    Reading,
    Readings,
    ScanRequest,
    ScanState,
    Seal,
    StateChange,
    Step,
    StepEntry,
    StepKind,
    StepRequest,
    Taken,
    Verb,
    keys,
)
from tests.waiting import until_on

T0 = 1_700_000_000.0
WAIT = 20.0


def begin(points: int = 5, **changes) -> Begin:
    request = ScanRequest(
        request_id="scan1",
        name="line_scan",
        args=["samx", -5, 5],
        kwargs={"steps": points},
        metadata={"sample": "gold"},
    )
    fields = {
        "scan_id": "scan1",
        "scan_number": 42,
        "user": "ada",
        "request": request,
        "parameters": {"steps": points},
        "motors": ["samx"],
        "monitored": ["samx", "bpm4i"],
        "baseline": ["samz"],
        "triggered": ["bpm4i"],
        "servers": {"samx": "main", "samz": "main", "bpm4i": "main"},
        "units": {"samx": "mm"},
        "shape": [points],
    }
    return Begin(**{**fields, **changes})


def readings(place: float, time: float) -> dict[str, Readings]:
    counts = round(1000 * math.exp(-((place - 0.5) ** 2) / 2)) + 10
    return {
        "samx": {
            "samx": Reading(place, time),
            "samx_setpoint": Reading(place, time),
        },
        "bpm4i": {"bpm4i": Reading(counts, time)},
    }


def baseline_readings() -> dict[str, Readings]:
    return {"samz": {"samz": Reading(1.5, T0), "samz_mode": Reading("fast", T0)}}


def place(point: int, points: int) -> float:
    return -5 + 10 * point / max(1, points - 1)


def configuration() -> dict[str, Readings]:
    return {
        "samx": {"samx_velocity": Reading(2.0, T0), "samx_mode": Reading("fast", T0)},
        "bpm4i": {"bpm4i_roi": Reading(3, T0 - 5)},
    }


def points_log(points: int = 5) -> list[tuple[Id, Baseline | Point | Seal]]:
    once = Baseline(
        index=2,
        data=baseline_readings(),
        configuration=configuration(),
        configuration_units={"samx_velocity": "mm/s"},
    )
    out: list[tuple[Id, Baseline | Point | Seal]] = [(Id(0, 1), once)]
    for p in range(points):
        time = T0 + p
        data = readings(place(p, points), time)
        point = Point(
            index=4 + p, point_id=p, attempt=1, begin=time, end=time + 0.5, data=data
        )
        out.append((Id(p + 1), point))
    seal = Seal(
        index=9 + points,
        points=points,
        state=ScanState.CLOSED,
        reason="done",
        time=T0 + points,
    )
    return [*out, (Id(points + 1), seal)]


class Script:
    """A scan's step log and the answers to it, put together step by step."""

    def __init__(
        self, servers: list[str], first: Begin, *, configured: bool = False
    ) -> None:
        self.servers = servers
        self.configured = configured
        self.steps: list[StepEntry] = [first]
        self.answers: list[tuple[str, Answer]] = []
        self.epoch = 0

    def fill(self, points: int) -> None:
        """Add all steps of a scan with so many points, and its end."""
        self.step(StepKind.OPEN)
        self.step(StepKind.BASELINE)
        for point in range(points):
            self.step(StepKind.POINT, point_id=point)
        self.step(StepKind.CLOSE)
        self.end()

    def step(
        self,
        kind: StepKind,
        status: AnswerStatus = AnswerStatus.OK,
        silent: bool = False,
        attempt: int = 1,
        **fields,
    ) -> None:
        index = len(self.steps)
        on = self.servers
        self.steps.append(
            Step(
                index=index,
                on=on,
                attempt=attempt,
                epoch=self.epoch,
                request=StepRequest(kind=kind, **fields),
            )
        )
        reads = kind in (StepKind.POINT, StepKind.BASELINE)
        asks = kind in (StepKind.STAGE, StepKind.BASELINE) and self.configured
        for number, server in enumerate(on):
            answer = Answer(
                index=index,
                life=7,
                outcome=Outcome(
                    status=status,
                    begin=T0 + index + number / 10,
                    end=T0 + index + 0.5 + number / 10,
                    data={f"{server}_dev": {f"{server}_dev": Reading(float(index), T0)}}
                    if reads
                    else {},
                    configuration={f"{server}_{kind}": {"speed": Reading(index, T0)}}
                    if asks
                    else {},
                    configuration_units={f"{server}_speed": "mm/s"} if asks else {},
                ),
            )
            if not (silent and number == 0):
                self.answers.append((server, answer))

    def mark(self, verb: Verb = Verb.RETRY) -> None:
        self.epoch += 1
        self.steps.append(Mark(index=len(self.steps), verb=verb, epoch=self.epoch))

    def end(self, state: ScanState = ScanState.CLOSED, reason: str = "done") -> None:
        self.steps.append(End(index=len(self.steps), state=state, reason=reason))


def new_life(
    role: str, broker: MemoryBroker, data: Path, bus: MemoryBus | None = None
) -> Life:
    """A life of a service on a bus in memory; it outlives whoever had the role."""
    bus = bus or MemoryBus(broker)
    lease, fence = keys.leases[role]("main"), keys.fences[role]("main")
    broker.leases.pop(lease.name, None)
    token = bus.acquire(lease, fence, f"holder{len(broker.tokens)}", 60.0)
    assert token
    setup = Setup(role=role, url="", data=data)
    life = Life(setup, bus, Fence(fence, token), structlog.get_logger())
    life.valid_until = math.inf
    return life


@contextlib.contextmanager
def running(life: Life, body: Callable[[Life], None]) -> Iterator[Life]:
    """Run a service's body in a thread; what it raises is raised here."""
    failures: list[BaseException] = []

    def guarded() -> None:
        try:
            body(life)
        except LifeOver:
            pass
        except BaseException as error:  # noqa: BLE001 - raised again below
            failures.append(error)

    thread = threading.Thread(target=guarded)
    thread.start()
    try:
        yield life
    finally:
        life.end()
        _wake(life)
        thread.join(WAIT)
    assert not thread.is_alive()
    if failures:
        raise failures[0]


def _wake(life: Life) -> None:
    """Append what no role works on: a body that waits for scans looks up and ends."""
    last = life.bus.last(keys.scans())
    at = last.id if last else Id(0)
    nothing = Taken(scan_id="nothing", scan_number=None, name="mv", user="ada")
    life.bus.commit([Append(keys.scans(), nothing, Id(at.major, at.minor + 1))])


def take(bus: MemoryBus, role: str, first: Begin, *, todo: bool = True) -> None:
    """What the scan server writes when a scan begins, up to its first step."""
    number = first.scan_number
    at = Id(number) if number is not None else Id(0, 1)
    taken = Taken(
        scan_id=first.scan_id,
        scan_number=first.scan_number,
        name=first.request.name,
        user=first.user,
        fit=first.fit,
    )
    changes: list[Append | Put] = [Append(keys.scans(), taken, at)]
    if todo:
        changes.append(Put(keys.todo[role]("main"), taken, first.scan_id))
    bus.commit(changes)
    opened = StateChange(state=ScanState.OPEN, time=T0)
    bus.commit(
        [
            Append(keys.states(first.scan_id), opened, Id(1)),
            Append(keys.steps(first.scan_id), first, Id.of(0)),
        ]
    )


def until(bus: MemoryBus, found: Callable[[], bool]) -> None:
    """Wait until `found` is true of what is on the bus."""
    until_on(bus.broker, found, WAIT)
