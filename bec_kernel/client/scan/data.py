"""The data of one scan: tables, picture, devices and streams."""

from functools import partial
from typing import TYPE_CHECKING, Any

from bec_kernel.client.scan import dataframes
from bec_kernel.client.scan.plot import ScanPlot, choose, draw, numbers
from bec_kernel.client.scan.record import ScanRecord
from bec_kernel.client.scan.signals import AtPoints, DevicesData, Load, signal_data
from bec_kernel.client.scan.source import ScanSource
from bec_kernel.client.scan.timing import Timing
from bec_kernel.language import ending_text, fit_words, headline, summary
from bec_kernel.scan import devices_of
from bec_kernel.wire import Point, Reading

if TYPE_CHECKING:
    import pandas
    import xarray

_READ = ("hinted", "normal")


class ScanData:
    """Tables and arrays of one scan, before, during and after it.

    Args:
        record: state of the scan.
        source: of its points, baseline and streams.
    """

    def __init__(self, record: ScanRecord, source: ScanSource) -> None:
        self._record = record
        self._source = source

    # --- tables -----------------------------------------------------------------------
    def to_pandas(
        self, *, aligned: bool = False, timestamps: bool = False, timing: bool = False
    ) -> "pandas.DataFrame":
        """See `ScanReport.to_pandas`."""
        points = self._source.points()
        return dataframes.to_pandas(
            points,
            self._columns(points),
            self._aligned(aligned).readings,
            timestamps=timestamps,
            timing=timing,
        )

    def to_xarray(
        self, *, aligned: bool = False, timing: bool = False
    ) -> "xarray.Dataset":
        """See `ScanReport.to_xarray`."""
        record = self._record
        attributes = {
            "scan_number": record.scan_number,
            "request": summary(record.request),
        }
        more, points = self._aligned(aligned), self._source.points()
        return dataframes.to_xarray(
            points,
            self._columns(points),
            more.readings,
            more.units | self._source.units,
            attributes,
            timing=timing,
            places=self._places(points),
        )

    def _places(self, points: list[Point]) -> dataframes.Places:
        begin = self._source.begin
        first = {} if begin is None else self._source.first_setpoints()
        return dataframes.places_of(points, begin, first)

    def _columns(self, points: list[Point]) -> dict[str, list[Any]]:
        """Return one list of readings per signal; all empty before the first point."""
        begin = self._record.begin
        if points or begin is None:
            return dataframes.columns(points, self._record.motors)
        devices = self._record.reader.retry(lambda: devices_of(self._record.bus, begin))
        return {
            signal.name: []
            for name in begin.monitored
            if name in devices
            for signal in devices[name].signals
            if signal.kind in _READ and not signal.stream
        }

    def _aligned(self, wanted: bool) -> AtPoints:
        return self._source.aligned() if wanted else AtPoints({}, {})

    def plot(self, y: str = "", x: str = "", *, aligned: bool = False) -> ScanPlot:
        """See `ScanReport.plot`."""
        record, points, fit = self._record, self._source.points(), self._source.fit
        columns = self._columns(points)
        for name, readings in self._aligned(aligned).readings.items():
            columns[name] = [readings.get(point.point_id) for point in points]
        found = numbers(columns)
        x, y = choose(found, record.motors, fit, x, y)
        ended = ending_text(str(record.status), record.reason, record.count)
        return draw(
            found,
            x,
            y,
            fit,
            units=self._source.units,
            title=headline(record.request, record.scan_number),
            notes=[ended, fit_words(fit)],
        )

    @property
    def timing(self) -> Timing:
        """See `ScanReport.timing`."""
        return Timing.of(self._source.points())

    # --- by name ----------------------------------------------------------------------
    @property
    def devices(self) -> DevicesData:
        """See `ScanReport.devices`."""
        found: dict[str, dict[str, list[Reading | None]]] = {}
        for device, readings in self._source.baseline.items():
            found[device] = {name: [one] for name, one in readings.items()}
        names: dict[str, dict[str, None]] = {}
        points = self._source.points()
        for point in points:
            for device, readings in point.data.items():
                names.setdefault(device, {}).update(dict.fromkeys(readings))
        for device, signals in names.items():
            found[device] = {
                name: [point.data.get(device, {}).get(name) for point in points]
                for name in signals
            }
        units = self._source.units if found else {}
        loads: dict[str, dict[str, Load]] = {
            device: {
                name: partial(signal_data, name, some, units.get(name, ""))
                for name, some in signals.items()
            }
            for device, signals in sorted(found.items())
        }
        title = f"devices of scan {self._record.scan_number}"
        return DevicesData(title, loads, lambda: self._source.configuration)

    @property
    def async_(self) -> DevicesData:
        """See `ScanReport.async_`."""
        loads: dict[str, dict[str, Load]] = {}
        for device, signal, load in self._source.streams():
            loads.setdefault(device, {})[signal] = load
        return DevicesData(f"streams of scan {self._record.scan_number}", loads)
