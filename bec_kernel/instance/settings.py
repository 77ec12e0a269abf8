"""An instance's settings: `settings.yaml` in its data folder."""

import re
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from bec_kernel.errors import InstanceError
from bec_kernel.wire import ROLES, DeviceRule

FILE = "settings.yaml"
_FOLDER = re.compile(r"[A-Za-z0-9_-]{0,64}", re.ASCII)
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}", re.ASCII)


class ServerSettings(BaseModel):
    """Which devices a device server holds; neither tags nor names: all others."""

    model_config = ConfigDict(extra="forbid")

    tags: list[str] = Field(default_factory=list)
    names: list[str] = Field(default_factory=list)


class FileSettings(BaseModel):
    """Settings for the files of scans.

    Attributes:
        account: whose they are: the folder below `files` they lie in; may be empty.
        layouts: which of the installed layouts are added to each file; None: all.
        instrument: name of the beamline.
        source: what makes its beam: `name`, `type`, `probe`, as NeXus has them.
    """

    model_config = ConfigDict(extra="forbid")

    account: str = ""
    layouts: list[str] | None = None
    instrument: str = "BEC"
    source: dict[Literal["name", "type", "probe"], str] = {}


class Settings(BaseModel):
    """Settings of an instance, from `settings.yaml`.

    Attributes:
        device_servers: by name, which devices each holds.
        files: settings for the files of scans.
        users: roles by user name, besides the person that starts the instance: an
            `operator` acts on all items, a `user` only on their own.
        keep_hours: time for which saved data stay on the bus, h.
        keep_points: number of points of a running scan that stay on the bus; those
            before are read from its file.
    """

    model_config = ConfigDict(extra="forbid")

    device_servers: dict[str, ServerSettings | None] = {"main": None}
    files: FileSettings = FileSettings()
    users: dict[str, Literal["operator", "user"]] = {}
    keep_hours: float = Field(default=24.0, gt=0, le=24 * 366, allow_inf_nan=False)
    keep_points: int = Field(default=100_000, ge=10, le=10_000_000)

    def rules(self) -> dict[str, DeviceRule]:
        """Return the rules as they travel."""
        return {
            name: DeviceRule(tags=one.tags, names=one.names) if one else DeviceRule()
            for name, one in self.device_servers.items()
        }


def load_settings(data: Path) -> Settings:
    """Return the settings of the instance in `data`; the defaults without a file.

    Raises:
        InstanceError: it says file and field, or line.
    """
    path = data / FILE
    if not path.exists():
        return Settings()
    try:
        raw: Any = yaml.safe_load(path.read_text()) or {}
        settings = Settings.model_validate(raw)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        field = ".".join(str(part) for part in first["loc"]) or "settings"
        raise InstanceError(f"{path}: {field}: {first['msg']}") from error
    except (OSError, UnicodeDecodeError) as error:
        raise InstanceError(f"{path}: {error}") from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{path}, line {mark.line + 1}" if mark else str(path)
        problem = getattr(error, "problem", None) or error
        raise InstanceError(f"{where}: {problem}") from error
    _check_users(path, settings.users)
    if not _FOLDER.fullmatch(settings.files.account):
        raise InstanceError(
            f"{path}: files.account: {settings.files.account!r:.80} is not a name of a "
            "folder (up to 64 letters, digits, _ and -)"
        )
    _check_rules(path, settings.rules())
    return settings


@cache
def points_kept(data: Path) -> int:
    """Return how many points of a running scan stay on the bus: `keep_points`.

    Read once per process, as every scan needs it. If the settings cannot be read, other
    services report that, and the default counts here.
    """
    try:
        return load_settings(data).keep_points
    except InstanceError:
        return Settings().keep_points


def _check_users(path: Path, names: Iterable[str]) -> None:
    for name in names:
        if not _NAME.fullmatch(name):
            raise InstanceError(
                f"{path}: users: {name!r} is not a valid name "
                "(letters, digits, _, . and -)"
            )
        if name in (*ROLES, "default"):
            raise InstanceError(f"{path}: users: {name} is the name of a service")


def _check_rules(path: Path, rules: dict[str, DeviceRule]) -> None:
    if not rules:
        raise InstanceError(f"{path}: device_servers: there must be one")
    for name in rules:
        if not name.isidentifier():
            raise InstanceError(
                f"{path}: device_servers: {name!r} is not a valid name "
                "(letters, digits, _)"
            )
    rest = [name for name, rule in rules.items() if not (rule.tags or rule.names)]
    if len(rest) > 1:
        raise InstanceError(
            f"{path}: device_servers: {' and '.join(rest)} have neither tags nor "
            "names: only one may hold all other devices"
        )
