"""The logs of one scan of every kind, as the services would write them."""

import itertools
from collections.abc import Iterator
from typing import Any

import msgspec
import numpy as np

from bec_kernel.bus.changes import Append, Id, Put
from bec_kernel.language import parse_line
from bec_kernel.testing import MemoryBus
from bec_kernel.wire import (
    Baseline,
    Begin,
    Device,
    DeviceValue,
    Point,
    PointEntry,
    Reading,
    Readings,
    Sample,
    Samples,
    ScanRequest,
    ScanState,
    Seal,
    SignalDescription,
    Step,
    StepKind,
    StepRequest,
    StreamEnd,
    keys,
)
from bec_services.scan_server import scans
from bec_services.scan_server.accept.assembler import Catalogue
from bec_services.scan_server.accept.guard import Accepted, accept
from bec_services.scan_server.accept.limits import Beamline
from bec_services.scan_server.program.frame import frame_of
from tests.services.recorded import T0, take

CATALOGUE = Catalogue(getattr(scans, name) for name in scans.__all__)
SCANS = [scan for scan in CATALOGUE.scans.values() if scan.is_scan]
BEYOND = (
    "grid_scan samx 0 1 3 samy 0 1 2 samz 0 1 2 --burst-at-each-point 2",
    "dmesh samx -1 1 2 samy -1 1 2 0.1",
)
EXAMPLES = [*(scan.example for scan in SCANS), *BEYOND]


def device(name: str, unit: str = "", **fields: Any) -> Device:
    """A device with one signal that people look at."""
    signals = [SignalDescription(name=name, kind="hinted", unit=unit)]
    fields = {"signals": signals, "device_class": "Sim", "server": "main", **fields}
    return Device(name=name, **fields)


def motor(name: str, **fields: Any) -> Device:
    return device(name, "mm", positioner=True, readout_priority="baseline", **fields)


FLIGHT = SignalDescription(name="flyer_flight", stream=["position", "counts"])
DEVICES = {
    one.name: one
    for one in (
        motor("samx"),
        motor("samy"),
        motor("samz"),
        device("det", software_trigger=True),
        device("mono", "eV", readout_priority="baseline"),
        device("cam"),
        device("ion", tags=["monitor"]),
        device(
            "flyer",
            readout_priority="on_request",
            signals=[FLIGHT],
            methods=["kickoff"],
        ),
    )
}

START = 0.25
VALUES = {
    name: DeviceValue(readings={name: Reading(START, T0)})
    for name in ("samx", "samy", "samz")
}


def asked(line: str, scan_id: str) -> ScanRequest:
    signatures = {s.name: s.signature() for s in CATALOGUE.scans.values()}
    if line.startswith("interactive"):  # it cannot be typed
        request = ScanRequest(request_id="", name="interactive", args=["samx", "samy"])
    else:
        request = parse_line(line, signatures, DEVICES)
    metadata = {"sample": "gold"}
    return msgspec.structs.replace(request, request_id=scan_id, metadata=metadata)


def accepted(line: str, number: int) -> Accepted:
    """What the scan server makes of a line of words."""
    request = asked(line, f"scan{number}")
    beamline = Beamline(devices=DEVICES, values=VALUES)
    found = accept(CATALOGUE, beamline, request, "ada", 0.0)
    begin = msgspec.structs.replace(found.begin, scan_number=number)
    return msgspec.structs.replace(found, begin=begin)


def counts(point_id: int) -> int:
    """What the detector counts at a point."""
    return 100 + point_id


