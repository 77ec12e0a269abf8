"""Pure: How long a move takes, by what the motor tells of itself."""

import math
from collections.abc import Sequence

from bec_kernel.wire import Motion

_HALVINGS = 50  # of the time a move takes: as fine as it need be


def duration(motions: Sequence[Motion], start: float, end: float) -> float:
    """Return the seconds of a move: those of the slowest motor that takes part.

    Args:
        motions: as published; none: not known, counts as no time.
        start: motor units.
        end: the same.
    """
    if len(motions) == 1:  # as nearly all are; a scan may have many moves
        return _one(motions[0], start, end)
    return max((_one(motion, start, end) for motion in motions), default=0.0)


def _one(motion: Motion, start: float, end: float) -> float:
    if motion.span is not None:
        start, end = behind(motion, start), behind(motion, end)
    way = abs(end - start)
    if not way:
        return motion.settle
    if motion.travel:
        return motion.travel + motion.settle
    if motion.time_constant:
        ratio = way / motion.tolerance if motion.tolerance else math.inf
        lag = math.log(ratio) if 1 < ratio < math.inf else 0.0
        return motion.time_constant * lag + motion.settle
    return _trapezoid(way, motion.velocity, motion.acceleration) + motion.settle


def _trapezoid(way: float, velocity: float, acceleration: float) -> float:
    """Return the travel time of a trapezoidal velocity profile, s.

    Too short a distance to reach `velocity` gives a triangular profile.

    Args:
        way: distance, motor units, > 0.
        velocity: highest velocity, units/s; <= 0: no travel time.
        acceleration: of start and stop, units/s²; <= 0: constant velocity.
    """
    if velocity <= 0:
        return 0.0
    if acceleration <= 0:
        return way / velocity
    top = min(velocity, math.sqrt(way * acceleration))
    return way / top + top / acceleration


def behind(motion: Motion, axis: float) -> float:
    """Find the position of a motor behind a computed axis, from that of the axis.

    It holds while the other axes of its positioner stay where they were when the table
    was published.
    """
    assert motion.span is not None
    (low, high), to = motion.span, motion.to
    share = (axis - low) / (high - low) * (len(to) - 1)
    left = min(max(int(share), 0), len(to) - 2)
    return to[left] + (to[left + 1] - to[left]) * (share - left)


class Travel:
    """A motor on its way.

    Attributes:
        end: where to, motor units.
        began: when, s.
        arrival: when it will be there, s.
    """

    def __init__(
        self, motions: Sequence[Motion], start: float, end: float, began: float
    ) -> None:
        self.end = end
        self.began = began
        self.arrival = began + duration(motions, start, end)
        self._start = start
        self._ramp = _ramp(motions, abs(end - start))

    def place(self, now: float) -> float:
        """Return where it is."""
        took, since = self.arrival - self.began, now - self.began
        if since >= took:
            return self.end
        return self._start + (self.end - self._start) * self._share(since, took)

    def _share(self, since: float, took: float) -> float:
        """Return how much of the way is behind it: it accelerates, and brakes alike."""
        ramp = min(self._ramp, took / 2)
        if since < ramp:
            return since * since / (2 * ramp * (took - ramp))
        if took - since < ramp:
            return 1.0 - self._share(took - since, took)
        return (since - ramp / 2) / (took - ramp)

    def passes(self, place: float) -> float:
        """Return when it comes by a place; of one beyond its end the arrival."""
        early, late = self.began, self.arrival
        upwards = self.end >= self._start
        for _ in range(_HALVINGS):
            middle = (early + late) / 2
            before = self.place(middle) < place
            early, late = (middle, late) if before is upwards else (early, middle)
        return late


def _ramp(motions: Sequence[Motion], way: float) -> float:
    """Find how long a single motor accelerates, s; 0 for several axes."""
    if len(motions) != 1 or motions[0].span or not motions[0].acceleration:
        return 0.0
    motion = motions[0]
    return min(motion.velocity, math.sqrt(way * motion.acceleration)) / (
        motion.acceleration
    )
