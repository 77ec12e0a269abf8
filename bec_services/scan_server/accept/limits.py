"""Pure: Where motors may go: each within its limits, also behind computed axes."""

import sys
from collections.abc import Iterable, Mapping

import msgspec

from bec_kernel.errors import RefusedError
from bec_kernel.wire import Device, DeviceValue, Motion
from bec_services.scan_server.program import behind, own_reading

Range = tuple[float, float]
"""Lowest and highest place a motor may be at, its units."""
_ANYWHERE = (-sys.float_info.max, sys.float_info.max)
_ROUNDING = 1e-9


class Beamline(msgspec.Struct, kw_only=True):
    """What the guard knows of the devices.

    Attributes:
        devices: by name.
        values: newest readings, by device.
    """

    devices: Mapping[str, Device] = {}
    values: Mapping[str, DeviceValue] = {}

    def place(self, motor: str) -> float | None:
        """Find the position of a motor; None where it has not published one."""
        value = self.values.get(motor)
        reading = own_reading(value.readings if value else {}, motor)
        if reading is None or not isinstance(reading.value, int | float):
            return None
        return float(reading.value)


def check_place(
    motor: str,
    there: float,
    limits: Range | None,
    where: str = "",
    unit: str = "",
) -> None:
    """Return if a motor may go there.

    Args:
        motor: its name.
        there: motor units.
        limits: lowest and highest, motor units; None: there are none.
        where: it is on the way, for people.
        unit: of all these, for people.

    Raises:
        RefusedError: it is not a number, or outside the limits; the text holds `where`.
    """
    low, high = limits or _ANYWHERE
    if low <= there <= high:  # neither is nan
        return
    allowed, why = "a finite number", "that is not a finite number"
    if limits:
        allowed = f"{limits[0]:g} to {limits[1]:g}"
        why = f"its limits are {limits[0]:g} and {limits[1]:g} {unit}".rstrip()
    raise RefusedError(
        f"{motor} cannot go to {there:g}{where}: {why}",
        subject=motor,
        value=f"{there:g}",
        allowed=allowed,
    )


def unit_of(device: Device) -> str:
    """Return the unit a motor is moved in; "" where it says none."""
    own = [one.unit for one in device.signals if one.name == device.name]
    return next(iter(own), "")


class Behind:
    """The motors behind computed axes, on the way of a scan.

    The effect of each axis on a motor is published as a table; the effects of the axes
    of one positioner add up. A motor without a published position, or with another
    effect than that, is not followed: the device server refuses such a move later.

    Args:
        axes: that are moved.
        beamline: the devices, and where they are.
    """

    def __init__(self, axes: Iterable[str], beamline: Beamline) -> None:
        self._tables: dict[str, dict[str, Motion]] = {}
        self._first: dict[str, float] = {}
        self._here: dict[str, Range] = {}
        self._motors: dict[str, float] = {}
        self._limits: dict[str, Range] = {}
        for axis in axes:
            self._take(beamline.devices[axis], beamline)

    def __bool__(self) -> bool:
        """There are any."""
        return bool(self._tables)

    def _take(self, axis: Device, beamline: Beamline) -> None:
        tables = {one.motor: one for one in axis.motion if one.motor and one.to}
        place = beamline.place(axis.name) if tables else None
        if place is None:
            return
        for name, table in tables.items():
            at, limits = _place_of(name, axis, beamline), table.limits
            if name in beamline.devices:
                limits = beamline.devices[name].limits
            if at is None or limits is None:
                continue
            self._tables.setdefault(axis.name, {})[name] = table
            self._motors[name], self._limits[name] = at, limits
        self._first[axis.name] = place
        self._here[axis.name] = (place, place)

    def stand(self, places: Mapping[str, Range]) -> None:
        """Take note of where motors are now."""
        self._here |= {m: at for m, at in places.items() if m in self._tables}

    def go(self, places: Mapping[str, Range], where: str) -> None:
        """Let motors go where a scan says.

        Args:
            places: of those that move: between which they will be.
            where: it is on the way, for people.

        Raises:
            RefusedError: a motor behind them cannot be there.
        """
        self.stand(places)
        moved = {m for axis in places for m in self._tables.get(axis, ())}
        for motor in sorted(moved):
            self._check(motor, where)

    def _check(self, motor: str, where: str) -> None:
        low = high = self._motors[motor]
        slack, said = _ROUNDING * max(1.0, abs(low)), []
        for axis, tables in self._tables.items():
            if (table := tables.get(motor)) is None:
                continue
            first = behind(table, self._first[axis])
            ends = [behind(table, at) - first for at in self._here[axis]]
            low, high = low + min(ends), high + max(ends)
            slack += _coarse(table)
            said.append(f"{axis} is {self._here[axis][0]:g}")
        where = f"{where}, where {' and '.join(said)}"
        lowest, highest = self._limits[motor]
        for place in (low, high):
            if not lowest - slack <= place <= highest + slack:
                check_place(motor, place, self._limits[motor], where)


def _place_of(motor: str, axis: Device, beamline: Beamline) -> float | None:
    """Return where a motor behind an axis is: it tells itself, or what it is part of.

    A positioner has the motors behind its axes in its readings.
    """
    if motor in beamline.devices:
        return beamline.place(motor)
    told = (beamline.values.get(name) for name in axis.needs)
    found = [one.readings[motor] for one in told if one and motor in one.readings]
    value = found[0].value if found else None
    return float(value) if isinstance(value, int | float) else None


def _coarse(table: Motion) -> float:
    """Return by how much a curve may differ between two places of its table."""
    to = table.to
    bends = (abs(a - 2 * b + c) for a, b, c in zip(to, to[1:], to[2:], strict=False))
    return max(bends, default=0.0) / 8
