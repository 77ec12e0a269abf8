"""Which version of the wire contract a data folder was last used with."""

import json
from dataclasses import asdict, dataclass

from bec_kernel.errors import InstanceError
from bec_kernel.instance.folder import Folder

_FILE = "version.json"


@dataclass(frozen=True)
class FolderStamp:
    """What an instance notes in its data folder at each start.

    Attributes:
        wire: version of the wire contract, `major.minor`; the broker's log can be read
            by every version with the same major number.
        scans_before: highest number of the scans that were taken before the broker's
            log began; the next scan has at least the number after it.
    """

    wire: str
    scans_before: int = 0

    @property
    def major(self) -> int:
        """Number before the dot."""
        return int(self.wire.split(".")[0])

    def write(self, folder: Folder) -> None:
        """Put it into the data folder, in place of the one before."""
        fresh = folder.path / f"{_FILE}.new"
        fresh.write_text(json.dumps(asdict(self)) + "\n")
        fresh.replace(folder.path / _FILE)


def read_stamp(folder: Folder) -> FolderStamp | None:
    """Return the stamp of a data folder; None: it has none.

    Raises:
        InstanceError: the file is there and cannot be read as a stamp.
    """
    path = folder.path / _FILE
    try:
        raw = json.loads(path.read_text())
        stamp = FolderStamp(str(raw["wire"]), int(raw["scans_before"]))
        stamp.major  # noqa: B018 - raises where it is not a version
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InstanceError(
            f"{path} cannot be read ({type(error).__name__}: {error!s:.100}): remove "
            "it, and start with bec up --upgrade",
            subject=str(path),
        ) from error
    return stamp
