"""A running scan or move in a terminal."""

import threading
from collections import deque
from typing import Any, Protocol

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from bec_kernel.client import (
    Devices,
    DryBlock,
    RemoteDevice,
    ScanForecast,
    ScanReport,
)
from bec_kernel.client.columns import Columns
from bec_kernel.client.language import summary
from bec_kernel.client.wording import fit_words, headline, length
from bec_kernel.errors import BecError
from bec_kernel.wire import Point

ROWS = 12
"""So many of the newest points are shown."""
COLUMNS = 8
_RATE = 8  # drawings a second
_COLOURS = {"closed": "green", "open": "cyan", "completed": "green", "paused": "yellow"}


class View(Protocol):
    """What is drawn of something that runs."""

    def add(self, point: Point) -> None:
        """Take in the next point; one that is known already changes nothing."""

    def render(self) -> RenderableType:
        """Return what is to be drawn now; never raises for a broker that is away."""


class ScanView:
    """The newest points, progress, state and fit of one scan.

    Attributes:
        report: of the scan.
        count: points so far.
    """

    def __init__(self, report: ScanReport) -> None:
        self.report = report
        self.count = 0
        self._columns = Columns()
        self._about: list[str] = []
        self._rows: deque[tuple[int, dict[str, float]]] = deque(maxlen=ROWS)
        self._lock = threading.Lock()
        self._last: RenderableType = Text("")

    def add(self, point: Point) -> None:
        """See `View.add`."""
        with self._lock:
            if point.point_id == self.count:
                values = _values(point)
                self._about = [n for d in self._devices() for n in values.get(d, {})]
                row = {n: v for one in values.values() for n, v in one.items()}
                self._columns.tell(row)
                self._rows.append((point.point_id, row))
                self.count += 1

    def _devices(self) -> list[str]:
        """Those the scan is about."""
        begin = self.report.begin
        if begin is None:
            return []
        signal = begin.parameters.get("signal")
        return [*begin.motors, *([signal] if signal else [])]

    def render(self) -> RenderableType:
        """See `View.render`."""
        try:
            self._last = Group(self._table(), *self._below())
        except BecError as error:
            return Group(self._last, Text(f"({error})", style="dim"))
        return self._last

    def _table(self) -> Table:
        report = self.report
        with self._lock:
            rows, columns = list(self._rows), self._columns.order(self._about)
        title = headline(report.request, report.scan_number)
        table = Table(
            title=None if report.is_final else title,  # then it is said below
            title_justify="left",
        )
        table.add_column("point", justify="right")
        for signal in columns[:COLUMNS]:
            table.add_column(signal, justify="right", min_width=9)
        for number, row in rows:
            cells = [_cell(row.get(signal)) for signal in columns[:COLUMNS]]
            table.add_row(str(number), *cells)
        return table

    def _below(self) -> list[RenderableType]:
        report = self.report
        colour = _COLOURS.get(str(report.status), "red")
        found: list[RenderableType]
        if report.is_final:
            found = [Text(repr(report), style=colour)]
        else:
            found = [self._progress(colour)]
        words = fit_words(report.fit)
        return [*found, Text(words)] if words else found

    def _progress(self, colour: str) -> RenderableType:
        report, total = self.report, self.report.total
        line = Text.assemble((str(report.status), colour))
        if report.reason:
            line.append(f" ({report.reason})")
        line.append(f"  {self.count}{f' of {total}' if total else ''} points")
        grid = Table.grid(padding=(0, 2))
        bar = ProgressBar(total=total or 1, completed=self.count, width=30)
        grid.add_row(*([bar, line] if total else [line]))
        return grid


def _values(point: Point) -> dict[str, dict[str, float]]:
    """Return the numbers worth a column, by device and signal."""
    found = {}
    for device, readings in point.data.items():
        numbers = {n: r.value for n, r in readings.items() if _is_number(r.value)}
        own = {device: numbers[device]} if device in numbers else numbers
        found[device] = dict(list(own.items())[:1])
    return found


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _cell(value: float | None) -> str:
    return "" if value is None else f"{value:.6g}"


