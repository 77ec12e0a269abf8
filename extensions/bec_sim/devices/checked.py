"""Numbers a simulated device can work with: what is none is refused with its name."""

import math
from numbers import Integral, Real
from typing import Any

FASTEST = 1000.0
"""A simulated device does nothing by itself more often than that, Hz."""


def number(
    what: str, value: Any, low: float = -math.inf, high: float = math.inf
) -> float:
    """Return a finite number.

    Args:
        what: is it; the error begins with this.
        value: to be looked at.
        low: the lowest that is accepted.
        high: the highest that is accepted.

    Raises:
        ValueError: it is none, or outside of these.
    """
    if not isinstance(value, Real) or isinstance(value, bool) or not _is_finite(value):
        raise ValueError(f"{what} is {value!r:.60}, must be one finite number")
    if not low <= float(value) <= high:
        bounds = [f"at least {low:g}"] if low > -math.inf else []
        bounds += [f"at most {high:g}"] if high < math.inf else []
        raise ValueError(f"{what} is {value!r:.60}, must be {' and '.join(bounds)}")
    return float(value)


def whole(what: str, value: Any, low: int, high: int) -> int:
    """Return a whole number within limits, both included.

    Raises:
        ValueError: it is none, or outside of these.
    """
    if not isinstance(value, Integral) or isinstance(value, bool):
        raise ValueError(f"{what} is {value!r:.60}, must be a whole number")
    return int(number(what, value, low, high))


def _is_finite(value: Real) -> bool:
    try:
        return math.isfinite(value)
    except OverflowError:  # a whole number of hundreds of digits
        return False
