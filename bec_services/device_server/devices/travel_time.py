"""How long a device takes to move, as far as it tells."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import msgspec
from ophyd import EpicsMotor

from bec_kernel.wire import Motion

SAMPLES = 65
"""Number of positions at which a computed axis is asked for its motors' positions."""
_STRAIGHT = 1e-9
_LIMITS = ("low_limit_travel", "high_limit_travel")


def motions_of(device: Any) -> list[Motion]:
    """Return how each motor moves that a device stands for; empty: it does not tell.

    A device may tell by a method `motions` of its own.
    """
    own: Callable[[], list[Motion]] | None = getattr(device, "motions", None)
    if callable(own):
        return own()
    settle = float(getattr(device, "settle_time", 0.0) or 0.0)
    velocity = getattr(device, "velocity", None)
    if velocity is not None:
        fastest = float(velocity.get())
        acceleration = 0.0
        if isinstance(device, EpicsMotor):  # it tells how long it accelerates, s
            ramp = float(device.acceleration.get())
            acceleration = fastest / ramp if ramp > 0 else 0.0
        return [Motion(velocity=fastest, acceleration=acceleration, settle=settle)]
    if (delay := getattr(device, "delay", None)) is not None:
        return [Motion(travel=float(delay), settle=settle)]
    return []


def pace_signals(device: Any) -> Iterator[Any]:
    """Yield the signals that, when they change, change how a device moves, or where."""
    for motor in getattr(device, "motors_behind", [device]):
        for name in ("velocity", "acceleration", *_LIMITS):
            signal = getattr(motor, name, None)
            if hasattr(signal, "subscribe"):
                yield signal


def signals_behind(
    motors: Sequence[Any],
    places: Callable[[float], Sequence[float]],
    low: float,
    high: float,
) -> list[Motion]:
    """Return how the motors behind a computed axis move with it.

    Args:
        motors: those behind it.
        places: where they are when the axis is at a place.
        low: of the axis.
        high: the same.
    """
    try:
        rows = [places(low + (high - low) * n / (SAMPLES - 1)) for n in range(SAMPLES)]
    except (ValueError, ArithmeticError):  # it cannot be everywhere
        return []
    found = []
    for motor, column in zip(motors, zip(*rows, strict=True), strict=True):
        motions = motions_of(motor)
        if not motions:
            return []
        to = _thinned([float(place) for place in column])
        found.append(msgspec.structs.replace(motions[0], span=(low, high), to=to))
    return found


def _thinned(column: list[float]) -> list[float]:
    """Return the two ends of a straight line, and all of another one."""
    first, last = column[0], column[-1]
    step = (last - first) / (len(column) - 1)
    size = max(abs(first), abs(last), 1.0)
    bent = any(
        abs(first + step * n - place) > _STRAIGHT * size
        for n, place in enumerate(column)
    )
    return column if bent else [first, last]
