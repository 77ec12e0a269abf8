"""Versions of a device list: some are kept whole, between them what changed."""

from collections.abc import Iterable, Mapping

from bec_kernel.device_list.spec import DeviceList, DeviceSpec, checked, written
from bec_kernel.errors import RefusedError
from bec_kernel.wire import DeviceListVersion, Fields

WHOLE_EVERY = 50
"""So many versions after a whole one the next is kept whole."""
KEEP = 1000
"""So many versions of a list are kept at least."""


def version_at(
    entries: Iterable[DeviceListVersion], version: int | None = None
) -> dict[str, Fields]:
    """Return the list as it was at a version; None: the newest.

    Args:
        entries: of the log, in order.
        version: which.

    Raises:
        RefusedError: the version is not kept any more, or does not exist yet.
    """
    found: dict[str, Fields] | None = None
    known = []
    for entry in entries:
        if entry.whole:
            found = dict(entry.devices)
        elif found is not None:
            _change(found, entry)
        if found is not None:
            known.append(entry.version)
        if entry.version == version:
            break
    if not known and version is None:
        return {}
    if found is None or (version is not None and known[-1:] != [version]):
        kept = f"{known[0]} to {known[-1]}" if known else "none"
        raise RefusedError(
            f"no version {version} of the device list is kept; there are: {kept}",
            subject="version",
            value=str(version),
            allowed=kept,
        )
    return found


def _change(devices: dict[str, Fields], entry: DeviceListVersion) -> None:
    for name in entry.removed:
        devices.pop(name, None)
    devices.update(entry.devices)


def touched(old: Mapping[str, DeviceSpec], new: Mapping[str, DeviceSpec]) -> list[str]:
    """List the devices that are new, changed or removed, in the order of the lists."""
    names = [*new, *(name for name in old if name not in new)]
    return [name for name in names if old.get(name) != new.get(name)]


def differences(old: Mapping[str, Fields], new: Mapping[str, Fields]) -> list[str]:
    """Describe the changes from one list to another, one line per device or field."""
    left, right = checked(old), checked(new)
    lines = []
    for name in sorted(touched(left, right)):
        if name not in right:
            lines.append(f"- {name}")
        elif name not in left:
            lines.append(f"+ {name}: {right[name].deviceClass}")
        else:
            lines += _fields(name, left[name], right[name])
    return lines


def _fields(name: str, old: DeviceSpec, new: DeviceSpec) -> list[str]:
    before, after = old.model_dump(), new.model_dump()
    return [
        f"~ {name}.{field}: {before[field]!r} -> {after[field]!r}"
        for field in before
        if before[field] != after[field]
    ]


def entry_fields(
    number: int, since_whole: int, old: DeviceList, new: DeviceList
) -> tuple[bool, dict[str, Fields], list[str]]:
    """Return `whole`, `devices` and `removed` of the next version's entry.

    Args:
        number: of the next version.
        since_whole: versions since the newest whole one.
        old: the list before.
        new: the list to be kept.
    """
    names = touched(old, new)
    if number == 1 or since_whole >= WHOLE_EVERY or 2 * len(names) > len(new):
        return True, {name: written(spec) for name, spec in new.items()}, []
    changed = {name: written(new[name]) for name in names if name in new}
    return False, changed, [name for name in names if name not in new]
