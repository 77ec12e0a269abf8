"""A writer whose disk is full after so many bytes, until somebody makes room.

Run as a program: python -m tests.services.file_writer.full_disk FOLDER BYTES POINTS
"""

import resource
import sys
from pathlib import Path

import msgspec
import numpy as np
import structlog

from bec_kernel.bus import Append, Id, Trim
from bec_kernel.testing import MemoryBroker, MemoryBus
from bec_kernel.wire import Point, Reading, keys
from bec_services.file_writer.shell import run
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
"""So many points stay on the bus: more than a short scan has."""
LONG = 200


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


def long_log_is_trimmed(bus: MemoryBus, points: int) -> None:
    """Wait for the file to be told of, and let the points go that are in it."""
    place = keys.written(), "scan1"
    until(bus, lambda: (told := bus.get(*place)) and told.upto[0] >= points)
    bus.commit([Trim(keys.points("scan1"), Id(points - KEEP))])


def write(folder: Path, limit: int = 0, points: int = 40) -> tuple[str, Path]:
    """Write the scan, at first no more than `limit` bytes; return alarm and file.

    Of a scan of 200 points the first half is written before there is a limit, and most
    of it has left the bus then.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "settings.yaml").write_text(f"keep_points: {KEEP}\n")
    broker, told = MemoryBroker(), ""
    bus = MemoryBus(broker)
    take(bus, "file_writer", begin(points=points))
    is_long = points >= LONG
    cut = points // 2 + 1 if is_long else 10
    first, second = log(points)[:cut], log(points)[cut:]
    bus.commit([Append(keys.points("scan1"), e, at) for at, e in first])
    _, most = resource.getrlimit(resource.RLIMIT_FSIZE)
    if limit and not is_long:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, most))
    with running(new_life("file_writer", broker, folder), run):
        if limit and is_long:
            long_log_is_trimmed(bus, cut - 1)
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, most))
        bus.commit([Append(keys.points("scan1"), e, at) for at, e in second])
        if limit:
            until(bus, lambda: bus.last(keys.alarms()) is not None)
            told = bus.last(keys.alarms()).message.message
            resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
        until(bus, lambda: bus.last(keys.files("scan1")) is not None)
    return told, Path(bus.last(keys.files("scan1")).message.path)


if __name__ == "__main__":
    # Tracebacks with all their variables take longer than the scan.
    structlog.configure(processors=[structlog.processors.JSONRenderer()])
    alarm, path = write(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
    sys.stdout.write(f"{alarm!r}\n{path}\n")
