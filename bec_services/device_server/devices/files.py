"""Where a device's own files of a scan belong."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class ScanFiles:
    """What a device is told by `scan_begins` before it is staged for a scan.

    Attributes:
        scan_id: unique for ever.
        scan_number: counted for people.
        folder: of this scan's files.
        stem: what their names begin with.
    """

    scan_id: str
    scan_number: int | None
    folder: Path
    stem: str

    def path(self, device: str) -> Path:
        """Return a free name for a file of this device, beside the scan's own."""
        part = 0
        while True:
            tail = f"_{part}" if part else ""
            path = self.folder / f"{self.stem}_{device}{tail}.h5"
            if not path.exists():
                return path
            part += 1
