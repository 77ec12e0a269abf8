"""Simulated devices whose axes are computed: a slit pair and a monochromator."""

import functools
import math
import operator
from collections.abc import Callable, Sequence
from typing import Any

from ophyd import Component, Kind
from ophyd.pseudopos import (
    PseudoPositioner,
    PseudoSingle,
    pseudo_position_argument,
    real_position_argument,
)

from bec_services.device_server import Clock, DeviceState
from bec_services.device_server.devices import LightStatus
from bec_sim.devices.device import SimDevice
from bec_sim.devices.motors.positioner import SimPositioner

_HC = 12.398419843320026
"""Planck's constant times the velocity of light, keV Å."""


class OnClock(Component):
    """A component that lives on its device's clock."""

    def create_component(self, instance: Any) -> Any:
        """Make it."""
        kwargs = {"clock": instance.clock, "state": instance.state}
        made = Component(self.cls, self.suffix, kind=self.kind, **self.kwargs, **kwargs)
        made.attr = self.attr
        return made.create_component(instance)


class SimAxis(PseudoSingle):
    """A computed axis of a simulated device."""

    def sent_to(self, target: float) -> None:
        """Remember where it was sent."""
        self._target = target

    def limit_to(self, low: float, high: float) -> None:
        """Accept setpoints within these."""
        self._limits = (float(low), float(high))


class SimPseudo(SimDevice, PseudoPositioner):
    """A pseudo positioner over simulated motors; a move is done when all have arrived.

    A reading has the motors behind it. Its own axes are devices of their own in the
    device list, see `PseudoAxis`.
    """

    def __init__(
        self,
        prefix: str = "",
        *,
        name: str,
        clock: Clock,
        state: DeviceState | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(prefix, name=name, clock=clock, state=state, **kwargs)
        for real in self.real_positioners:
            self._real_pos_update(obj=real, value=real.position)

    @property
    def real_position(self) -> Any:
        """Where the motors behind it are now."""
        return self.RealPosition(*(real.position for real in self.real_positioners))

    def read(self) -> dict[str, dict[str, Any]]:
        """The readings of the motors behind it."""
        return {k: v for real in self.real_positioners for k, v in real.read().items()}

    def describe(self) -> dict[str, dict[str, Any]]:
        """Shape, type and unit of each key of a reading."""
        return {
            k: v for real in self.real_positioners for k, v in real.describe().items()
        }

    @pseudo_position_argument
    def move(
        self,
        position: Any,
        wait: bool = True,
        timeout: float | None = None,
        moved_cb: Callable[..., object] | None = None,
    ) -> LightStatus:
        """Move all motors behind it at once; an unreachable position is refused."""
        self.check_value(position)
        reals = zip(self.real_positioners, self.forward(position), strict=True)
        for axis, at in zip(self.pseudo_positioners, position, strict=True):
            axis.sent_to(at)
        status: LightStatus = functools.reduce(
            operator.and_, [real.set(float(at)) for real, at in reals]
        )
        if moved_cb is not None:
            status.add_callback(lambda _: moved_cb(obj=self))
        if wait:
            status.wait(timeout)
        return status


def _blade() -> Any:
    return OnClock(SimPositioner, velocity=5, egu="mm", kind=Kind.normal)


class SimSlit(SimPseudo):
    """Two blades that make a slit: `gap` and `centre`, mm."""

    gap = Component(SimAxis, limits=(0, 20), egu="mm", kind=Kind.omitted)
    centre = Component(SimAxis, limits=(-10, 10), egu="mm", kind=Kind.omitted)
    left = _blade()
    right = _blade()

    @pseudo_position_argument
    def forward(self, pseudo_pos: Any) -> Any:
        """Where the blades must be."""
        half = pseudo_pos.gap / 2
        return self.RealPosition(
            left=pseudo_pos.centre - half, right=pseudo_pos.centre + half
        )

    @real_position_argument
    def inverse(self, real_pos: Any) -> Any:
        """What slit the blades make."""
        return self.PseudoPosition(
            gap=real_pos.right - real_pos.left,
            centre=(real_pos.left + real_pos.right) / 2,
        )


class SimMonochromator(SimPseudo):
    """A crystal that is turned (`theta`, degrees) to choose an `energy`, keV.

    Args:
        spacing: Of the crystal's planes, Å; silicon 111 by default.
        limits: Lowest and highest energy, keV.
    """

    energy = Component(SimAxis, egu="keV", kind=Kind.omitted)
    theta = OnClock(SimPositioner, velocity=2, egu="deg", kind=Kind.normal)

    def __init__(
        self,
        prefix: str = "",
        *,
        name: str,
        clock: Clock,
        state: DeviceState | None = None,
        spacing: float = 3.1356,
        limits: Sequence[float] = (4.0, 30.0),
        **kwargs: Any,
    ) -> None:
        self._spacing = spacing
        self._resting = limits[0]
        super().__init__(prefix, name=name, clock=clock, state=state, **kwargs)
        self.energy.limit_to(*limits)
        if not self.theta.position:
            self.theta.velocity.put(0.0)
            self.theta.set(self.forward(self._resting * 2).theta)
            self.theta.velocity.put(2.0)

    @pseudo_position_argument
    def forward(self, pseudo_pos: Any) -> Any:
        """The angle that chooses the energy."""
        sine = _HC / (2 * self._spacing * pseudo_pos.energy)
        if not sine <= 1:
            raise ValueError(f"{self.name}: the crystal cannot choose {pseudo_pos[0]}")
        return self.RealPosition(theta=math.degrees(math.asin(sine)))

    @real_position_argument
    def inverse(self, real_pos: Any) -> Any:
        """The energy an angle chooses."""
        sine = math.sin(math.radians(real_pos.theta)) or math.inf
        return self.PseudoPosition(energy=_HC / (2 * self._spacing * sine))
