"""What scans over a plane of two motors share."""

from collections.abc import Iterator

from bec_kernel.errors import RefusedError
from bec_kernel.wire import Parameter
from bec_services.scan_server.scan import Bound, Position

PlanePoint = tuple[float, float]


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


def at(bound: Bound, points: Iterator[PlanePoint]) -> Iterator[Position]:
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
