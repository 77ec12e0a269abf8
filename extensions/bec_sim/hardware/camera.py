"""A camera that writes its frames to a file by itself.

caproto binds a channel's putter by decorating a function of the channel's own name.
"""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from caproto import ChannelType
from caproto.server import PVGroup, pvproperty

from bec_sim.hardware.hdf5 import CameraFile

SHAPE = (64, 64)
_PATH = 1024


class SimAreaDetector(PVGroup):
    """A spot that is brightest with the first motor at 0.

    A put of 1 to `:Acquire` completes when the frame is taken, and in the file where
    one is open; 0 ends the exposure without a frame. A put of 1 to `:Capture` opens the
    file named by `:FilePath`, 0 closes it.

    Args:
        position: Where the first motor is, mm.
        seed: Of the noise.
    """

    acquire = pvproperty(name=":Acquire", dtype=ChannelType.INT, value=0)
    acquire_time = pvproperty(
        name=":AcquireTime",
        dtype=ChannelType.DOUBLE,
        value=0.05,
        units="s",
        precision=3,
    )
    counter = pvproperty(
        name=":ArrayCounter", dtype=ChannelType.LONG, value=0, read_only=True
    )
    total = pvproperty(name=":Total", dtype=ChannelType.LONG, value=0, read_only=True)
    image = pvproperty(
        name=":ArrayData",
        dtype=ChannelType.LONG,
        value=[0] * (SHAPE[0] * SHAPE[1]),
        read_only=True,
    )
    file_path = pvproperty(name=":FilePath", value="", dtype=str, max_length=_PATH)
    capture = pvproperty(name=":Capture", dtype=ChannelType.INT, value=0)
    captured = pvproperty(
        name=":NumCaptured", dtype=ChannelType.LONG, value=0, read_only=True
    )

    def __init__(
        self, *args: Any, position: Callable[[], float], seed: int = 2, **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self._position = position
        self._seed = seed
        self._file: CameraFile | None = None
        self._stopped: asyncio.Event | None = None

    @acquire_time.putter  # type: ignore[no-redef]
    async def acquire_time(self, instance: Any, value: float) -> float:
        """Accept what is a time."""
        if not value >= 0:
            raise ValueError(f"exposure time is {value}, must be at least 0 s")
        return value

    @capture.putter  # type: ignore[no-redef]
    async def capture(self, instance: Any, value: int) -> int:
        """Open a file, or close it."""
        file, self._file = self._file, None
        if file is not None:
            file.close()
        if value:
            self._file = CameraFile(Path(self.file_path.value), SHAPE)
            await self.captured.write(0)
        return int(bool(value))

    @acquire.putter  # type: ignore[no-redef]
    async def acquire(self, instance: Any, value: int) -> int:
        """Expose, or end the exposure."""
        running, self._stopped = self._stopped, None
        if running is not None:
            running.set()
        if not value:
            return 0
        self._stopped = stopped = asyncio.Event()
        await instance.write(1, verify_value=False)
        await self._expose(stopped)
        if self._stopped is stopped:
            self._stopped = None
        return 0

    async def _expose(self, stopped: asyncio.Event) -> None:
        number = self.counter.value + 1
        await self.counter.write(number)
        try:
            async with asyncio.timeout(self.acquire_time.value):
                await stopped.wait()
        except TimeoutError:
            frame = self._frame(number)
            if self._file is not None:
                self._file.add(frame)
                await self.captured.write(self._file.count)
            await self.image.write(frame.astype(np.int32).ravel())
            await self.total.write(int(frame.sum(dtype=np.int64)))

    def _frame(self, number: int) -> npt.NDArray[np.uint16]:
        """Return the frame of an exposure: it depends on its number and the seed."""
        rows, columns = np.indices(SHAPE) - SHAPE[0] / 2
        spot = 200 * np.exp(-(rows**2 + columns**2) / 50)
        mean = 1 + spot * np.exp(-(self._position() ** 2) / 2)
        noisy = np.random.default_rng((self._seed, number)).poisson(mean)
        frame: npt.NDArray[np.uint16] = noisy.astype(np.uint16)
        return frame
