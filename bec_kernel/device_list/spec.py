"""One device as people write it, and a list of them."""

import graphlib
import keyword
from collections.abc import Collection, Mapping
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError

from bec_kernel.errors import RefusedError
from bec_kernel.language import nearest
from bec_kernel.wire import Fields

Plain = dict[str, JsonValue]
"""Text, numbers, lists and mappings: what a message can carry."""


class DeviceListError(RefusedError):
    """A device list cannot be used; the text has file, line, device and field."""


class DeviceSpec(BaseModel):
    """One device as people write it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    deviceClass: str  # noqa: N815 - the names in the file
    deviceConfig: Plain | None = None  # noqa: N815
    readoutPriority: Literal[  # noqa: N815
        "monitored", "baseline", "async", "on_request", "continuous"
    ]
    enabled: bool = True
    readOnly: bool = False  # noqa: N815
    softwareTrigger: bool = False  # noqa: N815
    onFailure: Literal["buffer", "retry", "raise"] = "retry"  # noqa: N815
    deviceTags: list[str] = Field(default_factory=list)  # noqa: N815
    description: str = ""
    connectionTimeout: Annotated[  # noqa: N815
        float, Field(gt=0, le=3600, allow_inf_nan=False)
    ] = 5.0
    needs: list[str] = Field(default_factory=list)
    userParameter: Plain | None = None  # noqa: N815


DeviceList = dict[str, DeviceSpec]


_LONGEST = 60


def name_problem(name: str) -> str:
    """Describe the problem of a device name; empty: it is valid."""
    if not name.isidentifier() or name.startswith("_") or keyword.iskeyword(name):
        return f"{name!r:.60} is not a valid device name (letters, digits, _)"
    if len(name) > _LONGEST:
        return (
            f"{name:.40}… is too long for a device's name: at most {_LONGEST} letters"
        )
    return ""


def field_problem(error: ValidationError) -> tuple[str, str]:
    """Return the field that is wrong first, and what, in a few words."""
    first = error.errors(include_url=False)[0]
    field = ".".join(str(part) for part in first["loc"])[:100] or "device"
    if first["type"] == "extra_forbidden":
        return field, f"no such field: {nearest(field, DeviceSpec.model_fields)}"
    given = first.get("input")
    plain = isinstance(given, str | int | float | bool)
    return field, f"{first['msg']}{f', not {given!r:.60}' if plain else ''}"


def checked(devices: Mapping[str, Fields]) -> DeviceList:
    """Return devices that came over the bus or from a program.

    Raises:
        DeviceListError: it names device and field.
    """
    found: DeviceList = {}
    for name, fields in devices.items():
        if problem := name_problem(str(name)):
            raise DeviceListError(problem, subject=str(name)[:60])
        try:
            found[name] = DeviceSpec.model_validate(fields)
        except ValidationError as error:
            field, said = field_problem(error)
            raise DeviceListError(f"{name}: {field}: {said}", subject=name) from error
    return found


def written(spec: DeviceSpec) -> Fields:
    """Return a device as it is written: without what is left to its default."""
    fields: Fields = spec.model_dump(exclude_defaults=True)
    return fields


def in_order(devices: DeviceList, elsewhere: Collection[str] = ()) -> list[str]:
    """Return the names so that a device comes behind all it needs.

    Args:
        devices: the whole list.
        elsewhere: devices that somebody else builds.

    Raises:
        DeviceListError: one needs a device that there is not, or itself in the end.
    """
    for name, spec in devices.items():
        for other in spec.needs:
            if other not in devices and other not in elsewhere:
                raise DeviceListError(
                    f"{name}: needs: no device {other!r:.60}: "
                    f"{nearest(other, devices)}",
                    subject=name,
                    value=other[:60],
                )
    graph = {n: [d for d in s.needs if d in devices] for n, s in devices.items()}
    try:
        return list(graphlib.TopologicalSorter(graph).static_order())
    except graphlib.CycleError as error:
        circle = " needs ".join(reversed(error.args[1]))
        raise DeviceListError(
            f"{error.args[1][0]}: needs: {circle}", subject=error.args[1][0]
        ) from error
