"""What every message is: frozen, tagged, pure data."""

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
