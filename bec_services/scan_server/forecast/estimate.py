"""Pure: the forecast of a scan: its program, run on models of the devices.

The program is the one that the worker runs. A move takes the time that follows from the
motor's velocity; an exposure its own time and the dead times learned from earlier
scans; a question for positions is answered with the published ones. Only a limited
number of steps is followed; the rest is taken to go on alike.
"""

from collections.abc import Generator, Mapping
from itertools import islice
from math import prod

from bec_kernel.wire import (
    AxisForecast,
    Begin,
    Forecast,
    Readings,
)
from bec_services.scan_server.forecast.model import BeamlineModel
from bec_services.scan_server.program import Program, StepRequest
from bec_services.scan_server.run import ProgramFrame

MOST = 20_000
"""Number of steps of a program that a dry run follows."""
FURTHER = 200_000
"""Number of further steps of which only the positions are followed."""
PLACES = 400
"""Number of positions of a path in a forecast."""


def forecast(
    frame: ProgramFrame,
    begin: Begin,
    model: BeamlineModel,
    *,
    most: int = MOST,
    further: int = FURTHER,
) -> Forecast:
    """Forecast a scan; `delay`, `held` and `size` are not known here.

    Args:
        frame: the scan's program.
        begin: its first entry.
        model: of its devices, at its beginning; used up.
        most: number of steps that are followed.
        further: number of further steps of which only positions are followed.
    """
    try:
        _follow(frame, begin, model, most, further)
    except Exception as error:  # noqa: BLE001 - a scan's own code; the asker gets the text
        model.notes[f"its program cannot be followed to the end: {error}"] = None
    spread = model.spread()
    axes, times = _axes(model, begin.motors)
    return Forecast(
        name=begin.request.name,
        duration=model.now,
        low=max(0.0, model.now - spread),
        high=model.now + spread,
        open_ended=list(model.open_ended),
        points=model.points,
        parts=model.parts,
        axes=axes,
        times=times,
        notes=list(model.notes),
    )


def _follow(
    frame: ProgramFrame, begin: Begin, model: BeamlineModel, most: int, further: int
) -> None:
    wants = _wants(frame.body(), model)
    for want in islice(wants, most):
        model.take(want)
    points = model.points
    for want in islice(wants, further):
        model.skim(want)
        points += want.point_id is not None
    model.cut = next(wants, None) is not None
    wants.close()
    model.go_on(max(points, prod(begin.shape) if begin.shape else 0) - model.points)
    for want in _wants(frame.cleanup(moves=True), model):
        model.take(want)


def _wants(program: Program, model: BeamlineModel) -> Generator[StepRequest]:
    """Yield the steps of a program; it receives the answers of the model."""
    answer: Mapping[str, Readings] | None = None
    try:
        want = next(program)
        while True:
            yield want
            answer = model.answer(want) if want.answer else None
            want = program.send(answer)
    except StopIteration:
        return
    finally:
        program.close()


def _axes(
    model: BeamlineModel, motors: list[str]
) -> tuple[dict[str, AxisForecast], list[float]]:
    """Return where the motors go, with as many places as may travel; and when.

    Those of the scan come first, in the order in which they were named.
    """
    path = model.path
    chosen = _chosen(len(path))
    kept = set(chosen)
    ways: dict[str, list[float]] = {}
    here: dict[str, float] = {}
    lows, highs = dict(path[0][1]) if path else {}, dict(path[0][1]) if path else {}
    for number, (_, places) in enumerate(path):
        here.update(places)
        for motor, place in places.items():
            lows[motor] = min(lows.get(motor, place), place)
            highs[motor] = max(highs.get(motor, place), place)
        if number in kept:
            for motor, place in here.items():
                ways.setdefault(motor, [place] * chosen.index(number)).append(place)
    named = [motor for motor in motors if motor in ways]
    axes = {
        motor: model.axis(motor, lows[motor], highs[motor], ways[motor])
        for motor in (*named, *(one for one in ways if one not in named))
    }
    return axes, [path[number][0] for number in chosen]


def _chosen(count: int) -> list[int]:
    """Choose the positions that are sent: evenly, with the first and the last."""
    if count <= PLACES:
        return list(range(count))
    return [n * (count - 1) // (PLACES - 1) for n in range(PLACES)]
