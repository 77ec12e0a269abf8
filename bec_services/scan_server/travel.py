"""How long a move takes, by what the motor tells of itself. Decides, no IO."""

import math
from collections.abc import Sequence

from bec_kernel.wire import Motion


def duration(motions: Sequence[Motion], start: float, end: float) -> float:
    """Return the seconds of a move: those of the slowest motor that takes part.

    Args:
        motions: as published; none: nobody knows, it counts nothing.
        start: motor units.
        end: the same.
    """
    if len(motions) == 1:  # as nearly all are; a scan may have many moves
        return _one(motions[0], start, end)
    return max((_one(motion, start, end) for motion in motions), default=0.0)


def _one(motion: Motion, start: float, end: float) -> float:
    if motion.span is not None:
        start, end = _behind(motion, start), _behind(motion, end)
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
    """Accelerate, go on, brake; a short way never reaches the velocity."""
    if velocity <= 0:
        return 0.0
    if acceleration <= 0:
        return way / velocity
    top = min(velocity, math.sqrt(way * acceleration))
    return way / top + top / acceleration


def _behind(motion: Motion, axis: float) -> float:
    """Return where a motor behind a computed axis is when the axis is there."""
    assert motion.span is not None
    (low, high), to = motion.span, motion.to
    share = (axis - low) / (high - low) * (len(to) - 1)
    left = min(max(int(share), 0), len(to) - 2)
    return to[left] + (to[left + 1] - to[left]) * (share - left)
