"""The HDF5 file that a simulated camera writes for a scan."""

from pathlib import Path
from typing import Any

import h5py
import numpy as np

ENTRIES = {
    "frames": "/entry/data/frames",
    "exposure": "/entry/data/exposure",
    "timestamp": "/entry/data/timestamp",
}
"""Paths of the datasets in it, by the names under which a scan's file links them."""


class FrameFile:
    """Pictures of one camera in one scan, one behind the other.

    Args:
        path: of a file that is not there yet.
        shape: rows and columns.
        compress: takes a tenth of the speed, and less of the disk.

    Raises:
        OSError: the disk.
    """

    def __init__(
        self, path: Path, shape: tuple[int, ...], *, compress: bool = False
    ) -> None:
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = h5py.File(path, "x")
        top = self._file.create_group("entry/data")
        self._frames = _growing(top, "frames", shape, np.uint16, compress=compress)
        self._exposures = _growing(top, "exposure", (), np.int64)
        self._times = _growing(top, "timestamp", (), np.float64)
        self._file.flush()

    def append(self, frame: Any, exposure: int, timestamp: float) -> None:
        """Append a picture; it is on disk on return."""
        row = len(self._frames)
        pairs = (
            (self._frames, frame),
            (self._exposures, exposure),
            (self._times, timestamp),
        )
        for dataset, value in pairs:
            dataset.resize(row + 1, axis=0)
            dataset[row] = value
        self._file.flush()

    def close(self) -> None:
        """It is complete."""
        self._file.close()


def _growing(
    group: Any,
    name: str,
    shape: tuple[int, ...],
    dtype: Any,
    *,
    compress: bool = False,
) -> Any:
    return group.create_dataset(
        name,
        (0, *shape),
        dtype,
        maxshape=(None, *shape),
        chunks=(1 if shape else 256, *shape),
        shuffle=compress,
        compression=1 if compress else None,  # a level of gzip: every reader has it
    )
