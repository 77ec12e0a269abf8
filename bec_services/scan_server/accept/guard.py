"""Pure: acceptance or refusal of a request: devices, limits, size, first entry."""

import msgspec

from bec_kernel.errors import RefusedError
from bec_kernel.wire import Begin, Device, ScanRequest
from bec_services.scan_server.accept.assembler import Catalogue
from bec_services.scan_server.accept.first_entry import begin_of
from bec_services.scan_server.accept.limits import (
    Beamline,
    Behind,
    Range,
    check_place,
    unit_of,
)
from bec_services.scan_server.accept.parts import assemble
from bec_services.scan_server.program import MAX_POINTS, Bound, Position, Scan

_LONGEST = 64
_HERE = (0.0, 0.0)


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
        return sorted(set().union(*named, *begin.hooks.values()))


def accept(
    catalogue: Catalogue,
    beamline: Beamline,
    request: ScanRequest,
    user: str,
    now: float,
) -> Accepted:
    """Check a request and make the first entry of its scan.

    Args:
        catalogue: of the scans there are.
        beamline: the devices, and where they are.
        request: as asked.
        user: the user who asked, from the key.
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
            f"{request.queue!r:.40} is not a name for a queue", subject="queue"
        )
    if not beamline.devices:
        raise RefusedError(
            "no device server has published its devices yet; try again soon"
        )
    scan, bound = assemble(catalogue, request, beamline.devices)
    for schema in catalogue.schemas.values() if scan.is_scan else ():
        schema.check(request.metadata)
    for motor in bound.motors:
        _can_move(beamline.devices[motor], beamline)
    for part, words in scan.parts(bound):
        for flyer in part.flyers(words):
            _can_fly(beamline.devices[flyer])
    _within_limits(scan, bound, beamline)
    hooks = catalogue.hooks if scan.is_scan else {}
    begin = begin_of(scan, bound, beamline.devices, request, user, hooks=hooks)
    begin = msgspec.structs.replace(begin, account=catalogue.account)
    return Accepted(scan=scan, bound=bound, begin=begin)


def _can_move(device: Device, beamline: Beamline) -> None:
    name = device.name
    motors = [d.name for d in beamline.devices.values() if _is_ready(d)]
    if device.flaw:
        why = f"{name} is {device.flaw}"
    elif not device.positioner:
        kind = device.device_class.rsplit(".", 1)[-1]
        why = f"{name} cannot be moved: it is a {kind}"
    elif device.read_only:
        why = f"{name} is read-only"
    else:
        return
    allowed = ", ".join(sorted(motors))
    hint = f"; motors that can be: {allowed:.200}" if motors else ""
    raise RefusedError(f"{why}{hint}", subject=name, value=name, allowed=allowed)


def _can_fly(device: Device) -> None:
    name = device.name
    if not (device.enabled and device.connected and "kickoff" in device.methods):
        why = "is not there" if "kickoff" in device.methods else "cannot fly"
        raise RefusedError(f"{name} {why}", subject=name, value=name)


def _is_ready(device: Device) -> bool:
    """It can be moved now."""
    can = device.positioner and device.enabled and device.connected
    return can and not device.read_only


def _within_limits(scan: Scan, bound: Bound, beamline: Beamline) -> None:
    """Go the whole path; the first point that cannot be is named."""
    walk = _Walk(scan, bound, beamline)
    for number, (part, words) in enumerate(scan.parts(bound), 1):
        walk.go(part, words, "" if part is scan else f" of part {number}")


class _Walk:
    """The path of a scan, part by part.

    A motor that goes where an analysis says is anywhere in its range when the next
    part begins: so each has a lowest and a highest place.
    """

    def __init__(self, scan: Scan, bound: Bound, beamline: Beamline) -> None:
        self._scan = scan
        self._beamline = beamline
        self._limits = {m: beamline.devices[m].limits for m in bound.motors}
        self._units = {m: unit_of(beamline.devices[m]) for m in bound.motors}
        self._behind = Behind(bound.motors, beamline)
        self._left: dict[str, Range] = {}
        self._points = 0.0

    def go(self, part: Scan, words: Bound, which: str) -> None:
        """Go the path of a part.

        Args:
            part: what it is.
            words: bound for it.
            which: part it is, for people.

        Raises:
            RefusedError: a place on it cannot be.
        """
        start = self._start(words)
        burst = int(words.options.get("burst_at_each_point", 1))
        count = part.count(words)
        _few(self._scan, self._points + (count or 0.0) * burst)
        last: Position = {}
        number = -1
        for number, position in enumerate(part.reach(words)):
            _few(self._scan, self._points + (number + 1) * burst)
            where = f" at point {number}{which}" if part.is_scan else which
            self._check(position, start, where)
            last |= position
        if part.is_scan:
            self._points += (number + 1 if count is None else count) * burst
        back = part.is_scan and start  # it goes back from where it counts
        ends = start if back else _ends(part, words, last, start)
        self._behind.stand(ends)
        self._left |= {} if back else ends

    def _start(self, words: Bound) -> dict[str, Range]:
        """Return between which places each motor is, for a part that counts so."""
        if not words.options.get("relative"):
            return {}
        there = {m: _position(m, self._beamline) for m in words.motors}
        return {m: self._left.get(m, (at, at)) for m, at in there.items()}

    def _check(self, position: Position, start: dict[str, Range], where: str) -> None:
        for motor, at in position.items():
            if motor not in self._limits:
                raise RefusedError(
                    f"{self._scan.name} wants to move {motor}, which it was not given",
                    subject=self._scan.name,
                    allowed=", ".join(self._limits),
                )
            low, high = start.get(motor, _HERE)
            limits, unit = self._limits[motor], self._units[motor]
            check_place(motor, at + low, limits, where, unit)
            if high != low:
                check_place(motor, at + high, limits, where, unit)
        if self._behind:
            self._behind.go(_ranges(position, start), where)


def _ends(
    part: Scan, words: Bound, last: Position, start: dict[str, Range]
) -> dict[str, Range]:
    """Return between which places a part leaves its motors."""
    if part.asks(words):
        ways = list(part.reach(words))
        return {m: (min(w[m] for w in ways), max(w[m] for w in ways)) for m in last}
    return _ranges(last, start)


def _ranges(position: Position, start: dict[str, Range]) -> dict[str, Range]:
    """Return between which places motors are, counted from where each may be."""
    froms = {motor: start.get(motor, _HERE) for motor in position}
    return {m: (at + froms[m][0], at + froms[m][1]) for m, at in position.items()}


def _few(scan: Scan, points: float) -> None:
    if points > MAX_POINTS:
        raise RefusedError(
            f"{scan.name} would take more than {MAX_POINTS} points",
            subject=scan.name,
            allowed=f"at most {MAX_POINTS} points",
        )


def _position(motor: str, beamline: Beamline) -> float:
    place = beamline.place(motor)
    if place is None:
        raise RefusedError(
            f"{motor} has not published its position: give one that is not relative",
            subject=motor,
        )
    return place


def bound_of(begin: Begin) -> Bound:
    """Return the words of a scan as its first entry keeps them."""
    options = dict(begin.parameters)
    bundles = options.pop("bundles")
    return Bound(bundles=bundles, options=options)
