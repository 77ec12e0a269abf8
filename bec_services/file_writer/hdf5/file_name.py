"""Choose the name of a scan's file; never overwrite the file of another scan."""

import errno
import hashlib
import itertools
import os
from collections.abc import Callable
from pathlib import Path

_NO_LINKS = {errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK}
_numbers = itertools.count()


class FileName:
    """The published name of a file, and the hidden working name it is created under.

    Until the file is complete it has both names (hard links to one inode). After a
    crash the working name, which contains a hash of the scan id, still identifies the
    scan, even if the file itself cannot be read any more.

    Args:
        path: the wanted published path.
        scan_id: the scan of the file.
        token: fencing token of the writer's life.
        says_ours: whether the content of a file identifies it as this scan's.

    Attributes:
        working: path it is created under; unused so far.
    """

    def __init__(
        self, path: Path, scan_id: str, token: int, says_ours: Callable[[Path], bool]
    ) -> None:
        mark = hashlib.sha256(scan_id.encode()).hexdigest()[:8]
        self._wanted = path
        self._beside = path.with_name(f"{path.stem}_{mark}{path.suffix}")
        self._stem = f".{path.name}.{mark}."
        self._says_ours = says_ours
        number = next(_numbers)
        self.working = path.with_name(f"{self._stem}{token}.{number}")

    def publish(self) -> Path:
        """Give the file its published name and return that path.

        The name is `path`; if another scan's file has it, `<stem>_<hash><suffix>`.

        Raises:
            OSError: the folder is not writable, or other scans' files have both names.
        """
        places = [self._wanted, self._beside]
        if self._beside.exists():  # published there before: keep that name
            places.reverse()
        for path in places:
            if self._takes(path):
                self._tidy()
                return path
        raise FileExistsError(
            f"{self._wanted} and {self._beside} belong to other scans"
        )

    def _takes(self, path: Path) -> bool:
        """Publish the file at `path`, unless the file of another scan is there."""
        if _created(self.working, path):
            return True
        if not self._is_ours(path):
            return False
        try:
            new = self.working.with_name(f"{self.working.name}.new")
            os.link(self.working, new)
        except OSError as error:
            if error.errno not in _NO_LINKS:
                raise
            new = self.working
        new.replace(path)
        return True

    def _is_ours(self, path: Path) -> bool:
        made = (one for one in self._made() if one != self.working)
        return any(one.samefile(path) for one in made) or self._says_ours(path)

    def _made(self) -> list[Path]:
        """List the working names of this scan, of this life and of earlier ones."""
        folder = self._wanted.parent
        return [one for one in folder.iterdir() if one.name.startswith(self._stem)]

    def _tidy(self) -> None:
        for left in self._made():  # from an earlier life
            if left != self.working:
                left.unlink(missing_ok=True)

    def done(self) -> None:
        """Remove the working name: a complete file identifies its scan itself."""
        self.working.unlink(missing_ok=True)


def _created(working: Path, path: Path) -> bool:
    """Add the name `path` to the file; return False if the name is taken."""
    try:
        os.link(working, path)
    except FileExistsError:
        return False
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        try:
            path.open("x").close()
        except FileExistsError:
            return False
        working.replace(path)
    return True
