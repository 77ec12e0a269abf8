"""Where a device's own files of a scan belong."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class ScanFiles:
    """What a device is told by `scan_begins` before it is staged for a scan.

    Attributes:
        scan_id: unique for ever.
        scan_number: counted for people.
        folder: of all scans' files.
    """

    scan_id: str
    scan_number: int | None
    folder: Path

    def path(self, device: str) -> Path:
        """Return a free name for a file of this device, beside the scan's own."""
        number = self.scan_number or 0
        low = number // 1000 * 1000
        name = f"S{number:05d}"
        place = self.folder / f"S{low:05d}-{low + 999:05d}" / name
        part = 0
        while True:
            tail = f"_{part}" if part else ""
            path = place / f"{name}_{device}{tail}.h5"
            if not path.exists():
                return path
            part += 1
