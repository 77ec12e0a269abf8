"""What a scan's program yields, and what it is told when it asks."""

from collections.abc import Generator, Mapping

import msgspec

from bec_kernel.wire import Condition, Readings, StepKind


class Want(msgspec.Struct, frozen=True, kw_only=True):
    """One thing the program wants done; the worker makes a numbered step of it.

    Attributes:
        kind: what.
        set: setpoints, motor units.
        devices: the devices concerned, where the kind needs them.
        point_id: of a point; counts from 0.
        settle: between arrival and trigger, s.
        exposure: at least this long between trigger and read, s.
        settle_after: between trigger and read, on top, s.
        at: not before so long after the scan was opened, s.
        until: not before this is so.
        answer: the program goes on only with the readings in its hand.
    """

    kind: StepKind
    set: dict[str, float] = {}
    devices: list[str] = []
    point_id: int | None = None
    settle: float = 0.0
    exposure: float = 0.0
    settle_after: float = 0.0
    at: float | None = None
    until: Condition | None = None
    answer: bool = False


Program = Generator[Want, Mapping[str, Readings] | None, None]
"""A scan as it runs: a pure function of its first entry and of the answers."""
