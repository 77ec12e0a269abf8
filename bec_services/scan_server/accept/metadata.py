"""Pure: A site's rules for the metadata of scans: published, and checked before a scan.

An installed package names a schema under the entry point group `bec.metadata`: a
pydantic model, or a mapping from names to what a `MetadataField` may say
(`{"proposal": {"kind": "str", "required": True, "doc": "number of the proposal"}}`).
What a schema does not name is the person's own.

The fields that `MetadataField` can describe are published. It is checked first, of
values as they are given: they are kept so, and never converted. What else a model wants
it checks itself, behind that.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from bec_kernel.language import KINDS, check_metadata, refuse_metadata
from bec_kernel.wire import MetadataField, MetadataSchema

Further = Callable[[Mapping[str, Any]], None]
"""Raises `RefusedError` for what cannot be published."""


class Schema:
    """What one installed package wants of the metadata of every scan.

    Attributes:
        published: what clients know of it.
    """

    def __init__(
        self, published: MetadataSchema, further: Further = lambda _: None
    ) -> None:
        self.published = published
        self._further = further

    def check(self, metadata: Mapping[str, Any]) -> None:
        """Return if metadata are as the site wants them.

        Raises:
            RefusedError: they are not; what is missing or wrong is named.
        """
        check_metadata([self.published], metadata)
        self._further(metadata)


def schema_of(thing: Any) -> Schema:
    """Make the check of metadata from `thing`.

    Raises:
        TypeError: it is neither a pydantic model nor such a mapping.
        ValueError: it says what cannot be.
    """
    if isinstance(thing, type) and hasattr(thing, "model_validate"):
        return _by_model(thing)
    if isinstance(thing, Mapping):
        fields = [
            msgspec.convert({"name": one, **said}, MetadataField)
            for one, said in thing.items()
        ]
        for field in fields:
            _can_be_published(field)
        return Schema(MetadataSchema(fields=fields))
    raise TypeError(f"{thing!r:.80} is neither a pydantic model nor a mapping")


def _can_be_published(field: MetadataField) -> None:
    if field.kind not in KINDS:
        allowed = ", ".join(sorted(KINDS))
        raise ValueError(f"{field.name}: kind {field.kind!r:.40} is none of {allowed}")
    re.compile(field.pattern)


def _by_model(model: Any) -> Schema:
    def check_all(metadata: Mapping[str, Any]) -> None:
        try:
            model.model_validate(dict(metadata))
        except ValueError as error:  # pydantic's ValidationError is one
            told: list[dict[str, Any]] = getattr(error, "errors", list)()
            first = told[0] if told else {"loc": (), "msg": str(error)}
            one = ".".join(map(str, first["loc"]))
            given = f", not {first['input']!r:.60}" if one in metadata else ""
            raise refuse_metadata(one, f"{first['msg']}{given}") from error

    told = model.model_json_schema()
    parts, required = told.get("$defs", {}), told.get("required", [])
    fields = [
        _field(one, said, parts, required=one in required)
        for one, said in told.get("properties", {}).items()
    ]
    published = MetadataSchema(
        doc=str(told.get("description", "")).split("\n", 1)[0],
        fields=fields,
        closed=told.get("additionalProperties") is False,
    )
    return Schema(published, check_all)


_KINDS = {"string": "str", "number": "float", "integer": "int", "boolean": "bool"}
_SAID = {
    "minimum": "low",
    "maximum": "high",
    "exclusiveMinimum": "above",
    "exclusiveMaximum": "below",
    "minLength": "shortest",
    "maxLength": "longest",
}


def _field(
    name: str, said: Mapping[str, Any], parts: Mapping[str, Any], *, required: bool
) -> MetadataField:
    """Return a property of a JSON schema; what it says in other words is left out."""
    forms = [_looked_up(one, parts) for one in said.get("anyOf", [said])]
    rest = [one for one in forms if one.get("type") != "null"]
    form = rest[0] if len(rest) == 1 else {}
    kind = _KINDS.get(str(form.get("type")), "any")
    if form.get("format"):  # a date may be given as one, and not as a text
        kind = "any"
    rules = {
        "kind": kind,
        "nullable": len(rest) < len(forms),
        "choices": _choices(form),
        **_rules(form if kind != "any" else {}),
    }
    return MetadataField(
        name=name,
        doc=str(said.get("description", "")),
        unit=str(said.get("unit", "")),
        required=required,
        default=said.get("default"),
        **rules,
    )


def _looked_up(form: Mapping[str, Any], parts: Mapping[str, Any]) -> Mapping[str, Any]:
    found = parts.get(str(form.get("$ref", "")).rsplit("/", 1)[-1])
    return form if found is None else found


def _choices(form: Mapping[str, Any]) -> list[Any]:
    found = form.get("enum", [form["const"]] if "const" in form else [])
    return [one for one in found if isinstance(one, str | int | float)]


def _rules(form: Mapping[str, Any]) -> dict[str, Any]:
    found = {ours: form[theirs] for theirs, ours in _SAID.items() if theirs in form}
    pattern = str(form.get("pattern", ""))
    try:
        re.compile(pattern)
    except re.error:  # of another dialect: only the model can check it
        return found
    return found | {"pattern": pattern}
