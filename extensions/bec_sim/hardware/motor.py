"""A motor record, as good as ophyd's `EpicsMotor` needs it.

caproto binds a channel's putter by decorating a function of the channel's own name.
"""

import asyncio
from typing import Any

from caproto import ChannelType
from caproto.server import PVGroup, pvproperty

from bec_sim.devices.motors import Profile

_UPDATE_PERIOD = 0.04
"""Seconds between two readbacks of a moving motor."""

LIMITS = (-50.0, 50.0)
"""Where a motor may go until somebody says otherwise, mm."""

_STOP, _PAUSE = "Stop", "Pause"


def _double(name: str, **kwargs: Any) -> Any:
    return pvproperty(name=name, dtype=ChannelType.DOUBLE, precision=3, **kwargs)


def _short(name: str, value: int = 0, **kwargs: Any) -> Any:
    return pvproperty(name=name, dtype=ChannelType.INT, value=value, **kwargs)


def _choice(name: str, *choices: str) -> Any:
    return pvproperty(
        name=name, dtype=ChannelType.ENUM, enum_strings=choices, value=choices[-1]
    )


class SimMotorRecord(PVGroup):
    """One motor: fields `.VAL`, `.RBV`, `.STOP`... under the record's name.

    A put to `.VAL` completes on arrival; `.STOP` ends it where the motor is, and `.VAL`
    then follows `.RBV`.

    Args:
        velocity: mm/s at the start.
    """

    val = _double(
        ".VAL",
        value=0.0,
        units="mm",
        lower_ctrl_limit=LIMITS[0],
        upper_ctrl_limit=LIMITS[1],
    )
    rbv = _double(".RBV", value=0.0, units="mm", read_only=True)
    dmov = _short(".DMOV", 1, read_only=True)
    movn = _short(".MOVN", read_only=True)
    stop = _short(".STOP")
    spmg = _choice(".SPMG", _STOP, _PAUSE, "Move", "Go")
    velo = _double(".VELO", value=5.0, units="mm/s")
    accl = _double(".ACCL", value=0.1, units="s")
    hlm = _double(".HLM", value=LIMITS[1], units="mm")
    llm = _double(".LLM", value=LIMITS[0], units="mm")
    hls = _short(".HLS", read_only=True)
    lls = _short(".LLS", read_only=True)
    lvio = _short(".LVIO", read_only=True)
    tdir = _short(".TDIR", 1, read_only=True)
    off = _double(".OFF", value=0.0, units="mm")
    dir = _choice(".DIR", "Neg", "Pos")
    foff = _choice(".FOFF", "Frozen", "Variable")
    set_ = _choice(".SET", "Set", "Use")
    homf = _short(".HOMF")
    homr = _short(".HOMR")
    egu = pvproperty(name=".EGU", dtype=ChannelType.STRING, value="mm")
    prec = _short(".PREC", 3)

    def __init__(self, *args: Any, velocity: float = 5.0, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._velocity = velocity
        self._move = 0
        self._halted = asyncio.Event()

    @velo.startup  # type: ignore[no-redef]
    async def velo(self, instance: Any, async_lib: Any) -> None:
        """Begin with the velocity asked for."""
        await instance.write(self._velocity)

    @velo.putter  # type: ignore[no-redef]
    async def velo(self, instance: Any, value: float) -> float:
        """Accept what moves."""
        if not value > 0:
            raise ValueError(f"velocity is {value}, must be > 0 mm/s")
        return value

    @val.putter  # type: ignore[no-redef]
    async def val(self, instance: Any, value: float) -> float:
        """Go there; returns on arrival, where the motor then is."""
        if self.set_.value == "Set":
            await self.off.write(self.off.value + value - self.rbv.value)
            await self.rbv.write(value)
            return value
        allowed = self.llm.value <= value <= self.hlm.value
        unlimited = self.llm.value == self.hlm.value
        await self.lvio.write(0 if allowed or unlimited else 1)
        if not (allowed or unlimited) or self.spmg.value == _STOP:
            return float(instance.value)
        await instance.write(value, verify_value=False)
        await self._go(value)
        return float(instance.value)

    @stop.putter  # type: ignore[no-redef]
    async def stop(self, instance: Any, value: int) -> int:
        """Stop where it is."""
        if value:
            self._halted.set()
        return 0

    @spmg.putter  # type: ignore[no-redef]
    async def spmg(self, instance: Any, value: str) -> str:
        """Stand still; after a pause, go on to where it was going."""
        was_paused = instance.value == _PAUSE
        if value in (_STOP, _PAUSE):
            self._halted.set()
        elif was_paused and self.val.value != self.rbv.value:
            # Whoever lets it go on does not wait for the arrival.
            self._resumed = asyncio.create_task(self._go(self.val.value))
        return value

    @hlm.putter  # type: ignore[no-redef]
    async def hlm(self, instance: Any, value: float) -> float:
        """Show it as the setpoint's control limit."""
        await self.val.write_metadata(upper_ctrl_limit=value)
        return value

    @llm.putter  # type: ignore[no-redef]
    async def llm(self, instance: Any, value: float) -> float:
        """Show it as the setpoint's control limit."""
        await self.val.write_metadata(lower_ctrl_limit=value)
        return value

    @homf.putter  # type: ignore[no-redef]
    async def homf(self, instance: Any, value: int) -> int:
        """Home is at 0."""
        if value:
            await self.val.write(0.0)
        return 0

    @homr.putter  # type: ignore[no-redef]
    async def homr(self, instance: Any, value: int) -> int:
        """Home is at 0."""
        if value:
            await self.val.write(0.0)
        return 0

    async def _go(self, target: float) -> None:
        self._move += 1
        move = self._move
        self._halted.set()  # a move under way notices that it is not the newest
        self._halted = halted = asyncio.Event()
        await self.tdir.write(int(target >= self.rbv.value))
        await self.dmov.write(0)
        await self.movn.write(1)
        velocity, ramp = self.velo.value, self.accl.value
        profile = Profile(
            self.rbv.value, target, velocity, velocity / ramp if ramp > 0 else 0.0
        )
        where = await self._follow(profile, halted)
        if move != self._move:
            return
        await self.rbv.write(where)
        if halted.is_set() and self.spmg.value != _PAUSE:
            await self.val.write(where, verify_value=False)
        await self.movn.write(0)
        await self.dmov.write(1)

    async def _follow(self, profile: Profile, halted: asyncio.Event) -> float:
        """Show the readback until the end or a halt; returns where that was."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        while not halted.is_set():
            elapsed = loop.time() - began
            if elapsed >= profile.duration:
                break
            await self.rbv.write(profile.position(elapsed))
            try:
                async with asyncio.timeout(
                    min(_UPDATE_PERIOD, profile.duration - elapsed)
                ):
                    await halted.wait()
            except TimeoutError:
                continue
        return profile.position(loop.time() - began)
