"""Pure: signatures of scans, and rules for the metadata of scans."""

from typing import Any

import msgspec

from bec_kernel.wire._base import Message


class Parameter(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One parameter of a scan.

    Attributes:
        name: of the option.
        kind: `float int bool str device`, or several: `number_list device_list
            number_lists` (lists in a list, each of the same `shape`); or `scan`: a
            scan that is a part of this one, see `Part`.
        doc: one line.
        unit: `s`, or `motor` for motor units.
        default: where it may be left out.
        required: it may not.
        low: smallest value, included.
        high: largest value, included.
        choices: the only values allowed.
        shape: of each list in `number_lists`: [3] for triples, [2, 3] for pairs of
            them.
        whole: of a scan that is made of others it is given once, and not for a part.
    """

    name: str
    kind: str
    doc: str = ""
    unit: str = ""
    default: Any = None
    required: bool = False
    low: float | None = None
    high: float | None = None
    choices: list[str] = []
    shape: list[int] = []
    whole: bool = False


class Part(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A scan or move that is a part of another, as asked; travels as plain data.

    Attributes:
        name: of the scan, as published in the catalogue.
        args: positional; devices by name.
        kwargs: named options; devices by name.
    """

    name: str
    args: list[Any] = []
    kwargs: dict[str, Any] = {}


class FormWord(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One word of a form.

    Attributes:
        parameter: what stands there; those at the end that are not required may be
            left out.
        option: the scan's option it is; empty: the next word of the scan's bundle.
        add: to the number that was typed: intervals are one fewer than points.
    """

    parameter: Parameter
    option: str = ""
    add: int = 0


class Form(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Words of its own for a scan, under an alias: `ascan` for a line scan.

    Attributes:
        name: the alias.
        doc: one line.
        words: in the order in which they are typed, each once.
        preset: options that are so, unless said otherwise.
        example: one line, as typed after `%scan`.
    """

    name: str
    doc: str = ""
    words: list[FormWord] = []
    preset: dict[str, Any] = {}
    example: str = ""


class Signature(Message, frozen=True, kw_only=True):
    """A scan as published: enough to complete, check and explain it.

    Attributes:
        name: of the scan.
        doc: what it does.
        bundle: positional parameters, given once or more in this order.
        bundles: smallest and largest number of bundles; 0: no limit.
        options: by name.
        aliases: other names of it, those with a form included.
        example: one line, as typed after `%scan`.
        is_scan: has number and file; a move has not.
        driven: asks who began it what to do next.
        forms: aliases with words of their own.
        form_of: where this is one of a scan's forms, drawn up as a signature: the
            scan; empty in what is published.
    """

    name: str
    doc: str = ""
    bundle: list[Parameter] = []
    bundles: tuple[int, int] = (0, 0)
    options: list[Parameter] = []
    aliases: list[str] = []
    example: str = ""
    is_scan: bool = True
    driven: bool = False
    forms: list[Form] = []
    form_of: str = ""

    @property
    def has_parts(self) -> bool:
        """It is made of other scans."""
        return any(parameter.kind == "scan" for parameter in self.bundle)


class MetadataField(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One name in the metadata of a scan, and what may stand there.

    Attributes:
        name: of the field.
        kind: `str float int bool number_list`, or `any`: no check of its form.
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
        shortest: minimum number of characters or numbers.
        longest: maximum number of them; None: no limit.
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
