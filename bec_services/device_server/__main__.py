"""`python -m bec_services.device_server`: ophyd devices behind the bus."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from bec_kernel.service import Life, askers, serve
from bec_services.device_server.clock import (
    VIRTUAL_START,
    Clock,
    VirtualClock,
    WallClock,
)

if TYPE_CHECKING:
    from bec_services.device_server.devices import Registry
    from bec_services.device_server.state import DeviceState


def make_body() -> Callable[[Life], None]:
    """Return the body; its devices are built in the first life and kept."""
    built: list[tuple[Registry, Clock]] = []

    def body(life: Life) -> None:
        from bec_services.device_server.devices import Registry
        from bec_services.device_server.requests import Given, begin  # takes a second
        from bec_services.device_server.server import DeviceServer
        from bec_services.device_server.state import DeviceState

        if not built:
            state = DeviceState(life.setup.data / "simulation")
            clock = _clock(state, virtual=life.setup.virtual)
            built.append((Registry(clock, state), clock))
        registry, clock = built[0]
        users = askers(life)
        begin(life, registry, users, Given.of_environment())
        DeviceServer(life, registry, clock, users).run()

    return body


def _clock(state: "DeviceState", *, virtual: bool) -> Clock:
    """Return the clock; a virtual one goes on where an earlier process left it."""
    if not virtual:
        return WallClock()
    cell = state.cell("clock", VIRTUAL_START)
    return VirtualClock(start=cell.get(), moved=cell.set)


def main() -> None:
    """Run a device server until it is stopped."""
    serve("device_server", make_body(), prepares=True)


if __name__ == "__main__":
    main()
