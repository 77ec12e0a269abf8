"""Frames of a camera into its own file, as fast as they go."""

import tempfile
import time
from pathlib import Path

import h5py
import numpy as np

from bec_sim.devices.detectors.frames import ENTRIES, FrameFile

SHAPE = (1024, 1024)
FRAMES = 100


def rate(*, compress: bool) -> float:
    """Return MB/s of frames of 1024 x 1024 uint16, each on disk before the next.

    Raises:
        SystemExit: a frame is missing, or another one.
    """
    rng = np.random.default_rng(1)
    frames = [rng.poisson(30, SHAPE).astype(np.uint16) for _ in range(8)]
    with tempfile.TemporaryDirectory(prefix="bec-") as folder:
        file = FrameFile(Path(folder) / "frames.h5", SHAPE, compress=compress)
        begun = time.perf_counter()
        for number in range(FRAMES):
            file.append(frames[number % 8], number, float(number))
        file.close()
        took = time.perf_counter() - begun
        with h5py.File(file.path) as kept:
            data = kept[ENTRIES["frames"]]
            same = (np.array_equal(data[n], frames[n % 8]) for n in range(FRAMES))
            if len(data) != FRAMES or not all(same):
                raise SystemExit(f"frames were lost: {len(data)} of {FRAMES}")
    return FRAMES * frames[0].nbytes / took / 1e6
