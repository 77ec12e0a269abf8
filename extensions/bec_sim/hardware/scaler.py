"""A counter that sees a beam through the first motor.

caproto binds a channel's putter by decorating a function of the channel's own name.
"""

import asyncio
import math
from collections.abc import Callable
from typing import Any

import numpy as np
from caproto import ChannelType
from caproto.server import PVGroup, pvproperty


class SimCounter(PVGroup):
    """Counts during an exposure; a put of 1 to `:Acquire` completes at its end.

    The counts follow a Gaussian of a position, with Poisson noise that depends on the
    seed and the number of the exposure only. A put of 0 to `:Acquire` ends an exposure
    without counts.

    Args:
        position: Where the first motor is, mm.
        height: Mean counts at 0 mm.
        sigma: mm.
        seed: Of the noise.
    """

    acquire = pvproperty(name=":Acquire", dtype=ChannelType.INT, value=0)
    exposure_time = pvproperty(
        name=":ExposureTime",
        dtype=ChannelType.DOUBLE,
        value=0.1,
        units="s",
        precision=3,
    )
    counts = pvproperty(name=":Counts", dtype=ChannelType.LONG, value=0, read_only=True)
    exposures = pvproperty(
        name=":Exposures", dtype=ChannelType.LONG, value=0, read_only=True
    )

    def __init__(
        self,
        *args: Any,
        position: Callable[[], float],
        height: float = 1000.0,
        sigma: float = 1.0,
        seed: int = 1,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self._position = position
        self._height = height
        self._sigma = sigma
        self._seed = seed
        self._stopped: asyncio.Event | None = None

    @exposure_time.putter  # type: ignore[no-redef]
    async def exposure_time(self, instance: Any, value: float) -> float:
        """Accept what is a time."""
        if not value >= 0:
            raise ValueError(f"exposure time is {value}, must be at least 0 s")
        return value

    @acquire.putter  # type: ignore[no-redef]
    async def acquire(self, instance: Any, value: int) -> int:
        """Expose, or end the exposure."""
        running = self._stopped
        if not value:
            if running is not None:
                running.set()
                self._stopped = None
            return 0
        if running is not None:
            raise ValueError("an exposure is under way; put 0 to end it first")
        self._stopped = stopped = asyncio.Event()
        try:
            await instance.write(1, verify_value=False)
            await self._expose(stopped)
        finally:
            if self._stopped is stopped:
                self._stopped = None
        return 0

    async def _expose(self, stopped: asyncio.Event) -> None:
        number = self.exposures.value + 1
        await self.exposures.write(number)
        try:
            async with asyncio.timeout(self.exposure_time.value):
                await stopped.wait()
        except TimeoutError:
            await self.counts.write(self._count(number))

    def _count(self, number: int) -> int:
        mean = self._height * math.exp(-((self._position() / self._sigma) ** 2) / 2)
        return int(np.random.default_rng((self._seed, number)).poisson(mean))