class _Beamline:
    """Devices that are where they were sent at once, and count the points."""

    def __init__(self, begin: Begin) -> None:
        self.begin = begin
        self.places = dict.fromkeys(VALUES, START)
        self.time = T0
        self._wishes = itertools.chain(
            ({"end": False, "point": True, "set": {"samx": x}} for x in (0.0, 1.0)),
            [{"end": True, "point": False, "set": {}}],
        )
        self._advice = iter([{"samx": 0.5}, {"samx": 1.0}, None])
        self._waits = 0

    def readings(self, names: list[str], point_id: int) -> dict[str, Readings]:
        values = self.places | {"det": counts(point_id), "ion": 1000}
        values |= {"mono": 7000.0, "cam": np.full((4, 5), point_id, np.uint16)}
        return {name: {name: Reading(values.get(name, 0), self.time)} for name in names}

    def does(self, want: Any) -> Any:
        """Do it, and return the answer."""
        self.places |= want.set
        self.time += 1.0
        if want.kind is StepKind.ASK:
            return next(self._wishes if want.ask == "driver" else self._advice)
        if want.kind is StepKind.WAIT:
            self._waits += 1
            self.places["samx"] += 0.5
            return "arrived" if self._waits > 3 else None
        names = want.devices or self.begin.monitored
        return self.readings(names, want.point_id or 0)


def logs(found: Accepted) -> Iterator[tuple[Step | None, PointEntry | None]]:
    """Yield each step and the entry it leads to."""
    beamline = _Beamline(found.begin)
    body = frame_of(found.scan, found.begin, found.bound).body()
    told, index, points = None, 0, 0
    while True:
        try:
            want = body.send(told)
        except StopIteration:
            break
        index += 1
        step = Step(
            index=index,
            on=["main"],
            request=StepRequest(kind=want.kind, set=want.set, point_id=want.point_id),
        )
        answer = beamline.does(want)
        told = answer if want.answer else None
        entry: PointEntry | None = None
        if want.kind is StepKind.BASELINE:
            how = {one: {f"{one}_speed": Reading(0.5, T0)} for one in answer}
            entry = Baseline(index=index, data=answer, configuration=how)
        elif want.kind is StepKind.POINT:
            points += 1
            entry = Point(
                index=index,
                point_id=want.point_id,
                attempt=1,
                begin=beamline.time,
                end=beamline.time + 0.5,
                data=answer,
            )
        yield step, entry
        if points >= 120:
            break
    end = {"state": ScanState.CLOSED, "reason": "done", "time": beamline.time}
    yield None, Seal(index=index + 1, points=points, **end)


def point_log(line: str, number: int) -> list[tuple[Id, PointEntry]]:
    """What the bundler writes of a scan, whole."""
    entries = [entry for _, entry in logs(accepted(line, number)) if entry is not None]
    others = [entry for entry in entries if not isinstance(entry, Baseline)]
    first = [(Id(0, 1), entry) for entry in entries if isinstance(entry, Baseline)]
    return [*first, *((Id(n), entry) for n, entry in enumerate(others, 1))]


def play(
    bus: MemoryBus, line: str, number: int, *, first: int | None = None, also: str = ""
) -> Begin:
    """Put a scan on the bus: all of it, or its first points only.

    Args:
        bus: where to.
        line: words it was asked for with.
        number: of the scan.
        first: so many entries of its points.
        also: a device of the main server that sends by itself.
    """
    found = accepted(line, number)
    begin = found.begin
    if also:
        servers = {**begin.servers, also: "main"}
        begin = msgspec.structs.replace(begin, streaming=[also], servers=servers)
    bus.commit([Put(keys.devices("main"), one, one.name) for one in DEVICES.values()])
    steps = [step for step, _ in logs(found) if step is not None]
    if "flyer" in begin.streaming:
        _fly(bus, begin.scan_id)
    take(bus, "file_writer", begin)
    step_log, log = keys.steps(begin.scan_id), keys.points(begin.scan_id)
    bus.commit([Append(step_log, step, Id.of(step.index)) for step in steps])
    for at, entry in point_log(line, number)[:first]:
        bus.commit([Append(log, entry, at)])
    return begin


def _fly(bus: MemoryBus, scan_id: str) -> None:
    log = keys.streams(scan_id, "flyer", "flyer_flight")
    samples = [Sample(T0 + i, {"position": 0.1 * i, "counts": i}) for i in range(20)]
    bus.commit(
        [
            Append(log, Samples(index=0, samples=samples), Id(20)),
            Append(log, StreamEnd(samples=20, time=T0 + 20), Id(21)),
        ]
    )
