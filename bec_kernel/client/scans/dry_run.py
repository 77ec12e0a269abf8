"""Forecasts of scans by the scan server, as text and plot; nothing is done."""

import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Self

import msgspec

from bec_kernel import tabulate
from bec_kernel.bus import Bus
from bec_kernel.client.connection import Reader, ask
from bec_kernel.client.scans import sketch
from bec_kernel.errors import BecError, RefusedError
from bec_kernel.language import duration_text, size_text, summary
from bec_kernel.wire import Call, DryRun, Forecast, Problem, ScanRequest, keys

PATIENCE = 20.0
"""Longest time the scan server may take for a forecast, s."""
Teller = Callable[[list[ScanRequest], dict[str, float]], list[Forecast]]
"""Says what requests would do, motors being where one says."""


def check_reads(device: str, method: str, why: str) -> None:
    """Return if a call to a device changes nothing.

    Raises:
        RefusedError: it may; the text says `why` it is not called.
    """
    if method.rsplit(".", 1)[-1] not in Call.HARMLESS:
        raise RefusedError(
            f"{device}.{method} is not called: {why}; move motors by mv",
            subject=device,
            value=method,
            allowed=", ".join(Call.HARMLESS),
        )


def teller(bus: Bus, reader: Reader, error_of: Callable[[Problem], BecError]) -> Teller:
    """Make the function that asks the scan server; it raises a refusal."""

    def tell(
        requests: list[ScanRequest], positions: dict[str, float]
    ) -> list[Forecast]:
        wish = DryRun(
            request_id=uuid.uuid4().hex,
            requests=requests,
            positions=positions,
            deadline=time.time() + PATIENCE,
        )
        reply = ask(reader, bus, keys.scan_asks(bus.user), wish, PATIENCE)
        if reply.problem is not None:
            raise error_of(reply.problem)
        return msgspec.convert(reply.value, list[Forecast])

    return tell


class ScanForecast:
    """The forecast of one scan or move: what it would do, and how long.

    Attributes:
        request: it is about.
        told: whole forecast of the scan server; see `bec_kernel.wire.Forecast`.
    """

    _HEAD = ("motor", "from", "to", "limits", "ends at")

    def __init__(self, request: ScanRequest, told: Forecast) -> None:
        self.request = request
        self.told = told

    @property
    def duration(self) -> float:
        """Time from open to close, s, without waiting for conditions."""
        return self.told.duration

    @property
    def points(self) -> int:
        """How many points it takes."""
        return self.told.points

    def wait(self, timeout: float | None = None) -> Self:
        """Return at once: a script for real scans runs dry, too."""
        del timeout
        return self

    @property
    def headline(self) -> str:
        """How many points, and how long, in a line."""
        told, words = self.told, []
        if told.points:
            words.append(f"{told.points} point{'' if told.points == 1 else 's'}")
        about = "at least " if told.open_ended else ""
        words.append(f"{about}{duration_text(told.duration)}")
        if told.high > told.low and not told.open_ended:
            words[-1] += f" ({duration_text(told.low)} to {duration_text(told.high)})"
        return ", ".join(words)

    @property
    def lines(self) -> list[str]:
        """Further lines: times of the parts, file size, begin, notes."""
        told = self.told
        parts = [
            f"{p} {duration_text(s)}" for p, s in told.parts.items() if round(s, 3)
        ]
        found = [f"time: {', '.join(parts)}"] if parts else []
        found += [f"file: about {size_text(told.size)}"] if told.size else []
        if told.delay is None:
            when = f"when {told.until}" if told.until else "at an unknown time"
            found.append(f"begins: {when}")
        elif told.delay or told.held:
            found.append(f"begins: in {duration_text(told.delay)}")
        found += [f"waits: until {rule}" for rule in told.open_ended]
        found += [f"in use: {name}, by {who}" for name, who in told.held.items()]
        return [*found, *(f"note: {note}" for note in told.notes)]

    def rows(self) -> list[tuple[str, ...]]:
        """Return one row a motor: name, lowest and highest place, limits, end."""
        return [
            (
                name,
                f"{axis.low:.6g}",
                f"{axis.high:.6g}",
                f"{axis.limits[0]:g} to {axis.limits[1]:g}" if axis.limits else "none",
                f"{axis.end:.6g} {axis.unit}".rstrip(),
            )
            for name, axis in self.told.axes.items()
        ]

    def __repr__(self) -> str:
        rows = self.rows()
        table = [tabulate.text(self._HEAD, rows)] if rows else []
        first = f"{summary(self.request)}: {self.headline}"
        return "\n".join([first, *table, *self.lines])

    def _repr_html_(self) -> str:
        rows = self.rows()
        lines = "<br>".join(tabulate.escaped(line) for line in self.lines)
        return (
            f"<p><b>{tabulate.escaped(summary(self.request))}</b><br>"
            f"{tabulate.escaped(self.headline)}</p>"
            f"{sketch.path(self.told) if rows else ''}"
            f"{tabulate.html(self._HEAD, rows) if rows else ''}<p>{lines}</p>"
        )


