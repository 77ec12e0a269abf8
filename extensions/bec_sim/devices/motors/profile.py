"""Where a motor is on its way."""

import math


class Profile:
    """A move that accelerates, goes at constant velocity and brakes again.

    Args:
        start: Where it begins, motor units.
        end: Where it ends, motor units.
        velocity: The highest velocity, > 0, motor units per second.
        acceleration: Motor units per second squared; 0 is at once.

    Attributes:
        duration: Seconds from start to end.
    """

    __slots__ = ("_acceleration", "_ramp", "_top", "duration", "end", "start")

    def __init__(
        self, start: float, end: float, velocity: float, acceleration: float = 0.0
    ) -> None:
        self.start = start
        self.end = end
        self._acceleration = acceleration
        self._ramp = 0.0
        self._top = velocity
        distance = abs(end - start)
        if acceleration > 0:
            # A short way never reaches the full velocity.
            self._top = min(velocity, math.sqrt(distance * acceleration))
            self._ramp = self._top / acceleration
        self.duration = distance / self._top + self._ramp if distance > 0 else 0.0

    def position(self, elapsed: float) -> float:
        """Where the motor is `elapsed` seconds after the start, motor units."""
        if elapsed >= self.duration:
            return self.end
        t = max(elapsed, 0.0)
        left = self.duration - t
        sign = 1.0 if self.end >= self.start else -1.0
        if t < self._ramp:
            return self.start + sign * self._acceleration * t * t / 2
        if left < self._ramp:
            return self.end - sign * self._acceleration * left * left / 2
        return self.start + sign * self._top * (t - self._ramp / 2)
