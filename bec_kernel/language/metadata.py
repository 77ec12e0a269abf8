"""Pure: checks of a scan's metadata against the fields that a site has published.

Clients check before they ask, the scan server's guard checks again, both with this
code: a client refuses exactly what the guard would, with the same text.
"""

import math
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeGuard

from bec_kernel.errors import RefusedError
from bec_kernel.language.suggestion import nearest
from bec_kernel.wire import MetadataField, MetadataSchema

Fields = Mapping[str, MetadataField]
"""Published metadata fields by name."""
NO_FIELDS: Fields = {}


def check_metadata(schemas: Iterable[MetadataSchema], metadata: Any) -> None:
    """Check the metadata of a scan against all `schemas`.

    Raises:
        RefusedError: a field is missing, unknown or wrong; it is named.
    """
    for schema in schemas:
        known = {field.name: field for field in schema.fields}
        for name in metadata:
            if schema.closed and name not in known:
                raise _unknown(name, known)
        for name, field in known.items():
            if name in metadata:
                check_field(field, metadata[name])
            elif field.required:
                more = f" ({field.doc})" if field.doc else ""
                raise refuse_metadata(name, f"it is needed{more}")


def check_value(schemas: Iterable[MetadataSchema], name: str, value: Any) -> None:
    """Check the name and value of one metadata field against all `schemas`.

    Raises:
        RefusedError: a closed schema does not have the name, or the value does not fit.
    """
    for schema in schemas:
        known = {field.name: field for field in schema.fields}
        if name in known:
            check_field(known[name], value)
        elif schema.closed:
            raise _unknown(name, known)


def check_field(field: MetadataField, value: Any) -> None:
    """Check a value against its field.

    Raises:
        RefusedError: the value does not fit; the text says what is allowed.
    """
    if value is None and field.nullable:
        return
    form = _FORMS.get(field.kind)
    fits = form is None or form(value)
    if not (fits and _chosen(field, value) and _in_range(field, value)):
        wanted = field_meaning(field)
        raise refuse_metadata(
            field.name, f"must be {wanted}, not {value!r:.60}", f"{value!r:.60}", wanted
        )


def field_meaning(field: MetadataField) -> str:
    """Describe the values a field allows: `a finite number (K) above 0`."""
    if field.choices:
        return f"one of {', '.join(map(str, field.choices))}"
    words = [_CALLED.get(field.kind, "a value")]
    words += [f"({field.unit})"] if field.unit else []
    words += [f"above {field.above:g}"] if field.above is not None else []
    words += [f"of at least {field.low:g}"] if field.low is not None else []
    words += [f"below {field.below:g}"] if field.below is not None else []
    words += [f"of at most {field.high:g}"] if field.high is not None else []
    words += [f"like {field.pattern}"] if field.pattern else []
    return " ".join([*words, *_long(field)])


def field_help(field: MetadataField) -> str:
    """Describe a field: allowed values, meaning, and whether it is required."""
    parts = [field_meaning(field), field.doc, "needed" if field.required else ""]
    return ", ".join(part for part in parts if part)


def _long(field: MetadataField) -> list[str]:
    what = "numbers" if field.kind == "number_list" else "characters"
    low, high = field.shortest, field.longest
    if high is None:
        return [f"with at least {low} {what}"] if low else []
    return [f"with {low} to {high} {what}" if low else f"with at most {high} {what}"]


def refuse_metadata(
    name: str, why: str, value: str = "", allowed: str = ""
) -> RefusedError:
    """Make the error for one name in the metadata."""
    subject = f"metadata.{name}"
    return RefusedError(
        f"metadata {name}: {why}", subject=subject, value=value, allowed=allowed or why
    )


def _unknown(name: str, known: Iterable[str]) -> RefusedError:
    name, names = str(name), sorted(known)
    hint = nearest(name, names)
    return refuse_metadata(f"{name:.80}", f"this site has no such name: {hint}")


def _chosen(field: MetadataField, value: Any) -> bool:
    """Tell whether a value is one of the choices; True is not 1."""
    if not field.choices:
        return True
    return isinstance(value, str | int | float) and any(
        value == one and isinstance(value, bool) == isinstance(one, bool)
        for one in field.choices
    )


def _in_range(field: MetadataField, value: Any) -> bool:
    if isinstance(value, str | list | tuple):
        long = field.longest is None or len(value) <= field.longest
        like = not field.pattern or re.search(field.pattern, str(value)) is not None
        fits = long and len(value) >= field.shortest and like
        if field.kind != "number_list":
            return fits
        numbers: Iterable[Any] = value
        return fits and all(_within(field, one) for one in numbers)
    return not _is_number(value) or _within(field, value)


def _within(field: MetadataField, number: float) -> bool:
    return (
        (field.low is None or number >= field.low)
        and (field.high is None or number <= field.high)
        and (field.above is None or number > field.above)
        and (field.below is None or number < field.below)
    )


def _is_number(value: Any) -> TypeGuard[float]:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return isinstance(value, int) or math.isfinite(value)


def _is_whole(value: Any) -> bool:
    return _is_number(value) and value == int(value)


def _are_numbers(value: Any) -> bool:
    return isinstance(value, list | tuple) and all(map(_is_number, value))


_FORMS: dict[str, Callable[[Any], bool]] = {
    "str": lambda value: isinstance(value, str),
    "float": _is_number,
    "int": _is_whole,
    "bool": lambda value: isinstance(value, bool),
    "number_list": _are_numbers,
}
_CALLED = {
    "str": "a text",
    "float": "a finite number",
    "int": "a whole number",
    "bool": "true or false",
    "number_list": "a list of finite numbers",
}
KINDS = frozenset({*_FORMS, "any"})
"""Known values of `MetadataField.kind`; a field of another kind is not checked."""


def fields_of(schemas: Iterable[MetadataSchema]) -> Fields:
    """Collect the fields of all schemas by name; the first of a name counts."""
    found: dict[str, MetadataField] = {}
    for schema in schemas:
        for field in schema.fields:
            found.setdefault(field.name, field)
    return found
