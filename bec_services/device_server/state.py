"""What simulated hardware remembers when its driver dies.

A real motor keeps its position and a real counter its count while the device server is
killed and started again; so do ours. The numbers live in memory-mapped files, which the
operating system keeps whatever becomes of the process (a power cut may lose them).
"""

import mmap
import os
import re
import struct
import threading
from pathlib import Path

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")


class Cell:
    """One number that outlives the process, if it has a file.

    Args:
        path: Where it is kept; None keeps it in memory only.
        initial: What it is when it is new.
    """

    __slots__ = ("_lock", "_map", "_view")

    def __init__(self, path: Path | None, initial: float = 0.0) -> None:
        self._lock = threading.Lock()
        self._map = _new_map(initial) if path is None else _open_map(path, initial)
        # An aligned double is written in one piece: no kill leaves half of it.
        self._view = memoryview(self._map).cast("d")

    def get(self) -> float:
        """The number."""
        return self._view[0]

    def set(self, value: float) -> None:
        """Remember `value`."""
        self._view[0] = value

    def add(self, amount: float) -> float:
        """Add `amount`; returns the sum."""
        with self._lock:
            total = self._view[0] + amount
            self._view[0] = total
        return total

    def close(self) -> None:
        """Let go of the file."""
        self._view.release()
        self._map.close()


class DeviceState:
    """The cells of all simulated devices of one device server.

    Args:
        path: The folder they live in, one small file each; made when it is missing.
            None keeps everything in memory only.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self._cells: dict[str, Cell] = {}
        self._lock = threading.Lock()
        if path is not None:
            path.mkdir(parents=True, exist_ok=True)

    def cell(self, name: str, initial: float = 0.0) -> Cell:
        """The cell called `name`; it is `initial` when there was none.

        Raises:
            ValueError: the name cannot be a file's.
        """
        if not _NAME.fullmatch(name):
            raise ValueError(
                f"simulation state {name!r}: a name has letters, digits, '_', '-', '.'"
            )
        with self._lock:
            cell = self._cells.get(name)
            if cell is None:
                path = None if self._path is None else self._path / name
                cell = self._cells[name] = Cell(path, initial)
        return cell

    def close(self) -> None:
        """Let go of all files."""
        with self._lock:
            for cell in self._cells.values():
                cell.close()
            self._cells.clear()


def _new_map(initial: float) -> mmap.mmap:
    memory = mmap.mmap(-1, mmap.PAGESIZE)
    memory[:8] = struct.pack("d", initial)
    return memory


def _open_map(path: Path, initial: float) -> mmap.mmap:
    fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        if os.fstat(fd).st_size < 8:
            os.pwrite(fd, struct.pack("d", initial), 0)
        return mmap.mmap(fd, 8)
    finally:
        os.close(fd)
