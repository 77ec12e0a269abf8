"""What a scan would do, and how long: its program run on models. Decides, no IO.

The program is the very one the worker runs. Where it wants a motor moved, the motor's
own velocity says how long that takes; where it wants an exposure, the exposure does,
and what earlier scans learned of dead times; where it asks where motors are, it is told
what is published. It is followed for so many steps at most; the rest goes on alike.
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
"""A dry run follows so many steps of a program."""
FURTHER = 200_000
"""Of so many more it looks only where the motors go."""
PLACES = 400
"""So many places of a path travel."""


def forecast(
    frame: ProgramFrame,
    begin: Begin,
    model: BeamlineModel,
    *,
    most: int = MOST,
    further: int = FURTHER,
) -> Forecast:
    """Return what a scan would do; `delay`, `held` and `size` are not known here.

    Args:
        frame: the scan's program.
        begin: its first entry.
        model: of its devices, at its beginning; used up.
        most: follow so many steps at most.
        further: of so many more look only where the motors go.
    """
    try:
        _follow(frame, begin, model, most, further)
    except Exception as error:  # noqa: BLE001 - a scan's own code, told to the asker
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
    """Yield what a program wants; it is told what the model says."""
    told: Mapping[str, Readings] | None = None
    try:
        want = next(program)
        while True:
            yield want
            told = model.answer(want) if want.answer else None
            want = program.send(told)
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
    """Return which of so many places travel: evenly, the first and the last one too."""
    if count <= PLACES:
        return list(range(count))
    return [n * (count - 1) // (PLACES - 1) for n in range(PLACES)]
