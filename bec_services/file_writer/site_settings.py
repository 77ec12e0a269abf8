"""Settings, layouts and program versions that all files of an instance share."""

import platform
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, entry_points, version
from pathlib import Path
from typing import Any

from bec_kernel.errors import InstanceError
from bec_kernel.instance import FileSettings, load_settings
from bec_kernel.version import __version__
from bec_services.file_writer.site_additions import Layout

GROUP = "bec.layouts"
_PROGRAMS = ("h5py", "lmfit", "msgspec", "numpy", "ophyd", "pyepics", "redis")
Complain = Callable[[str], None]


@dataclass(frozen=True)
class Site:
    """Settings, layouts and program versions that all files share.

    Attributes:
        files: settings for files.
        layouts: layouts of the site's packages, by name.
        versions: versions of programs, by name.
    """

    files: FileSettings = field(default_factory=FileSettings)
    layouts: dict[str, Layout] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)


def site_of(data: Path, complain: Complain) -> Site:
    """Read the settings and load the layouts of an instance.

    Args:
        data: data folder of the instance.
        complain: called with a message for each setting or layout that is unusable.
    """
    try:
        files = load_settings(data).files
    except InstanceError as error:
        complain(f"files are written with default settings: {error}")
        files = FileSettings()
    versions = {"python": platform.python_version(), "bec": __version__}
    versions |= {name: found for name in _PROGRAMS if (found := _version(name))}
    layouts = _layouts(files.layouts, versions, complain)
    return Site(files, layouts, versions)


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""


def _layouts(
    wanted: list[str] | None, versions: dict[str, str], complain: Complain
) -> dict[str, Layout]:
    installed = {entry.name: entry for entry in entry_points(group=GROUP)}
    for name in wanted or []:
        if name not in installed:
            known = ", ".join(installed) or "none"
            complain(f"files.layouts: unknown layout {name}; installed: {known}")
    found = {}
    for name, entry in installed.items():
        if wanted is not None and name not in wanted:
            continue
        try:
            found[name] = _layout(entry.load())
        except Exception as error:  # noqa: BLE001 - whatever a site's package raises
            complain(f"{GROUP}: {name} ({entry.value}) is left out: {error}")
            continue
        if entry.dist is not None:
            versions[entry.dist.name] = entry.dist.version
    return found


def _layout(kind: Any) -> Layout:
    if not (isinstance(kind, type) and issubclass(kind, Layout)):
        raise TypeError(f"{kind!r:.80} is not a subclass of Layout")
    return kind()
