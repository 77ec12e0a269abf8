"""`bec logs`: the services' log lines, in order."""

import json
import os
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bec_kernel.errors import InstanceError
from bec_kernel.instance import Folder

_KNOWN = ("service", "event", "level", "timestamp", "exception")
_NAP = 0.25


def show(data: Path, service: str, *, follow: bool) -> None:
    """Print the log of one service, or of all in order; go on if asked to.

    Raises:
        InstanceError: there is no such log.
    """
    folder = Folder(data).logs
    places: dict[Path, int] = {}
    lines = sorted(_new(folder, service, places), key=lambda one: one[0])
    if not places and not follow:
        had = sorted({path.stem.split(".")[0] for path in folder.glob("*.jsonl")})
        raise InstanceError(
            f"no log of {service or 'any service'} in {folder}"
            + (f"; there are: {', '.join(had)}" if had else ""),
            value=service,
        )
    _print(lines)
    nap = threading.Event()
    while follow:
        nap.wait(_NAP)
        _print(sorted(_new(folder, service, places), key=lambda one: one[0]))


def _print(lines: list[tuple[str, str]]) -> None:
    try:
        sys.stdout.writelines(f"{text}\n" for _, text in lines)
        sys.stdout.flush()
    except BrokenPipeError:  # `bec logs | head`
        sys.stdout = open(os.devnull, "w")  # noqa: PTH123, SIM115 - until the end
        sys.exit(0)


def _new(
    folder: Path, service: str, places: dict[Path, int]
) -> Iterator[tuple[str, str]]:
    """Yield time and text of each line behind `places`, and move them."""
    for path in sorted(folder.glob(f"{service}*.jsonl")):
        at = places.get(path, 0)
        size = path.stat().st_size
        if size < at:  # it was turned over
            at = 0
        with path.open("rb") as file:
            file.seek(at)
            for raw in file:
                if not raw.endswith(b"\n"):
                    break  # the rest of it is still being written
                at += len(raw)
                yield _pretty(raw)
        places[path] = at


def _pretty(raw: bytes) -> tuple[str, str]:
    try:
        line: dict[str, Any] = json.loads(raw)
        time, event = str(line["timestamp"]), line["event"]
    except (ValueError, KeyError, TypeError):
        return "", raw.decode(errors="replace").rstrip()
    more = " ".join(f"{k}={v}" for k, v in line.items() if k not in _KNOWN)
    head = f"{time[:23]:<23}  {line.get('service', ''):<14}"
    text = f"{head} {line.get('level', ''):<8} {event} {more}".rstrip()
    if "exception" in line:
        text += "\n" + line["exception"]
    return time, text
