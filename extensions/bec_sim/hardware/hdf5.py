"""The file a simulated camera writes by itself: one frame behind another."""

from pathlib import Path
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt


class CameraFile:
    """A new file for frames, at `/entry/data/data`; it can be read while it grows.

    Args:
        path: of the file; its folder is made.
        shape: of a frame, pixels.

    Raises:
        OSError: it cannot be made, or is there already.
    """

    def __init__(self, path: Path, shape: tuple[int, int]) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file: Any = h5py.File(path, "x", libver="latest")
        entry = self._file.create_group("entry")
        entry.attrs["NX_class"] = "NXentry"
        data = entry.create_group("data")
        data.attrs["NX_class"], data.attrs["signal"] = "NXdata", "data"
        self._frames = data.create_dataset(
            "data", (0, *shape), np.uint16, maxshape=(None, *shape), chunks=(1, *shape)
        )
        self._file.swmr_mode = True
        self.count = 0

    def add(self, frame: npt.NDArray[np.uint16]) -> None:
        """Append a frame of the file's frame shape, and flush it for SWMR readers."""
        self.count += 1
        self._frames.resize(self.count, axis=0)
        self._frames[-1] = frame
        self._frames.flush()

    def close(self) -> None:
        """Nothing follows."""
        self._file.close()
