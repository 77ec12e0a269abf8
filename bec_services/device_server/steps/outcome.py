"""What becomes of a step, and what keeps several device servers in step."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from bec_kernel.wire import AnswerStatus, PointStatus, Problem, Readings, Times


class SetUp(NamedTuple):
    """How devices are set up.

    Attributes:
        readings: of their config signals, by device.
        units: engineering unit of each of them that has one.
        lacking: what could not be read, and why, for people.
    """

    readings: Mapping[str, Readings] = {}
    units: Mapping[str, str] = {}
    lacking: Sequence[str] = ()


class Outcome(msgspec.Struct, frozen=True):
    """What became of a step. Times in s since the epoch; 0: now."""

    status: AnswerStatus
    problem: Problem | None = None
    begin: float = 0.0
    end: float = 0.0
    data: dict[str, Readings] = {}
    quality: dict[str, PointStatus] = {}
    times: Times | None = None
    value: Any = None
    set_up: SetUp = SetUp()


Barrier = Callable[[int], None]
"""Returns when all device servers of a step have ended this phase of it.

Raises `Withdrawn` when one will not, `Stopped` when it is stopped meanwhile.
"""


class Withdrawn(Exception):  # noqa: N818 - an outcome, not a fault
    """Another device server does not do its part of the step."""
