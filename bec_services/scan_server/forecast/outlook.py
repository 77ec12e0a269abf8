"""Looks ahead: dry runs, estimates, and what is learned from scans for them."""

import time
from collections.abc import Iterator, Mapping
from queue import Empty, SimpleQueue

import msgspec

from bec_kernel.bus.changes import START, Change, Drop, Id, Put
from bec_kernel.errors import RefusedError
from bec_kernel.scan import Span, spans
from bec_kernel.service import Life
from bec_kernel.wire import (
    Begin,
    DeviceValue,
    DryRun,
    Forecast,
    Item,
    Learned,
    Point,
    Reading,
    ScanRequest,
    ScanState,
    Seal,
    StateChange,
    keys,
)
from bec_services.scan_server.accept import (
    Accepted,
    Beamline,
    BeamlineWatch,
    Catalogue,
    accept,
    bound_of,
)
from bec_services.scan_server.forecast.estimate import FURTHER, MOST, forecast
from bec_services.scan_server.forecast.learning import (
    ENOUGH,
    field,
    forgotten,
    group,
    learn,
    recall,
)
from bec_services.scan_server.forecast.model import BeamlineModel
from bec_services.scan_server.forecast.size import file_size
from bec_services.scan_server.program import frame_of, taking_part
from bec_services.scan_server.queue import Queues
from bec_services.scan_server.run import ProgramFrame

BLOCK = 1000
"""Maximum number of scans in one question."""
_QUICK = 500
"""Number of steps that an estimate for the queue follows."""
_SAMPLE = 200
"""Number of a scan's last points that are learned from."""
_PATIENCE = 0.5


