"""Read one file in a separate process: HDF5 may never return from a damaged file.

`python -m bec_services.file_writer.retention.reader_process PATH PATIENCE` reads
requests from stdin, one JSON line each: path of a dataset, first row, last row + 1;
without rows the whole dataset. It answers on stdout with a JSON line (length of the
dataset, dtype and shape of the part), then the bytes; or `null` if the dataset does not
exist. Its own timer ends the process when one request takes longer than PATIENCE, s.
"""

import json
import math
import signal
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import IO, Any

import h5py
import numpy as np
import numpy.typing as npt

_FAILS = (KeyError, OSError, RuntimeError, TypeError, ValueError)


class UnreadableError(OSError):
    """A file is damaged, or reading it took too long."""


class ReaderProcess:
    """A running reader process, and requests to it.

    Args:
        path: the file.
        patience: time limit for one request, s.
    """

    def __init__(self, path: Path, patience: float) -> None:
        self._path = path
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", __name__, str(path), str(patience)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )

    def __enter__(self) -> "ReaderProcess":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._process.kill()  # it writes nothing
        self._process.communicate()

    def part(self, path: str, *rows: int) -> tuple[int, npt.NDArray[Any]] | None:
        """Read rows of a dataset.

        Args:
            path: absolute path of the dataset.
            rows: first row and last row + 1; without them the whole dataset.

        Returns:
            Length of the dataset and the rows; None if the dataset does not exist.

        Raises:
            UnreadableError: the file is damaged.
        """
        asks, answers = self._process.stdin, self._process.stdout
        assert asks is not None
        assert answers is not None
        try:
            asks.write(json.dumps([path, *rows]).encode() + b"\n")
            asks.flush()
            if (head := json.loads(answers.readline())) is None:
                return None
            length, kind, shape = head
            dtype = np.dtype(kind)
            raw = answers.read(dtype.itemsize * math.prod(shape))
            return length, np.frombuffer(raw, dtype).reshape(shape)
        except (OSError, ValueError) as error:  # the process has ended
            raise UnreadableError(f"{self._path} cannot be read") from error


def serve(
    path: str, patience: float, asks: Iterable[bytes], answers: IO[bytes]
) -> None:
    """Answer requests for parts of a file until there are no more."""
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_REAL, patience)
    with h5py.File(path, "r", swmr=True) as file:
        for line in asks:
            signal.setitimer(signal.ITIMER_REAL, patience)
            _answer(file, answers, *json.loads(line))
            signal.setitimer(signal.ITIMER_REAL, 0)


def _answer(file: Any, answers: IO[bytes], path: str, *rows: int) -> None:
    if path not in file:
        answers.write(b"null\n")
    else:
        dataset = file[path]
        part = np.asarray(dataset[slice(*rows) if rows else ()], order="C")
        length = dataset.shape[0] if dataset.shape else 0
        head = [length, part.dtype.str, part.shape]
        answers.write(json.dumps(head).encode() + b"\n" + part.tobytes())
    answers.flush()


if __name__ == "__main__":
    try:
        serve(sys.argv[1], float(sys.argv[2]), sys.stdin.buffer, sys.stdout.buffer)
    except _FAILS:
        sys.exit(1)
