"""Data folders that another version has written: refuse, or take along what can be."""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from bec_kernel.errors import InstanceError
from bec_kernel.instance import Folder, FolderStamp, read_stamp
from bec_kernel.wire import VERSION

_LOG = "appendonlydir"
"""Folder of the broker's append-only log, below `broker/`."""
_NUMBER = re.compile(r"S(\d+)_master.*\.h5")


def check_version(folder: Folder, say: Callable[[str], None], *, upgrade: bool) -> None:
    """Let an instance start only where it can read the broker's log; stamp the folder.

    With `upgrade`, a log of an older version is set aside: renamed, never deleted. A
    log without a stamp is older than stamps. Files, database, device list and settings
    are read by every version, and scan numbers go on after those of the files.

    Args:
        folder: the instance's, which no other process uses.
        say: called with one line on what was done.
        upgrade: go on in a folder of an older version.

    Raises:
        InstanceError: the log is of a newer version, or of an older one without
            `upgrade`; one line says what was found and how to go on.
    """
    stamp = read_stamp(folder)
    if stamp is not None and stamp.major == FolderStamp(VERSION).major:
        FolderStamp(VERSION, stamp.scans_before).write(folder)
        return
    log = folder.broker / _LOG
    if _has_files(log):
        text = _check_older(folder, stamp, upgrade=upgrade)
        say(f"upgrading: {text}; they stay in {_set_aside(log)}")
    # Also without a log: the start that has set it aside may have been killed here.
    before = stamp.scans_before if stamp else 0
    FolderStamp(VERSION, max(before, _highest_number(folder.files))).write(folder)


def _check_older(folder: Folder, stamp: FolderStamp | None, *, upgrade: bool) -> str:
    """Describe which data an upgrade of the folder keeps and which not.

    Raises:
        InstanceError: see `check_version`.
    """
    found = f"wire schema {stamp.wire if stamp else 'not noted'}, here {VERSION}"
    if stamp is not None and stamp.major > FolderStamp(VERSION).major:
        raise InstanceError(
            f"{folder.path} was written by a newer version ({found}): update this one, "
            "or name another folder with --data; nothing was changed",
            subject=str(folder.path),
        )
    text = (
        f"{folder.path} was written by an older version ({found}): all files and the "
        "database are taken along; the queue, and points not yet in a file, are not"
    )
    if not upgrade:
        raise InstanceError(
            f"{text}; to go on: bec up --upgrade (nothing was changed)",
            subject=str(folder.path),
        )
    return text


def _has_files(log: Path) -> bool:
    return log.is_dir() and any(log.iterdir())


def _highest_number(files: Path) -> int:
    """Return the highest scan number in the names of master files, or 0."""
    found = (_NUMBER.fullmatch(path.name) for path in files.rglob("S*_master*.h5"))
    return max((int(one[1]) for one in found if one), default=0)


def _set_aside(log: Path) -> Path:
    """Rename the broker's log after the present time; return its new path."""
    now = datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%f")
    return log.rename(log.with_name(f"{log.name}.before-{now}"))