class MoveView:
    """Where the motors of one move are; behind its end where they have come to.

    Attributes:
        report: of the move.
        motors: in the order of the request.
    """

    def __init__(self, report: ScanReport, dev: Devices) -> None:
        self.report = report
        self.motors = [dev[str(name)] for name in report.request.args[::2]]
        self._last: RenderableType = Text("")

    def add(self, point: Point) -> None:
        """A move has no points."""

    def render(self) -> RenderableType:
        """See `View.render`."""
        try:
            self._last = self._arrived() if self.report.is_final else self._on_the_way()
        except BecError as error:
            return Group(self._last, Text(f"({error})", style="dim"))
        return self._last

    def _on_the_way(self) -> RenderableType:
        request, grid = self.report.request, Table.grid(padding=(0, 2))
        towards = "by" if request.kwargs.get("relative") else "to"
        for motor, target in zip(self.motors, request.args[1::2], strict=True):
            grid.add_row(_place(motor, motor.readback), f"{towards} {target:g}")
        state = str(self.report.status)
        why = f" ({self.report.reason})" if self.report.reason else ""
        return Group(grid, Text(f"{state}{why}", style=_COLOURS.get(state, "dim")))

    def _arrived(self) -> RenderableType:
        places = [_place(motor, motor.position) for motor in self.motors]
        return Text("\n".join(places))


def _place(motor: RemoteDevice, value: Any) -> str:
    """Return where a motor is: `samx at 1 mm`."""
    signal = next((s for s in motor.info.signals if s.name == motor.name), None)
    digits = 4 if signal is None or signal.precision is None else signal.precision
    shown = f"{round(value, digits) + 0.0:.10g}" if _is_number(value) else str(value)
    return f"{motor.name} at {shown} {motor.unit}".rstrip()


def follow(
    report: ScanReport, dev: Devices, console: Console | None = None
) -> ScanReport:
    """Draw a scan or a move until it has ended; return its report.

    An interrupt (Ctrl-C) aborts it, a second one halts it.

    Raises:
        ScanAborted: it ended before its last point.
        DeviceError: a motor did not arrive.
    """
    is_move = report.request.name == "mv"
    view: View = MoveView(report, dev) if is_move else ScanView(report)
    if not is_move:
        report.on_point(view.add)
    console = console or Console()
    live = Live(get_renderable=view.render, console=console, refresh_per_second=_RATE)
    try:
        with live:
            try:
                report.wait()
            finally:
                if report.is_final and not is_move:
                    for point in report.points():
                        view.add(point)
    finally:
        if not console.is_terminal:
            console.line()  # which `Live` leaves out there
    return report


_PART = 30
"""Letters the bar of the longest part of a scan's time takes."""


def show_dry(block: DryBlock, console: Console | None = None) -> None:
    """Print what scans would do."""
    console = console or Console()
    for one in block:
        console.print(_forecast(one))
    if len(block) > 1:
        console.print(Text(block.headline, style="bold"))


def _forecast(one: ScanForecast) -> RenderableType:
    """Return one scan: what, how long, where its motors go, where the time goes."""
    title = Text.assemble((summary(one.request), "bold"), f"\n{one.headline}")
    motors = Table("motor", "from", "to", "limits", "ends at")
    for row in one.rows():
        motors.add_row(*row)
    bars = Table.grid(padding=(0, 2))
    most = max(one.told.parts.values(), default=0.0)
    for part, seconds in one.told.parts.items():
        if round(seconds, 3):
            bar = "█" * max(1, round(_PART * seconds / most))
            bars.add_row(part, length(seconds), Text(bar, style="cyan"))
    lines = [Text(line) for line in one.lines if not line.startswith("time: ")]
    return Group(title, *([motors] if one.told.axes else []), bars, *lines)
