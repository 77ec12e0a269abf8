"""What a site wants the metadata of its scans to be like, as published."""

from typing import Any

import msgspec

from bec_kernel.wire._base import Message


class MetadataField(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One name in the metadata of a scan, and what may stand there.

    Attributes:
        name: of the field.
        kind: `str float int bool number_list`, or `any`: its form is not told.
        doc: for people.
        unit: of a number.
        required: a scan without it is refused.
        default: what it means to leave it out, for people; it is not filled in.
        nullable: None may be given.
        choices: all that may be given; empty: no such list.
        low: smallest number.
        high: largest number.
        above: a number must be greater.
        below: a number must be smaller.
        pattern: regular expression, found somewhere in a text.
        shortest: so many characters or numbers at least.
        longest: so many at most; None: no matter.
    """

    name: str
    kind: str
    doc: str = ""
    unit: str = ""
    required: bool = False
    default: Any = None
    nullable: bool = False
    choices: list[Any] = []
    low: float | None = None
    high: float | None = None
    above: float | None = None
    below: float | None = None
    pattern: str = ""
    shortest: int = 0
    longest: int | None = None


class MetadataSchema(Message, frozen=True, kw_only=True):
    """What one installed package wants of the metadata. Written by the scan server.

    Attributes:
        doc: one line.
        fields: names it knows.
        closed: no other name may be given.
    """

    doc: str = ""
    fields: list[MetadataField] = []
    closed: bool = False