class Forecaster:
    """What scans would do.

    Args:
        life: of the scan server.
        catalogue: of the scans there are.
        beamline: the devices, and where they are.
        queues: what waits and runs.
    """

    def __init__(
        self, life: Life, catalogue: Catalogue, beamline: BeamlineWatch, queues: Queues
    ) -> None:
        self._life = life
        self._catalogue = catalogue
        self._beamline = beamline
        self._queues = queues
        self._learned = life.bus.get_all(keys.learned())
        self._exposures: dict[str, float] = {}
        self._ended: SimpleQueue[tuple[Item, StateChange]] = SimpleQueue()

    # --- what is asked ----------------------------------------------------------------

    def forecasts(self, ask: DryRun, user: str) -> list[Forecast]:
        """Forecast each, beginning where the one before ends.

        It may take a second, and needs no lock.

        Raises:
            RefusedError: one of them would be refused; in a block the text says which.
        """
        if len(ask.requests) > BLOCK:
            raise RefusedError(
                f"a dry run of {len(ask.requests)} scans: at most {BLOCK} at once",
                subject="requests",
                allowed=f"at most {BLOCK}",
            )
        count = max(1, len(ask.requests))
        most, further = max(_QUICK, MOST // count), FURTHER // count
        now, positions = self._beamline.now(), dict(ask.positions)
        exposures = dict(self._exposures)
        found: list[Forecast] = []
        for number, request in enumerate(ask.requests, 1):
            values = AssumedReadings(now.values, positions)
            beamline = Beamline(devices=now.devices, values=values)
            request = msgspec.structs.replace(request, deadline=ask.deadline)  # noqa: PLW2901
            try:
                accepted = accept(self._catalogue, beamline, request, user, time.time())
            except RefusedError as error:
                raise _which(error, request, number, len(ask.requests)) from None
            model = self._model(accepted, beamline, exposures)
            told = self._forecast(accepted, model, most, further)
            size = file_size(accepted.begin, now.devices, told.points)
            told = msgspec.structs.replace(told, size=size)
            positions |= {motor: axis.end for motor, axis in told.axes.items()}
            found.append(told)
        return found

    def _model(
        self, accepted: Accepted, beamline: Beamline, exposures: dict[str, float]
    ) -> BeamlineModel:
        """Return the model of a scan, and note the exposure it leaves behind."""
        begin = accepted.begin
        learned = recall(self._learned, begin)
        devices, values = beamline.devices, beamline.values
        model = BeamlineModel(begin, devices, values, learned, exposures)
        if exposure := begin.parameters.get("exp_time"):
            exposures |= dict.fromkeys(begin.triggered, exposure)
        return model

    def _frame(self, accepted: Accepted) -> ProgramFrame:
        hooks = taking_part(self._catalogue.hooks, accepted.begin)
        return frame_of(accepted.scan, accepted.begin, accepted.bound, hooks)

    def _forecast(
        self, accepted: Accepted, model: BeamlineModel, most: int, further: int
    ) -> Forecast:
        begin = accepted.begin
        told = forecast(self._frame(accepted), begin, model, most=most, further=further)
        held = {
            device: _called(item)
            for item in list(self._queues.active())
            for device in accepted.devices
            if device in item.devices
        }
        span = self._begins(accepted)
        return msgspec.structs.replace(
            told, held=held, delay=span.begin, until=span.until
        )

    def estimate(
        self, accepted: Accepted, beamline: Beamline
    ) -> tuple[float | None, int]:
        """Return how long an accepted scan takes, s, and how many points it has."""
        begin = accepted.begin
        try:
            model = self._model(accepted, beamline, self._exposures)
            frame = self._frame(accepted)
            told = forecast(frame, begin, model, most=_QUICK, further=0)
        except Exception:  # whatever happens here: the scan is a good one
            self._life.log.exception("no estimate", scan=begin.request.name)
            return None, 0
        if model.cut and not begin.shape:
            return None, 0  # the number of points is not known
        return told.duration, told.points

    def _begins(self, accepted: Accepted) -> Span:
        """Return when it could begin, s from now, if it were asked for now."""
        item = Item(
            scan_id="",
            user="",
            request=accepted.begin.request,
            rank=float("inf"),
            devices=accepted.devices,
            is_scan=accepted.scan.is_scan,
        )
        active = [one.scan_id for one in list(self._queues.active())]
        taken = {scan_id: self._points(scan_id) for scan_id in active}
        held = {name: self._queues.status(name) for name in self._queues.names}
        return spans([*list(self._queues.items.values()), item], taken, held)[""]

    def _points(self, scan_id: str) -> int:
        last = self._life.bus.last(keys.points(scan_id))
        return last.id.major if last else 0

    # --- what is learned --------------------------------------------------------------

    def ended(self, item: Item, change: StateChange) -> None:
        """Take note of a scan that has ended; costs nothing here."""
        if change.state is ScanState.CLOSED and item.points >= ENOUGH:
            self._ended.put((item, change))

    def run(self) -> None:
        """Learn from scans that have ended, until the life is over."""
        while True:
            self._life.check()
            try:
                item, change = self._ended.get(timeout=_PATIENCE)
            except Empty:
                continue
            self._learn(item.scan_id, change.time)

    def _learn(self, scan_id: str, closed: float) -> None:
        bus = self._life.bus
        first = bus.read(keys.steps(scan_id), START, 1)
        last = bus.last(keys.points(scan_id))
        if not first or last is None or not isinstance(first[0].message, Begin):
            return
        begin = first[0].message
        if bound_of(begin).parts:  # not two points of it need be alike
            return
        behind = Id(max(0, last.id.major - _SAMPLE), 0)
        entries = bus.read(keys.points(scan_id), behind, _SAMPLE)
        points = [one.message for one in entries if isinstance(one.message, Point)]
        around = None
        if isinstance(last.message, Seal) and points and points[0].point_id == 0:
            around = self._around(begin, points, closed)
        name = field(group(begin))
        new = learn(self._learned.get(name), begin, points, around)
        if new is not None:
            self._learned = {**self._learned, name: new}
            self._life.bus.commit(list(self._changes(name, new)), self._life.fence)

    def _changes(self, name: str, new: Learned) -> Iterator[Change]:
        yield Put(keys.learned(), new, name)
        for old in forgotten(self._learned):
            self._learned.pop(old)
            yield Drop(keys.learned(), old)

    def _around(self, begin: Begin, points: list[Point], closed: float) -> float | None:
        """Measure the times before the first point and behind the last one, s."""
        states = self._life.bus.read(keys.states(begin.scan_id), START, 1)
        first, last = points[0].times, points[-1].times
        words = begin.parameters  # a way back, or a wait, does not count as dead time
        if words.get("relative") or words.get("wait_until"):
            return None
        if not states or first is None or last is None:
            return None
        if begin.motors and not any(p.times and p.times.move for p in points):
            return None  # its motors moved before, between and behind its points
        return max(0.0, closed - last.end + first.start - states[0].message.time)


class AssumedReadings(Mapping[str, DeviceValue]):
    """Newest readings, but for motors that are supposed to be elsewhere."""

    def __init__(
        self, values: Mapping[str, DeviceValue], positions: Mapping[str, float]
    ) -> None:
        self._values = values
        self._positions = positions

    def __getitem__(self, name: str) -> DeviceValue:
        value = self._values.get(name)
        if name in self._positions:
            readings = dict(value.readings) if value else {}
            main = name if name in readings else next(iter(readings), name)
            place = Reading(self._positions[name], 0.0)
            return DeviceValue(readings={**readings, main: place})
        if value is None:
            raise KeyError(name)
        return value

    def __iter__(self) -> Iterator[str]:
        return iter({*self._values, *self._positions})

    def __len__(self) -> int:
        return len({*self._values, *self._positions})


def _called(item: Item) -> str:
    """Name the item that holds a resource, for people."""
    number = f"scan {item.scan_number} " if item.scan_number else ""
    return f"{number}{item.request.name} of {item.user}"


def _which(
    error: RefusedError, request: ScanRequest, number: int, count: int
) -> RefusedError:
    """Return the error, in a block with the number of the scan it is about."""
    if count == 1:
        return error
    return RefusedError(
        f"{number} of {count}, {request.name:.80}: {error}",
        subject=error.subject,
        value=error.value,
        allowed=error.allowed,
    )
