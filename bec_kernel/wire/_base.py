"""Pure: the base class of all messages, and readings, problems and times."""

from typing import Any

import msgspec

from bec_kernel.errors import BecError

VERSION = "1.0"
"""Version of the wire: the major number changes when an old reader must stop."""


def _tag(name: str) -> str:
    return "".join(f"_{c.lower()}" if c.isupper() else c for c in name).lstrip("_")


class Message(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    tag_field="type",
    tag=_tag,
    omit_defaults=True,
):
    """One thing that travels. Fields are only ever added, with a default."""


class Reading(msgspec.Struct, frozen=True, array_like=True):
    """One signal's value and when it was so.

    Attributes:
        value: number, string, boolean, list or numpy array.
        timestamp: s since the epoch, UTC, on the device server's clock.
    """

    value: Any
    timestamp: float


Readings = dict[str, Reading]
"""The signals of one device, by the name ophyd gives them."""


class Problem(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """What went wrong, in the asker's words; becomes an exception at the client.

    Attributes:
        kind: name of the error class (`bec_kernel.errors`).
        message: one line that names the thing, the value and what was allowed.
        subject: the device, parameter, scan or option it is about.
        value: what was asked for, as text.
        allowed: what would have been accepted, as text.
    """

    kind: str
    message: str
    subject: str = ""
    value: str = ""
    allowed: str = ""

    @classmethod
    def of(cls, error: BecError) -> "Problem":
        """Return `error` as it travels."""
        return cls(
            kind=type(error).__name__,
            message=str(error),
            subject=error.subject,
            value=error.value,
            allowed=error.allowed,
        )


class Times(msgspec.Struct, frozen=True, array_like=True):
    """How long each part of a point took, on the device server's clock.

    With several device servers a part is as long as that of the slowest. From the start
    of one point to the start of the next its parts add up, where `wait` and `overhead`
    belong to the next one.

    Attributes:
        start: it was taken up, s since the epoch.
        move: until all motors had arrived, s.
        settle: settling before and after the trigger, s.
        trigger: exposure, and what detectors need on top of it, s.
        read: s.
        wait: for a moment or a value the scan wanted, since the point before, s.
        overhead: the rest since the point before, s.
    """

    start: float
    move: float = 0.0
    settle: float = 0.0
    trigger: float = 0.0
    read: float = 0.0
    wait: float = 0.0
    overhead: float = 0.0

    @property
    def end(self) -> float:
        """When the point was read, s since the epoch."""
        return self.start + self.move + self.settle + self.trigger + self.read