class DryBlock(Sequence[ScanForecast]):
    """Scans one after the other, forecast but not run; in a `with` block or a list.

        with bec.scans.dry_run() as block:
            for y in (0, 1, 2):
                bec.mv("samy", y)
                bec.scans.line_scan("samx", -5, 5, steps=21)
        block.duration

    Each begins where the one before has left the motors. Within the block the client
    moves nothing: a call to a device that does more than read is refused.
    """

    _HEAD = ("", "scan", "points", "takes", "begins after")

    def __init__(
        self,
        tell: Teller,
        swap: Callable[[Any], Any],
        requests: Sequence[ScanRequest] = (),
    ) -> None:
        self._tell = tell
        self._swap = swap
        self._outer: Any = None
        self._positions: dict[str, float] = {}
        self._forecasts: list[ScanForecast] = []
        if requests:
            self._take(list(requests))

    @property
    def duration(self) -> float:
        """Of all of them, s."""
        return sum(one.duration for one in self._forecasts)

    @property
    def spread(self) -> tuple[float, float]:
        """Hardly shorter, hardly longer than that, s."""
        told = [one.told for one in self._forecasts]
        return sum(one.low for one in told), sum(one.high for one in told)

    @property
    def points(self) -> int:
        """Of all of them."""
        return sum(one.points for one in self._forecasts)

    def add(self, request: ScanRequest) -> ScanForecast:
        """Forecast `request` behind the requests before it.

        Raises:
            RefusedError: it would be refused.
        """
        return self._take([request])[0]

    def _take(self, requests: list[ScanRequest]) -> list[ScanForecast]:
        told = self._tell(requests, self._positions)
        for one in told:
            self._positions |= {name: axis.end for name, axis in one.axes.items()}
        pairs = zip(requests, told, strict=True)
        new = [ScanForecast(request, one) for request, one in pairs]
        self._forecasts += new
        return new

    def check(self, device: str, method: str) -> None:
        """Return if a call to a device does no more than read.

        Raises:
            RefusedError: it may do more.
        """
        why = "this is a dry run, which cannot forecast it"
        check_reads(device, method, why)

    def __enter__(self) -> Self:
        self._outer = self._swap(self)
        return self

    def __exit__(self, *_: object) -> None:
        self._swap(self._outer)

    def __getitem__(self, number: Any) -> Any:
        return self._forecasts[number]

    def __iter__(self) -> Iterator[ScanForecast]:
        return iter(self._forecasts)

    def __len__(self) -> int:
        return len(self._forecasts)

    @property
    def headline(self) -> str:
        """How many, and how long, in a line."""
        open_ended = any(one.told.open_ended for one in self._forecasts)
        low, high = self.spread
        about = "at least " if open_ended else ""
        range_ = f" ({duration_text(low)} to {duration_text(high)})"
        return (
            f"{len(self)} in {about}{duration_text(self.duration)}"
            f"{range_ if high > low and not open_ended else ''}, {self.points} points"
        )

    def rows(self) -> list[tuple[str, ...]]:
        """Return one row a scan."""
        found: list[tuple[str, ...]] = []
        begins = 0.0
        for number, one in enumerate(self._forecasts, 1):
            takes = ("at least " if one.told.open_ended else "") + duration_text(
                one.duration
            )
            row = (str(number), summary(one.request), str(one.points or ""), takes)
            found.append((*row, duration_text(begins)))
            begins += one.duration
        return found

    def __repr__(self) -> str:
        if not self._forecasts:
            return "a dry run of nothing yet"
        return f"{self.headline}\n{tabulate.text(self._HEAD, self.rows())}"

    def _repr_html_(self) -> str:
        rows = tabulate.html(self._HEAD, self.rows()) if self._forecasts else ""
        return f"<p><b>{tabulate.escaped(self.headline)}</b></p>{rows}"
