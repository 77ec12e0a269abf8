"""Pure: Map the points of a grid scan to places on its grid."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from bec_kernel.bus import Bus
from bec_kernel.bus.changes import START
from bec_kernel.wire import Begin, Step, keys

Array = npt.NDArray[Any]
Index = npt.NDArray[np.intp]
_FEW = 100
"""Maximum number of steps before the first point that are searched."""


@dataclass(frozen=True)
class Axis:
    """One motor of a grid.

    Attributes:
        motor: its name.
        positions: setpoints, motor units; NaN: not known yet.
    """

    motor: str
    positions: Array


@dataclass(frozen=True)
class Grid:
    """A grid that is run line by line.

    Attributes:
        axes: the slowest first.
        snaked: every other line is run backwards.
        burst: points at each crossing; they lie side by side on the fast axis.
    """

    axes: tuple[Axis, ...]
    snaked: bool
    burst: int

    @property
    def shape(self) -> tuple[int, ...]:
        """Return (slow, …, fast)."""
        *slow, fast = (len(axis.positions) for axis in self.axes)
        return (*slow, fast * self.burst)

    def coordinates(self) -> dict[str, Array]:
        """Return positions along each axis, by motor, motor units."""
        found = {axis.motor: axis.positions for axis in self.axes}
        fast = self.axes[-1]
        return {**found, fast.motor: np.repeat(fast.positions, self.burst)}

    def index(self, point_ids: Index) -> tuple[Index, ...]:
        """Return the indices of points on the grid, one array per axis.

        Args:
            point_ids: below the number of points of the grid.
        """
        crossings, nth = point_ids // self.burst, point_ids % self.burst
        steps = tuple(len(axis.positions) for axis in self.axes)
        backwards = np.zeros(len(point_ids), bool)
        found = []
        for visit, size in zip(np.unravel_index(crossings, steps), steps, strict=True):
            at = np.where(backwards, size - 1 - visit, visit)
            backwards = backwards ^ (self.snaked & (at % 2 == 1))
            found.append(at)
        return (*found[:-1], found[-1] * self.burst + nth)


def grid_of(begin: Begin, first: Mapping[str, float]) -> Grid | None:
    """Return the grid of a scan; None if it is not a grid scan.

    Args:
        begin: the scan's definition.
        first: setpoints of its first point, the origin of a relative scan.
    """
    bundles = begin.parameters.get("bundles", [])
    if len(begin.shape) < 2 or [b[0] for b in bundles if b] != begin.motors:
        return None
    if not all(len(bundle) == 4 and _is_axis(*bundle[1:]) for bundle in bundles):
        return None
    axes = []
    for motor, start, stop, steps in bundles[::-1]:
        along = np.arange(steps) / max(1, steps - 1)
        positions = start + (stop - start) * along
        if begin.parameters.get("relative"):
            positions = positions - start + first.get(motor, np.nan)
        axes.append(Axis(motor, positions))
    burst = int(begin.parameters.get("burst_at_each_point", 1))
    grid = Grid(tuple(axes), bool(begin.parameters.get("snaked")), burst)
    return grid if grid.shape == tuple(begin.shape) else None


def _is_axis(start: Any, stop: Any, steps: Any) -> bool:
    numbers = all(isinstance(one, int | float) for one in (start, stop))
    return numbers and isinstance(steps, int) and steps > 0


def first_setpoints(bus: Bus, begin: Begin) -> dict[str, float]:
    """Return the setpoints of a scan's first point, motor units; see `grid_of`.

    Empty before the first point. This step stays in the log when later ones leave it.
    """
    for entry in bus.read(keys.steps(begin.scan_id), START, _FEW):
        if isinstance(entry.message, Step) and entry.message.request.point_id == 0:
            return entry.message.request.set
    return {}
