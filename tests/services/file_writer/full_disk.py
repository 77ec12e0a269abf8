"""A writer whose disk is full, until somebody makes room.

Run as a program: python -m tests.services.file_writer.full_disk WAY FOLDER NUMBER
WAY is `limit` (no file may have more than NUMBER bytes: HDF5 itself is refused what it
writes), `long` (the same, when much of a longer scan has left the bus), or `tmpfs` (a
small disk, mounted where nobody else sees it: run it by `unshare`; it is full behind
NUMBER entries, and the file is copied to FOLDER).
"""

import resource
import shutil
import subprocess
import sys
from pathlib import Path

import msgspec
import numpy as np
import structlog

from bec_kernel.bus.changes import Append, Id, Trim
from bec_kernel.testing import MemoryBroker, MemoryBus
from bec_kernel.wire import Point, Reading, keys
from bec_services.file_writer.service import run
from tests.services.recorded import (
    T0,
    begin,
    new_life,
    points_log,
    running,
    take,
    until,
)

KEEP = 50
"""So many points stay on the bus: more than the short scan has."""
LONG = 200


class Endless:
    """A disk that is never full."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.fills = False

    def fill(self) -> None:
        """Let there be no room."""

    def empty(self) -> None:
        """Make room."""


class Limited(Endless):
    """No file may be larger: HDF5 finds that out by itself."""

    def __init__(self, folder: Path, size: int) -> None:
        super().__init__(folder)
        self.fills = True
        self._size = size
        self._most = resource.getrlimit(resource.RLIMIT_FSIZE)[1]

    def fill(self) -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (self._size, self._most))

    def empty(self) -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (self._most, self._most))


class Tmpfs(Endless):
    """A disk of 8 MB that somebody else fills."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder / "disk")
        self.fills = True
        self._other = self.folder / "other"
        self.folder.mkdir(parents=True)
        words = ("mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(self.folder))
        subprocess.run(words, check=True)

    def fill(self) -> None:
        with self._other.open("wb", buffering=0) as file:
            try:
                while file.write(bytes(4096)):
                    pass
            except OSError:
                return

    def empty(self) -> None:
        self._other.unlink()


def log(points: int):
    """A scan with a curve of 8 kB at each point."""
    out = []
    for at, entry in points_log(points):
        if isinstance(entry, Point):
            wave = Reading(np.arange(1000.0) + entry.point_id, T0)
            data = {**entry.data, "wave": {"wave": wave}}
            entry = msgspec.structs.replace(entry, data=data)  # noqa: PLW2901
        out.append((at, entry))
    return out


def let_go(bus: MemoryBus, points: int) -> None:
    """Wait until so many points are on the disk, and let the first of them go."""
    place = keys.written(), "scan1"
    until(bus, lambda: (told := bus.get(*place)) and told.upto[0] >= points)
    bus.commit([Trim(keys.points("scan1"), Id(points - KEEP))])


def write(disk: Endless, begun: int = 10, points: int = 40) -> tuple[str, Path]:
    """Write the scan; the disk is full from the start, or when some are written.

    Args:
        disk: where.
        begun: so many entries come while there is room, if any.
        points: of the scan; of many the first ones leave the bus before there is none.

    Returns:
        The alarm, if there was one, and the file.
    """
    disk.folder.mkdir(parents=True, exist_ok=True)
    (disk.folder / "settings.yaml").write_text(f"keep_points: {KEEP}\n")
    broker, told = MemoryBroker(), ""
    bus = MemoryBus(broker)
    take(bus, "file_writer", begin(points=points))
    first, second = log(points)[:begun], log(points)[begun:]
    with running(new_life("file_writer", broker, disk.folder), run) as life:
        bus.commit([Append(keys.points("scan1"), e, at) for at, e in first])
        while first and not list(disk.folder.glob("files/*/*/S00042_master.h5")):
            life.over.wait(0.01)
        if begun > KEEP:
            let_go(bus, begun - 1)
        disk.fill()
        bus.commit([Append(keys.points("scan1"), e, at) for at, e in second])
        if disk.fills:
            until(bus, lambda: bus.last(keys.alarms()) is not None)
            told = bus.last(keys.alarms()).message.message
            disk.empty()
        until(bus, lambda: bus.last(keys.files("scan1")) is not None)
    return told, Path(bus.last(keys.files("scan1")).message.path)


if __name__ == "__main__":
    # Tracebacks with all their variables take longer than the scan.
    structlog.configure(processors=[structlog.processors.JSONRenderer()])
    way, folder, number = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
    if way == "long":
        alarm, path = write(Limited(folder, number), LONG // 2 + 1, LONG)
    elif way == "limit":
        alarm, path = write(Limited(folder, number), 0)
    else:
        alarm, path = write(Tmpfs(folder), number)
        path = Path(shutil.copy(path, folder / path.name))
    sys.stdout.write(f"{alarm!r}\n{path}\n")
