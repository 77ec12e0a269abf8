"""Drivers of interactive scans: signs of life and requests."""

import time

from bec_kernel.bus import Bus
from bec_kernel.bus.changes import Append, Change, Id
from bec_kernel.errors import RefusedError
from bec_kernel.wire import Begin, DriverRequest, DriveScan, Item, keys
from bec_services.scan_server.accept import Beamline, Behind, check_place, unit_of
from bec_services.scan_server.scans.interactive import Interactive


class Drivers:
    """When each interactive scan last heard of its driver, wall clock."""

    def __init__(self) -> None:
        self._heard: dict[str, float] = {}

    def hear(self, scan_id: str) -> None:
        """Take note that the driver of a scan lives."""
        self._heard[scan_id] = time.monotonic()

    def heard(self, scan_id: str) -> float:
        """Return when that was (monotonic, s); 0: never in this life."""
        return self._heard.get(scan_id, 0.0)

    def forget(self, scan_id: str) -> None:
        """The scan has ended."""
        self._heard.pop(scan_id, None)


def next_request(
    bus: Bus, ask: DriveScan, item: Item | None, user: str, beamline: Beamline
) -> list[Change]:
    """List the changes that record a driver's next request; none if it is recorded.

    Raises:
        RefusedError: the scan is not an interactive one of `user` that runs, or the
            motors cannot do it.
    """
    if item is None or item.request.name != Interactive.name or item.user != user:
        raise RefusedError(
            f"{ask.scan_id:.80} is no interactive scan of {user} that runs",
            subject=ask.scan_id[:80],
        )
    log = keys.driver_requests(ask.scan_id)
    last = bus.last(log)
    due = last.id.index + 1 if last else 0
    if ask.number < due:
        return []  # asked twice: answered twice, done once
    if ask.number > due:
        raise RefusedError(
            f"request {ask.number} came before request {due}", subject=ask.scan_id
        )
    begin = bus.read(keys.steps(ask.scan_id), limit=1)[0].message
    assert isinstance(begin, Begin)
    check_driver_request(ask.request, begin, beamline)
    return [Append(log, ask.request, Id.of(ask.number), dense=True)]


def check_driver_request(
    request: DriverRequest, begin: Begin, beamline: Beamline
) -> None:
    """Return if the motors of an interactive scan may go where its driver says.

    Raises:
        RefusedError: one may not, or is none of the scan's.
    """
    for motor, at in request.set.items():
        if motor not in begin.motors:
            raise RefusedError(
                f"{motor:.80} was not named when the scan was begun; "
                f"these were: {', '.join(begin.motors)}",
                subject=motor[:80],
                value=motor[:80],
                allowed=", ".join(begin.motors),
            )
        device = beamline.devices[motor]
        check_place(motor, at, device.limits, unit=unit_of(device))
    places = {motor: (at, at) for motor, at in request.set.items()}
    Behind(places, beamline).go(places, "")
