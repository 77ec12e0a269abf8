"""Under which name a scan's file is found, so that no other scan's is ever lost."""

import errno
import hashlib
import itertools
import os
from collections.abc import Callable
from pathlib import Path

_NO_LINKS = {errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK}
_numbers = itertools.count()


class Name:
    """The name of a file, and the one it is made under.

    While it is written it has both: so whoever comes after a crash can tell whose the
    file is, even one that nobody can read any more.

    Args:
        path: where it is to be found.
        scan_id: whose it is.
        token: of the writer's life.
        says_ours: whether a file says of itself that it is this scan's.

    Attributes:
        working: the name it is made under, a new one.
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
        """Let people find the file; return where.

        Raises:
            OSError: the folder cannot be written.
        """
        places = [self._wanted, self._beside]
        if self._beside.exists():  # once there, it stays there
            places.reverse()
        for path in places:
            if self._takes(path):
                self._tidy()
                return path
        raise FileExistsError(f"{self._wanted} and {self._beside} are other scans'")

    def _takes(self, path: Path) -> bool:
        """Put the file there, unless something is there that is not ours."""
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
        """Return the names that files of this scan were made under."""
        folder = self._wanted.parent
        return [one for one in folder.iterdir() if one.name.startswith(self._stem)]

    def _tidy(self) -> None:
        for left in self._made():  # of a life that is over
            if left != self.working:
                left.unlink(missing_ok=True)

    def done(self) -> None:
        """The file is complete: it says itself whose it is."""
        self.working.unlink(missing_ok=True)


def _created(working: Path, path: Path) -> bool:
    """Give a file a name that was free; False: it was not."""
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
