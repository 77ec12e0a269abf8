"""How something that moves gets from one place to another."""

import math


class Trapezoid:
    """A move that speeds up, cruises and slows down.

    Args:
        start: Where it begins.
        end: Where it ends.
        velocity: The highest, per second, > 0.
        ramp: Seconds to reach it.
    """

    def __init__(self, start: float, end: float, velocity: float, ramp: float) -> None:
        self._start, self._end = start, end
        distance = abs(end - start)
        self._rate = velocity / ramp if ramp > 0 else math.inf
        top = min(velocity, math.sqrt(distance * self._rate)) if distance else velocity
        self._top, self._ramp = top, top / self._rate
        self.duration = distance / top + self._ramp if distance else 0.0

    def position(self, elapsed: float) -> float:
        """Where it is `elapsed` seconds after it began."""
        left = self.duration - elapsed
        if left <= 0:
            return self._end
        if elapsed < self._ramp:
            gone = self._rate * elapsed**2 / 2
        elif left < self._ramp:
            gone = abs(self._end - self._start) - self._rate * left**2 / 2
        else:
            gone = self._top * (elapsed - self._ramp / 2)
        return self._start + math.copysign(gone, self._end - self._start)
