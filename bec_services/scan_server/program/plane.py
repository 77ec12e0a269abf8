"""Pure: What scans over a plane of two motors share."""

import itertools
from collections.abc import Iterable, Iterator

from bec_kernel.errors import RefusedError
from bec_kernel.wire import Parameter
from bec_services.scan_server.program.paths import KINDS, PlanePoint
from bec_services.scan_server.program.scan import MAX_POINTS, Bound, Position

MAX_ORDERED = 20_000
"""So many points are put into a shorter order at most: it takes a second."""

OPTIM_TRAJECTORY = Parameter(
    name="optim_trajectory",
    kind="str",
    default="",
    choices=list(KINDS),
    doc="order of the points with a shorter way; without it as they are made",
)


def number(name: str, doc: str, default: float | None = None) -> Parameter:
    """Return a number in motor units; without a default it must be given."""
    required = default is None
    return Parameter(
        name=name,
        kind="float",
        unit="motor",
        doc=doc,
        default=default,
        required=required,
    )


def count(name: str, doc: str) -> Parameter:
    """Return a whole number from one up."""
    return Parameter(name=name, kind="int", low=1, required=True, doc=doc)


def ordered(bound: Bound, points: Iterator[PlanePoint]) -> Iterable[PlanePoint]:
    """Return points of the plane in the order that was asked for.

    Raises:
        RefusedError: they are too many to be ordered.
    """
    kind = bound[OPTIM_TRAJECTORY.name]
    if not kind:
        return points
    known = list(itertools.islice(points, MAX_ORDERED + 1))
    if len(known) > MAX_ORDERED:
        raise RefusedError(
            f"optim_trajectory orders at most {MAX_ORDERED} points",
            subject=OPTIM_TRAJECTORY.name,
            value=kind,
            allowed=f"at most {MAX_ORDERED} points",
        )
    return KINDS[kind](known)


def few(name: str, points: float) -> None:
    """Refuse a path whose making takes more points than a scan may have.

    Points that will lie outside count too: what leaves out nearly all of them must
    not keep the asker, or the others, waiting.

    Raises:
        RefusedError: it says how many are allowed.
    """
    if not points <= MAX_POINTS:  # neither is nan
        raise RefusedError(
            f"{name} would take more than {MAX_POINTS} points",
            subject=name,
            allowed=f"at most {MAX_POINTS} points",
        )


def at(bound: Bound, points: Iterable[PlanePoint]) -> Iterator[Position]:
    """Yield points of the plane as positions of the two motors."""
    first, second = bound.motors
    for x, y in points:
        yield {first: x, second: y}


def positive(bound: Bound, *names: str) -> None:
    """Refuse options that are not above zero.

    Raises:
        RefusedError: it names the option and its value.
    """
    for name in names:
        if bound[name] <= 0:
            raise RefusedError(
                f"{name} must be above 0, not {bound[name]:g}",
                subject=name,
                value=f"{bound[name]:g}",
                allowed="above 0",
            )
