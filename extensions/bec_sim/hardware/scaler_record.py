"""A scaler record, as good as `ophyd.EpicsScaler` needs it.

caproto binds a channel's putter by decorating a function of the channel's own name.
"""

import asyncio
import math
from collections.abc import Callable
from typing import Any

import numpy as np
from caproto import ChannelInteger, ChannelString, ChannelType
from caproto.server import PVGroup, pvproperty

CHANNELS = 32
_FREQUENCY = 1e7


def _double(name: str, value: float, **kwargs: Any) -> Any:
    return pvproperty(name=name, dtype=ChannelType.DOUBLE, value=value, **kwargs)


class SimScalerRecord(PVGroup):
    """Counts for `.TP` seconds; a put of 1 to `.CNT` completes at the end, 0 ends it.

    `.S1` counts the clock, `.S2` a beam that is strongest with the first motor at 0,
    the others nothing.

    Args:
        position: Where the first motor is, mm.
        beam: Of the beam, counts/s.
        seed: Of the noise.
    """

    cnt = pvproperty(name=".CNT", dtype=ChannelType.INT, value=0)
    cont = pvproperty(
        name=".CONT",
        dtype=ChannelType.ENUM,
        enum_strings=("OneShot", "AutoCount"),
        value="OneShot",
    )
    dly = _double(".DLY", 0.0)
    dly1 = _double(".DLY1", 0.0)
    t = _double(".T", 0.0, read_only=True)
    freq = _double(".FREQ", _FREQUENCY)
    tp = _double(".TP", 1.0, units="s", precision=3)
    tp1 = _double(".TP1", 1.0)
    rate = _double(".RATE", 10.0)
    rat1 = _double(".RAT1", 0.0)
    egu = pvproperty(name=".EGU", dtype=ChannelType.STRING, value="counts")

    def __init__(
        self,
        *args: Any,
        position: Callable[[], float],
        beam: float = 10_000.0,
        seed: int = 3,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self._position = position
        self._beam = beam
        self._seed = seed
        self._runs = 0
        self._stopped: asyncio.Event | None = None
        self._counts = [ChannelInteger(value=0) for _ in range(CHANNELS)]

    def channels(self) -> dict[str, Any]:
        """Return the fields that there are 32 of, by name."""
        found: dict[str, Any] = {}
        for number, counts in enumerate(self._counts, 1):
            found[f"{self.prefix}.S{number}"] = counts
            label = {1: "clock", 2: "beam"}.get(number, "")
            found[f"{self.prefix}.NM{number}"] = ChannelString(value=label)
            found[f"{self.prefix}.PR{number}"] = ChannelInteger(value=0)
            found[f"{self.prefix}.G{number}"] = ChannelInteger(value=0)
        return found

    @tp.putter  # type: ignore[no-redef]
    async def tp(self, instance: Any, value: float) -> float:
        """Accept what is a time."""
        if not value >= 0:
            raise ValueError(f"counting time is {value}, must be at least 0 s")
        return value

    @cnt.putter  # type: ignore[no-redef]
    async def cnt(self, instance: Any, value: int) -> int:
        """Count, or leave off."""
        running, self._stopped = self._stopped, None
        if running is not None:
            running.set()
        if not value:
            return 0
        self._stopped = stopped = asyncio.Event()
        await instance.write(1, verify_value=False)
        await self._count(stopped)
        if self._stopped is stopped:
            self._stopped = None
        return 0

    async def _count(self, stopped: asyncio.Event) -> None:
        self._runs += 1
        loop = asyncio.get_running_loop()
        began, preset = loop.time(), self.tp.value
        try:
            async with asyncio.timeout(preset):
                await stopped.wait()
            took = loop.time() - began
        except TimeoutError:
            took = preset
        mean = took * self._beam * math.exp(-(self._position() ** 2) / 2)
        beam = np.random.default_rng((self._seed, self._runs)).poisson(mean)
        await self._counts[0].write(int(took * self.freq.value))
        await self._counts[1].write(int(beam))
        await self.t.write(took)
