"""Pure: results of a scan: whole points, baseline, the seal, the file, a fit."""

from typing import Any

from bec_kernel.wire._base import Message, Readings, Times
from bec_kernel.wire._states import PointStatus, ScanState


class Point(Message, frozen=True, kw_only=True):
    """Every monitored device's readings of one point, whole. Written by the bundler.

    Attributes:
        index: of the step that completed it.
        point_id: counts the scan's points from 0.
        attempt: which try of this point the data come from, from 1.
        begin: first trigger, s since the epoch, device server's clock.
        end: last trigger done, the same.
        data: readings, by device.
        life: device server's life that took them, by server.
        status: of each device whose part is not `good`.
        times: where the time since the point before went.
    """

    index: int
    point_id: int
    attempt: int
    begin: float
    end: float
    data: dict[str, Readings]
    life: dict[str, int] = {}
    status: dict[str, PointStatus] = {}
    times: Times | None = None


class Baseline(Message, frozen=True, kw_only=True):
    """Readings taken once: baseline and configuration. Written by the bundler.

    A scan may have several of these, before its first point; what is in them adds up.

    Attributes:
        index: of the step that took it.
        data: readings of the baseline devices, by device.
        configuration: readings of config signals, by device.
        configuration_units: engineering unit of each of them that has one.
    """

    index: int
    data: dict[str, Readings]
    configuration: dict[str, Readings] = {}
    configuration_units: dict[str, str] = {}


class Seal(Message, frozen=True, kw_only=True):
    """Last entry of a point log: nothing follows.

    Attributes:
        index: of the last step.
        points: how many there are.
        state: the scan's final state.
        reason: why it ended so.
        time: end of the scan, s since the epoch, device server's clock.
    """

    index: int
    points: int
    state: ScanState
    reason: str
    time: float


PointEntry = Point | Baseline | Seal


class FileDone(Message, frozen=True, kw_only=True):
    """The scan's file is complete, closed and on disk. Written by the file writer."""

    path: str
    points: int


class Fit(Message, frozen=True, kw_only=True):
    """A model fitted to the points so far. Written by the data analysis.

    Attributes:
        points: how many points it knows.
        model: lmfit's name of the model.
        x: signal on the axis.
        y: signal that was fitted.
        values: the model's parameters, in units of x and y.
        errors: their standard errors, where lmfit could tell.
        curve: the fitted curve, shape (2, n): x and y.
        final: the scan has ended; no other follows.
        message: why there are no values, where there are none.
    """

    points: int
    model: str
    x: str
    y: str
    values: dict[str, float] = {}
    errors: dict[str, float] = {}
    curve: list[list[float]] = []
    final: bool = False
    message: str = ""

    def __repr__(self) -> str:
        """Return it without its curve."""
        values = ", ".join(f"{name}={value:.6g}" for name, value in self.values.items())
        return f"Fit({self.model} of {self.y}: {values or self.message})"


class Written(Message, frozen=True, kw_only=True):
    """How far a running scan's file is on disk: what it holds may leave the bus.

    Written by the file writer, only of scans with very many points. It holds all
    that a new file needs besides the rows of the old one.

    Attributes:
        path: of the file.
        upto: place of the last entry in the scan's log of points that is in it.
        columns: device, signal, dtype as numpy writes it, and shape of one value, of
            each column, in order.
        baseline: readings, by device.
        configuration: readings of config signals, by device.
        configuration_units: engineering unit of each of them that has one.
    """

    path: str
    upto: tuple[int, int]
    columns: list[tuple[str, str, str, list[int]]] = []
    baseline: dict[str, Readings] = {}
    configuration: dict[str, Readings] = {}
    configuration_units: dict[str, str] = {}


class ReadFile(Message, frozen=True, kw_only=True):
    """Read a part of a scan's file. Written by the asker.

    Of a scan that still runs only what `Written` tells of is sure to be there.

    Attributes:
        request_id: unique for ever.
        scan_id: of the scan.
        path: of its file, below the folder of the instance's files or absolute; only
            looked at where the bus does not know the scan's file any more.
        item: path of a group or dataset in it.
        start: first index, one a dimension from the first one on; empty: from the
            begin.
        stop: behind the last index, the same; empty: to the end.
        look: say what there is, and read nothing.
    """

    request_id: str
    scan_id: str = ""
    path: str = ""
    item: str = "/"
    start: list[int] = []
    stop: list[int] = []
    look: bool = False


class FilePart(Message, frozen=True, kw_only=True):
    """A part of a file. Written by the file writer, as a reply's value.

    Attributes:
        names: of what lies in a group; empty for a dataset.
        shape: of the whole dataset.
        dtype: of its values, as numpy writes it; empty for a group.
        value: what was asked for: an array, or a list of texts.
        attrs: of the item.
    """

    names: list[str] = []
    shape: list[int] = []
    dtype: str = ""
    value: Any = None
    attrs: dict[str, Any] = {}
