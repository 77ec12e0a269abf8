"""Show a running scan or move in a terminal."""

import contextlib
import threading
import time
from collections import deque
from collections.abc import Callable
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
from bec_kernel.errors import BecError, ScanAborted
from bec_kernel.language import (
    duration_text,
    fit_words,
    headline,
    main_signal,
    queue_place,
    summary,
)
from bec_kernel.scan import Hints, TableColumns, hints, main_devices
from bec_kernel.wire import ItemState, Point

ROWS = 12
"""Number of the newest points that are shown."""
COLUMNS = 8
_RATE = 8  # drawings a second
_ASK = 1.0
"""Interval of looks at the scan's place in the queue, s: each reads all items."""
_COLOURS = {"closed": "green", "open": "cyan", "completed": "green", "paused": "yellow"}


class View(Protocol):
    """Drawing of a running scan or move."""

    def add(self, point: Point) -> None:
        """Add the next point; one added before is ignored."""

    def render(self) -> RenderableType:
        """Return the drawing; does not raise while the broker is away."""


class ScanView:
    """The newest points, progress, state and fit of one scan.

    Attributes:
        report: of the scan.
        count: points so far.
    """

    def __init__(
        self, report: ScanReport, hints: Hints | None = None, *, ending: bool = True
    ) -> None:
        self.report = report
        self.count = 0
        self._ending = ending
        self._hints = hints or {}
        self._waits = ""
        self._asked = 0.0  # time of the last look at the queue, monotonic, s
        self._columns = TableColumns()
        self._about: list[str] = []
        self._rows: deque[tuple[int, dict[str, float]]] = deque(maxlen=ROWS)
        self._lock = threading.Lock()
        self._last: RenderableType = Text("")

    def add(self, point: Point) -> None:
        """See `View.add`."""
        with self._lock:
            if point.point_id == self.count:
                values = _values(point, self._hints)
                devices = main_devices(self.report.begin)
                self._about = [n for d in devices for n in values.get(d, {})]
                row = {n: v for one in values.values() for n, v in one.items()}
                self._columns.tell(row)
                self._rows.append((point.point_id, row))
                self.count += 1

    def render(self) -> RenderableType:
        """See `View.render`."""
        try:
            self._last = Group(*self._above(), *self._below())
        except BecError as error:
            return Group(self._last, Text(f"({error})", style="dim"))
        return self._last

    def _above(self) -> list[RenderableType]:
        """The table of points, or the title before the first point."""
        report = self.report
        if self.count:
            return [self._table()]
        if report.is_final:
            return []
        return [Text(headline(report.request, report.scan_number), style="italic")]

    def _table(self) -> Table:
        report = self.report
        with self._lock:
            rows, columns = list(self._rows), self._columns.order(self._about)
        title = headline(report.request, report.scan_number)
        table = Table(
            title=None if report.is_final else title,  # then the text below has it
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
        if report.is_final and not self._ending:
            return []
        if report.is_final:
            found = [Text(repr(report), style=colour)]
        else:
            found = [self._progress(colour)]
        words = fit_words(report.fit)
        return [*found, Text(words)] if words else found

    def _progress(self, colour: str) -> RenderableType:
        report, total = self.report, self.report.total
        line = Text.assemble((str(report.status), colour))
        if report.status is ItemState.PENDING and (place := self._place()):
            return Text.assemble(line, f": {place}")
        if report.reason:
            line.append(f" ({report.reason})")
        line.append(f"  {self.count}{f' of {total}' if total else ''} points")
        grid = Table.grid(padding=(0, 2))
        bar = ProgressBar(total=total or 1, completed=self.count, width=30)
        grid.add_row(*([bar, line] if total else [line]))
        return grid

    def _place(self) -> str:
        """Return its place in the queue, looked up once a second at most."""
        now = time.monotonic()
        if now - self._asked > _ASK:
            self._waits, self._asked = self.report.waits, now
        return self._waits


def _values(point: Point, hints: Hints) -> dict[str, dict[str, float]]:
    """Return the numbers to show: `{"samx": {"samx": 1.0}}`."""
    found = {}
    for device, readings in point.data.items():
        numbers = {n: r.value for n, r in readings.items() if _is_number(r.value)}
        hinted = {n: numbers[n] for n in hints.get(device, ()) if n in numbers}
        own = {device: numbers[device]} if device in numbers else numbers
        found[device] = hinted or dict(list(own.items())[:1])
    return found


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _cell(value: float | None) -> str:
    return "" if value is None else f"{value:.6g}"


class MoveView:
    """Positions of the motors of one move, during and after it.

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
        before = self.report.before
        places = []
        for motor in self.motors:
            was = before.get(motor.name)
            came = (
                ""
                if was is None
                else f", was {queue_place(was, main_signal(motor.info))}"
            )
            places.append(f"{_place(motor, motor.position)}{came}")
        return Text("\n".join(places))


def _place(motor: RemoteDevice, value: Any) -> str:
    """Format the position of a motor: `samx at 1 mm`."""
    return f"{motor.name} at {queue_place(value, main_signal(motor.info))}"


def follow(
    report: ScanReport,
    dev: Devices,
    console: Console | None = None,
    *,
    ending: bool = True,
) -> ScanReport:
    """Draw a scan or a move until it has ended; return its report.

    An interrupt (Ctrl-C) aborts it, a second one halts it.

    Args:
        report: of the scan or move.
        dev: the devices there are.
        console: where it is drawn; the terminal.
        ending: print how the scan has ended; False if the caller shows the report.

    Raises:
        ScanAborted: it ended before its last point.
        DeviceError: a motor did not arrive.
    """
    is_move = report.request.name == "mv"
    view: View
    if is_move:
        view = MoveView(report, dev)
    else:
        view = ScanView(report, hints(dev.all()), ending=ending)
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
            console.line()  # which `Live` leaves out if the output is a file
    return report


def follow_to_the_file(
    report: ScanReport,
    dev: Devices,
    say: Callable[[str], object],
    *,
    ending: bool = True,
) -> ScanReport:
    """Draw it as `follow` does, then print its file, also after an abort."""
    try:
        follow(report, dev, ending=ending)
    except ScanAborted:
        with contextlib.suppress(
            BecError
        ):  # the error above is more important than the file
            _say_last_words(report, say)
        raise
    _say_last_words(report, say)
    return report


def _say_last_words(report: ScanReport, say: Callable[[str], object]) -> None:
    for line in last_words(report):
        say(line)


def last_words(report: ScanReport) -> list[str]:
    """Return the path of an ended scan's file, or the reason why there is none."""
    file = report.file
    return [*([str(file)] if file else []), *report.troubles]


_PART = 30
"""Width of the bar of the longest part, characters."""


def show_dry(block: DryBlock, console: Console | None = None) -> None:
    """Print the forecast of each scan of a dry run."""
    console = console or Console()
    for one in block:
        console.print(_forecast(one))
    if len(block) > 1:
        console.print(Text(block.headline, style="bold"))


def _forecast(one: ScanForecast) -> RenderableType:
    """Format one forecast: request, duration, motor ranges, parts of the time."""
    title = Text.assemble((summary(one.request), "bold"), f"\n{one.headline}")
    motors = Table("motor", "from", "to", "limits", "ends at")
    for row in one.rows():
        motors.add_row(*row)
    bars = Table.grid(padding=(0, 2))
    most = max(one.told.parts.values(), default=0.0)
    for part, seconds in one.told.parts.items():
        if round(seconds, 3):
            bar = "█" * max(1, round(_PART * seconds / most))
            bars.add_row(part, duration_text(seconds), Text(bar, style="cyan"))
    lines = [Text(line) for line in one.lines if not line.startswith("time: ")]
    return Group(title, *([motors] if one.told.axes else []), bars, *lines)
