"""Accepts or refuses a request, with a reason in the asker's words. Decides, no IO."""

import difflib
from collections.abc import Mapping

import msgspec

from bec_kernel.errors import RefusedError
from bec_kernel.wire import Begin, Condition, Device, DeviceValue, ScanRequest
from bec_services.scan_server.assembler import Catalogue, bind
from bec_services.scan_server.condition import condition_of
from bec_services.scan_server.frame import code_of
from bec_services.scan_server.scan import MAX_POINTS, Bound, Scan

_LONGEST = 64


class Accepted(msgspec.Struct, frozen=True, kw_only=True):
    """A request that may run: its scan, its bound words, the scan's first entry."""

    scan: Scan
    bound: Bound
    begin: Begin

    @property
    def devices(self) -> list[str]:
        """Devices it needs for itself."""
        begin = self.begin
        named = (begin.motors, begin.monitored, begin.triggered, begin.streaming)
        return sorted(set().union(*named))


class Beamline(msgspec.Struct, kw_only=True):
    """What the guard knows of the devices.

    Attributes:
        devices: by name.
        values: newest readings, by device.
    """

    devices: Mapping[str, Device] = {}
    values: Mapping[str, DeviceValue] = {}


def accept(
    catalogue: Catalogue,
    beamline: Beamline,
    request: ScanRequest,
    user: str,
    now: float,
) -> Accepted:
    """Return what is to be run.

    Args:
        catalogue: of the scans there are.
        beamline: the devices, and where they are.
        request: as asked.
        user: who asked, from the key.
        now: s since the epoch, wall clock, against the request's deadline.

    Raises:
        RefusedError: it names the thing, the value, and what was allowed.
    """
    if request.deadline and now > request.deadline:
        raise RefusedError(
            f"{request.name:.80} came {now - request.deadline:.1f} s too late: not run",
            subject=request.name[:80],
        )
    if not request.queue.isidentifier() or len(request.queue) > _LONGEST:
        raise RefusedError(
            f"{request.queue!r:.40} is no name for a queue", subject="queue"
        )
    if not beamline.devices:
        raise RefusedError("no device server has told its devices yet; try again soon")
    scan = catalogue.find(request.name)
    bound = bind(scan, request, beamline.devices)
    for motor in bound.motors:
        _can_move(beamline.devices[motor], beamline)
    _within_limits(scan, bound, beamline)
    begin = _begin(scan, bound, beamline, request, user)
    signal = bound.options.get("signal")
    if signal and signal not in begin.monitored:
        raise RefusedError(
            f"{signal} is not read at every point: it cannot be plotted or fitted; "
            f"these are: {', '.join(begin.monitored)}",
            subject="signal",
            value=signal,
            allowed=", ".join(begin.monitored),
        )
    return Accepted(scan=scan, bound=bound, begin=begin)


def _can_move(device: Device, beamline: Beamline) -> None:
    name = device.name
    motors = [d.name for d in beamline.devices.values() if _is_ready(d)]
    if not device.enabled:
        why = f"{name} is disabled"
    elif not device.connected:
        told = f": {device.problem.message}" if device.problem else ""
        why = f"{name} is not connected{told}"
    elif not device.positioner:
        kind = device.device_class.rsplit(".", 1)[-1]
        why = f"{name} cannot be moved: it is a {kind}"
    elif device.read_only:
        why = f"{name} is read-only"
    else:
        return
    allowed = ", ".join(sorted(motors))
    near = difflib.get_close_matches(name, motors, 1, 0.0)
    hint = f"; the nearest motor is {near[0]}" if near else ""
    raise RefusedError(f"{why}{hint}", subject=name, value=name, allowed=allowed)


def _is_ready(device: Device) -> bool:
    """It can be moved now."""
    can = device.positioner and device.enabled and device.connected
    return can and not device.read_only


def _within_limits(scan: Scan, bound: Bound, beamline: Beamline) -> None:
    start = {}
    if bound.options.get("relative"):
        start = {motor: _position(motor, beamline) for motor in bound.motors}
    burst = int(bound.options.get("burst_at_each_point", 1))
    for number, position in enumerate(scan.positions(bound)):
        if (number + 1) * burst > MAX_POINTS:
            raise RefusedError(
                f"{scan.name} would take more than {MAX_POINTS} points",
                subject=scan.name,
                allowed=f"at most {MAX_POINTS} points",
            )
        for motor, at in position.items():
            limits = beamline.devices[motor].limits
            there = at + start.get(motor, 0.0)
            if limits and not limits[0] <= there <= limits[1]:
                where = f" at point {number}" if scan.is_scan else ""
                raise RefusedError(
                    f"{motor} cannot go to {there:g}{where}: its limits are "
                    f"{limits[0]:g} and {limits[1]:g}",
                    subject=motor,
                    value=f"{there:g}",
                    allowed=f"{limits[0]:g} to {limits[1]:g}",
                )


def _position(motor: str, beamline: Beamline) -> float:
    value = beamline.values.get(motor)
    readings = value.readings if value else {}
    reading = readings.get(motor) or next(iter(readings.values()), None)
    if reading is None:
        raise RefusedError(
            f"{motor} has not told where it is: give a position that is not relative",
            subject=motor,
        )
    return float(reading.value)


def _begin(
    scan: Scan, bound: Bound, beamline: Beamline, request: ScanRequest, user: str
) -> Begin:
    devices = beamline.devices
    motors = bound.motors
    ready = {n: d for n, d in devices.items() if d.enabled and d.connected}
    monitored = [n for n, d in ready.items() if d.readout_priority == "monitored"]
    monitored = [*motors, *sorted(set(monitored) - set(motors))]
    streaming = _of_priority("async", ready, motors)
    active = (*monitored, *streaming)
    triggered = sorted(n for n in active if devices[n].software_trigger)
    baseline = _of_priority("baseline", ready, motors)
    part = [*active, *baseline] if scan.is_scan else motors
    until = condition_of(bound.options.get("wait_until", ""))
    if until is not None:
        part.append(_watched(until, ready))
    return Begin(
        scan_id=request.request_id,
        user=user,
        request=request,
        parameters={"bundles": bound.bundles, **bound.options},
        motors=motors,
        monitored=monitored if scan.is_scan else [],
        baseline=baseline if scan.is_scan else [],
        triggered=triggered if scan.is_scan else [],
        streaming=streaming if scan.is_scan else [],
        servers={name: devices[name].server for name in part},
        units={s.name: s.unit for n in part for s in devices[n].signals if s.unit},
        shape=scan.shape(bound) if scan.is_scan else [],
        code=code_of(scan),
        fit=str(bound.options.get("fit", "")),
    )


def _of_priority(
    priority: str, devices: Mapping[str, Device], motors: list[str]
) -> list[str]:
    """Return the devices with this readout priority, the scan's motors apart."""
    found = (n for n, d in devices.items() if d.readout_priority == priority)
    return sorted(set(found) - set(motors))


def _watched(until: Condition, ready: Mapping[str, Device]) -> str:
    """Return the device whose value is waited for."""
    if until.device not in ready:
        raise RefusedError(
            f"wait_until names {until.device!r:.60}, which is no device that is there",
            subject="wait_until",
            value=until.device,
            allowed=", ".join(sorted(ready)),
        )
    return until.device


def bound_of(begin: Begin) -> Bound:
    """Return the words of a scan as its first entry keeps them."""
    options = dict(begin.parameters)
    bundles = options.pop("bundles")
    return Bound(bundles=bundles, options=options)
