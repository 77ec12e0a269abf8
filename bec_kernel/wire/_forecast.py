"""Pure: forecasts of scans, and dead times learned from earlier scans."""

import msgspec

from bec_kernel.wire._base import Message
from bec_kernel.wire._scan import ScanRequest


class DryRun(Message, frozen=True, kw_only=True):
    """Say what these would do, one after the other; nothing is done. By the asker.

    Attributes:
        request_id: unique for ever.
        requests: as one would ask for them.
        positions: where motors are supposed to be before the first one, motor units;
            where they are now, if not named.
        deadline: s since the epoch, wall clock.
    """

    request_id: str
    requests: list[ScanRequest]
    positions: dict[str, float] = {}
    deadline: float = 0.0


class AxisForecast(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Where one motor would go, motor units.

    Attributes:
        low: lowest setpoint.
        high: highest setpoint.
        end: where it is afterwards.
        limits: lowest and highest setpoint accepted.
        unit: motor unit.
        path: setpoints, thinned out; as many as the forecast has `times`.
    """

    low: float
    high: float
    end: float
    limits: tuple[float, float] | None = None
    unit: str = ""
    path: list[float] = []


class Forecast(Message, frozen=True, kw_only=True):
    """What a scan or move would do, by the models of its devices.

    Attributes:
        name: of the scan.
        duration: from open to close, s, device server's clock.
        low: it will hardly be shorter, s.
        high: it will hardly be longer, s; unknown where it is `open_ended`.
        open_ended: what it waits for without a known end.
        points: how many.
        parts: how the duration is split: `move settle trigger read wait overhead`, and
            `around` (before the first point and behind the last one), s.
        axes: where its motors go.
        times: s after open, of each place in the axes' paths.
        size: of the file, bytes; without what devices write or send by themselves.
        delay: before it could begin, if asked for now, s; None: unknown.
        until: what must happen first, at an unknown time: `queue primary goes on`.
        held: holder of each needed device that is in use, by device.
        notes: what the figures do not know.
    """

    name: str
    duration: float = 0.0
    low: float = 0.0
    high: float = 0.0
    open_ended: list[str] = []
    points: int = 0
    parts: dict[str, float] = {}
    axes: dict[str, AxisForecast] = {}
    times: list[float] = []
    size: int = 0
    delay: float | None = 0.0
    until: str = ""
    held: dict[str, str] = {}
    notes: list[str] = []


class Learned(Message, frozen=True, kw_only=True):
    """Dead times of scans with certain devices. Written by the scan server.

    Times in s beyond what was asked for, most of them running means; None: not known.

    Attributes:
        devices: read or triggered at each point, motors apart.
        trigger: beyond the exposure that was asked for.
        free: of the next trigger, where no exposure is asked for: detectors keep the
            one they were given last.
        read: of reading them.
        overhead: between two points.
        around: before the first point and behind the last one.
        spread: of a point's sum of these, from scan to scan.
        scans: number of scans learned from.
        last: number of the last one.
    """

    devices: list[str]
    trigger: float | None = None
    free: float | None = None
    read: float = 0.0
    overhead: float = 0.0
    around: float | None = None
    spread: float = 0.0
    scans: int = 0
    last: int = 0
