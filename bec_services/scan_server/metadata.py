"""A site's rules for the metadata of scans: checked before a scan is accepted.

An installed package names a schema under the entry point group `bec.metadata`: a
pydantic model, or a mapping from names to what a parameter of a scan may say
(`{"proposal": {"kind": "str", "required": True, "doc": "number of the proposal"}}`).
What a schema does not name is the person's own.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from bec_kernel.errors import RefusedError
from bec_kernel.wire import Parameter
from bec_services.scan_server.assembler import Schema, check


def schema_of(thing: Any) -> Schema:
    """Return what checks metadata by `thing`.

    Raises:
        TypeError: it is neither a pydantic model nor such a mapping.
    """
    if isinstance(thing, type) and hasattr(thing, "model_validate"):
        return _by_model(thing)
    if isinstance(thing, Mapping):
        return _by_parameters(thing)
    raise TypeError(f"{thing!r:.80} is no pydantic model and no mapping")


def _by_model(model: Any) -> Schema:
    def check_all(metadata: Mapping[str, Any]) -> None:
        try:
            model.model_validate(dict(metadata))
        except ValueError as error:  # pydantic's ValidationError is one
            told: list[dict[str, Any]] = getattr(error, "errors", list)()
            first = told[0] if told else {"loc": (), "msg": str(error)}
            name = ".".join(map(str, first["loc"]))
            given = f", not {first['input']!r:.60}" if name in metadata else ""
            raise _refused(name, f"{first['msg']}{given}") from error

    return check_all


def _by_parameters(mapping: Mapping[str, Any]) -> Schema:
    parameters = [
        msgspec.convert({"name": name, **fields}, Parameter)
        for name, fields in mapping.items()
    ]

    def check_all(metadata: Mapping[str, Any]) -> None:
        for parameter in parameters:
            if parameter.name in metadata:
                check_one(parameter, metadata[parameter.name])
            elif parameter.required:
                raise _refused(parameter.name, f"it is needed ({parameter.doc})")

    def check_one(parameter: Parameter, value: Any) -> None:
        try:
            check(parameter, value, {})
        except RefusedError as error:
            raise _refused(parameter.name, str(error)) from error

    return check_all


def _refused(name: str, why: str) -> RefusedError:
    return RefusedError(
        f"metadata {name}: {why}", subject=f"metadata.{name}", allowed=why
    )
