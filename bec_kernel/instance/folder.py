"""Where things are: the data folder, its secrets, and how an instance is found."""

import getpass
import hashlib
import json
import os
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path

from bec_kernel.errors import InstanceError


@dataclass(frozen=True)
class Folder:
    """One instance is one data folder.

    Attributes:
        path: the folder.
    """

    path: Path

    @property
    def secrets(self) -> Path:
        """Passwords, one file a user of the broker, mode 0600."""
        return self.path / "secrets"

    @property
    def broker(self) -> Path:
        """The broker's configuration, ACL file and append-only files."""
        return self.path / "broker"

    @property
    def logs(self) -> Path:
        """One file of JSON lines a service."""
        return self.path / "logs"

    @property
    def files(self) -> Path:
        """The scans' NeXus files."""
        return self.path / "files"

    @property
    def state(self) -> Path:
        """What simulated hardware remembers."""
        return self.path / "simulation"

    @property
    def note(self) -> Path:
        """The running instance's note about itself."""
        return self.path / "instance.json"

    @property
    def is_known(self) -> bool:
        """True if an instance runs or has run in this folder."""
        try:
            kept = self.secrets.is_dir() and self.broker.is_dir()
            return kept or self.note.exists()
        except OSError:  # somebody else's
            return False

    @property
    def socket(self) -> Path:
        """The broker's socket; its path must stay below 107 bytes."""
        key = hashlib.sha256(str(self.path.resolve()).encode()).hexdigest()[:12]
        return runtime_folder() / f"{key}.sock"

    def password(self, user: str) -> str:
        """Return the password of `user`.

        Raises:
            InstanceError: there is none here, or one may not read it.
        """
        try:
            return (self.secrets / user).read_text().strip()
        except OSError as error:
            raise InstanceError(
                f"no password of {user} in {self.secrets}: {error.strerror}"
            ) from error

    def url(self, user: str) -> str:
        """Return where and as whom to connect."""
        return f"unix://{user}:{self.password(user)}@{self.socket}"


@dataclass(frozen=True)
class Note:
    """The note of a running instance: where to connect.

    Attributes:
        data: its folder.
        pid: of its launcher.
        url: of its broker, without a password.
        virtual: its devices run on a virtual clock.
    """

    data: Path
    pid: int
    url: str
    virtual: bool = False

    def write(self) -> None:
        """Put it into the data folder and the user's runtime folder."""
        text = json.dumps(
            {
                "data": str(self.data),
                "pid": self.pid,
                "url": self.url,
                "virtual": self.virtual,
            }
        )
        for path in self._paths():
            path.write_text(text)

    def remove(self) -> None:
        """Take it away again."""
        for path in self._paths():
            path.unlink(missing_ok=True)

    def _paths(self) -> tuple[Path, Path]:
        listed = runtime_folder() / Folder(self.data).socket.with_suffix(".json").name
        return Folder(self.data).note, listed


def without_password(url: str) -> str:
    """Return where a broker is, without user and secret."""
    scheme, mark, rest = url.rpartition("://")
    return f"{scheme}{mark}{rest.rpartition('@')[2]}"


def person() -> str:
    """Return the name under which this person asks: the system's, made safe."""
    return re.sub(r"[^A-Za-z0-9_.-]", "_", os.environ.get("BEC_USER") or _login())


def _login() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return str(os.getuid())


def runtime_folder() -> Path:
    """Return the folder for sockets and notes; only its owner may look into it."""
    base = os.environ.get("XDG_RUNTIME_DIR")
    name = "bec" if base else f"bec-{os.getuid()}"
    folder = Path(base or tempfile.gettempdir()) / name
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if folder.stat().st_uid != os.getuid():
        raise InstanceError(f"{folder} belongs to somebody else")
    return folder


def read_note(path: Path) -> Note | None:
    """Return the note at `path` if the instance it tells of still runs."""
    try:
        raw = json.loads(path.read_text())
        note = Note(Path(raw["data"]), raw["pid"], raw["url"], raw["virtual"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return note if _alive(note.pid) else None


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def running_instances() -> list[Note]:
    """Return the user's running instances."""
    notes = (read_note(path) for path in sorted(runtime_folder().glob("*.json")))
    return [note for note in notes if note]


def nearest_folder(start: Path | None = None) -> Path | None:
    """Return the `data/` nearest upwards in which an instance runs or has run."""
    here = (start or Path.cwd()).resolve()
    folders = (Folder(one / "data") for one in (here, *here.parents))
    return next((one.path for one in folders if one.is_known), None)


def find_instance(start: Path | None = None, *, elsewhere: bool = False) -> Note:
    """Return the instance that is meant: `data/` nearest upwards, or the only one.

    Args:
        start: where to look; None: here.
        elsewhere: take the only one also where the nearest `data/` has an instance of
            its own that does not run: for those who only look.

    Raises:
        InstanceError: none runs, or several do, or not the one that is meant.
    """
    own = nearest_folder(start)
    if own is not None and (note := read_note(Folder(own).note)):
        return note
    notes = running_instances()
    listed = ", ".join(str(note.data) for note in notes)
    if own is not None and not (elsewhere and len(notes) == 1):
        raise InstanceError(_not_here(own, listed), value=str(own), allowed=listed)
    if len(notes) == 1:
        return notes[0]
    if not notes:
        here = (start or Path.cwd()).resolve()
        raise InstanceError(
            f"no instance runs (looked for data/ in {here} and above, and in "
            f"{runtime_folder()}); start one: bec up"
        )
    raise InstanceError(
        f"several instances run: {listed}; name one: {_NAMED}", allowed=listed
    )


_NAMED = "connect(data=...), --data, or BEC_REDIS"


def _not_here(own: Path, others: str) -> str:
    said = f"no instance runs in {own}; start one: bec up --data {own}"
    if not others:
        return said
    return f"{said}; elsewhere runs {others}: if you mean that, name it: {_NAMED}"
