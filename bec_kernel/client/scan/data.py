"""The data of one scan: tables, devices, streams, and what is said of it."""

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

from bec_kernel.client.devices import Difference
from bec_kernel.client.scan import dataframes
from bec_kernel.client.scan.diff import difference, told
from bec_kernel.client.scan.file_streams import (
    aligned_of,
    begin_of,
    first_of,
    stream_of_file,
    streams_of_file,
)
from bec_kernel.client.scan.plot import ScanPlot, choose, draw, numbers
from bec_kernel.client.scan.signals import DevicesData, Load, SignalData
from bec_kernel.client.scan.source import FiledScan
from bec_kernel.client.scan.streams import AtPoints, aligned, column, samples, unit_of
from bec_kernel.client.scan.timing import Timing
from bec_kernel.errors import RefusedError
from bec_kernel.language import ending_text, fit_words, headline, summary
from bec_kernel.scan import devices_of, streams_of
from bec_kernel.wire import Point, Reading, Remark

if TYPE_CHECKING:
    import pandas
    import xarray

    from bec_kernel.client.scan.gridded import Places

_READ = ("hinted", "normal")


class ScanData(FiledScan):
    """One scan's data, before, during and after it."""

    _filed_aligned: AtPoints | None = None

    # --- tables -----------------------------------------------------------------------
    def to_pandas(
        self, *, aligned: bool = False, timestamps: bool = False, timing: bool = False
    ) -> "pandas.DataFrame":
        """Return the points so far: one row a point, one column a signal.

        Args:
            aligned: add what devices sent by themselves, one value a point, as each
                signal says: at its middle or over its length. A row that is not
                known yet is empty.
            timestamps: add a column `<signal>_timestamp` (s since the epoch) to each.
            timing: add columns `time_move` … `time_overhead`: where the time of the
                point went, s.
        """
        points = self._points()
        return dataframes.to_pandas(
            points,
            self._columns(),
            self._aligned(aligned).readings,
            timestamps=timestamps,
            timing=timing,
        )

    def to_xarray(
        self, *, aligned: bool = False, timing: bool = False
    ) -> "xarray.Dataset":
        """Return the points so far over `point_id`, with units as attributes.

        Those of a grid scan that has begun lie over its motors, the slowest first:
        each point at its crossing, also when snaked; not a number where none was
        taken. The motors' setpoints are the coordinates: what was read of a motor
        `samx` is in `samx_readback`. `point_id` is a coordinate over the grid.

        Args:
            aligned: add what devices sent by themselves; see `to_pandas`.
            timing: add variables `time_move` … `time_overhead`: where the time of the
                point went, s.
        """
        attributes = {"scan_number": self.scan_number, "request": summary(self.request)}
        more, points = self._aligned(aligned), self._points()
        return dataframes.to_xarray(
            points,
            self._columns(),
            more.readings,
            more.units | self._units(),
            attributes,
            timing=timing,
            places=self._places(points),
        )

    def _places(self, points: list[Point]) -> "Places":
        from bec_kernel.client.scan.gridded import places_of
        from bec_kernel.scan import first_setpoints

        if self._is_emptied:
            return places_of(points, begin_of(self.hdf5), first_of(self.hdf5))
        begin = self.begin
        if begin is None:
            return places_of(points, None, {})
        first = self._reader.retry(lambda: first_setpoints(self._bus, begin))
        return places_of(points, begin, first)

    def _columns(self) -> dict[str, list[Any]]:
        """Return one list of readings a signal; its columns before the first point."""
        points = self._points()
        begin = self.begin
        if points or begin is None:
            motors = begin.motors if begin else map(str, self.request.args)
            return dataframes.columns(points, list(motors))
        devices = self._reader.retry(lambda: devices_of(self._bus, begin))
        return {
            signal.name: []
            for name in begin.monitored
            if name in devices
            for signal in devices[name].signals
            if signal.kind in _READ and not signal.stream
        }

    def _units(self) -> dict[str, str]:
        if self.begin is None and self._is_emptied:
            return self._from_file().units
        return self.begin.units if self.begin else {}

    def _aligned(self, wanted: bool) -> AtPoints:
        if not wanted:
            return AtPoints({}, {})
        if self._is_emptied:
            if self._filed_aligned is None:
                self._filed_aligned = aligned_of(self.hdf5)
            return self._filed_aligned
        begin = self.begin
        if begin is None:
            return AtPoints({}, {})
        return self._reader.retry(lambda: aligned(self._bus, begin))

    def plot(self, y: str = "", x: str = "", *, aligned: bool = False) -> ScanPlot:
        """Return a picture of the points so far; a notebook shows it.

        Args:
            y: signal to draw; "": the one that is fitted, or the first that varies.
            x: signal on the axis, or `point_id`; "": the scan's first motor.
            aligned: what devices sent by themselves can be drawn, too.

        Raises:
            RefusedError: there is no such signal.
        """
        columns = dict(self._columns())
        points = self._points()
        for name, readings in self._aligned(aligned).readings.items():
            columns[name] = [readings.get(point.point_id) for point in points]
        found, fit = numbers(columns), self.fit
        motors = self.begin.motors if self.begin else list(map(str, self.request.args))
        x, y = choose(found, motors, fit, x, y)
        told = ending_text(str(self.status), self.reason, self.count)
        return draw(
            found,
            x,
            y,
            fit,
            units=self._units(),
            title=headline(self.request, self.scan_number),
            notes=[told, fit_words(fit)],
        )

    @property
    def timing(self) -> Timing:
        """Where the time of its points went, in sum."""
        return Timing.of(self._points())

    # --- by name ----------------------------------------------------------------------
    @property
    def devices(self) -> DevicesData:
        """What was read: `report.devices.samx.readback.value`, one value a point.

        Devices of the baseline have one value. Those that send by themselves are in
        `async_`. How one was set up: `report.devices.samx.configuration`.
        """
        found: dict[str, dict[str, list[Reading | None]]] = {}
        for device, readings in self.baseline.items():
            found[device] = {name: [one] for name, one in readings.items()}
        names: dict[str, dict[str, None]] = {}
        points = self._points()
        for point in points:
            for device, readings in point.data.items():
                names.setdefault(device, {}).update(dict.fromkeys(readings))
        for device, signals in names.items():
            found[device] = {
                name: [point.data.get(device, {}).get(name) for point in points]
                for name in signals
            }
        loads = {
            device: {name: self._load(name, some) for name, some in signals.items()}
            for device, signals in sorted(found.items())
        }
        title = f"devices of scan {self.scan_number}"
        return DevicesData(title, loads, lambda: self.configuration)

    def _load(self, name: str, readings: list[Reading | None]) -> Load:
        unit = self._units().get(name, "")
        return lambda: _signal(name, readings, unit)

    @property
    def async_(self) -> DevicesData:
        """What devices sent by themselves: `report.async_.counter.stream.value`.

        One value a sample, so far; of samples that replace each other the newest, of
        slices the rows they are put together to. `to_pandas(aligned=True)` has one
        value a point.
        """
        loads: dict[str, dict[str, Load]] = {}
        for device, signal, load in self._sent():
            loads.setdefault(device, {})[signal] = load
        return DevicesData(f"streams of scan {self.scan_number}", loads)

    def _sent(self) -> Iterator[tuple[str, str, Load]]:
        """Yield device and name of all that is sent, and how to get it."""
        if self._is_emptied:
            for name, signal in streams_of_file(self.hdf5):
                yield name, signal, partial(stream_of_file, self.hdf5, name, signal)
            return
        begin = self.begin
        if begin is None:
            return
        for device, sent in streams_of(self._bus, begin):
            for name in sent.stream:
                unit = unit_of(begin, sent)
                load = self._stream(device.name, sent.name, name, unit)
                yield device.name, column(sent.name, name), load

    def _stream(self, device: str, signal: str, name: str, unit: str) -> Load:
        def load() -> SignalData:
            found = self._reader.retry(
                lambda: samples(self._bus, self.scan_id, device, signal, name)
            )
            return _signal(column(signal, name), list(found), unit)

        return load

    # --- people -----------------------------------------------------------------------
    def diff(self, other: "ScanData | int | str") -> Difference:
        """Return what is different in `other`: request, metadata, baseline, devices.

        And how devices that take part in both were set up. A line a difference:
        `~ steps: 11 -> 21`, `+ device samy`, `- device bpm4i`.

        Args:
            other: a report, or the number or id of a scan: `diff(-1)`.

        Raises:
            NoScanError: there is no such scan.
            NotAScanError: it is no scan.
        """
        if not isinstance(other, ScanData):
            scan_id, number = self._past.which(other)
            other = ScanData(self._bus, self._reader, scan_id, number=number)
        return Difference(difference(told(self), told(other)))

    @property
    def comments(self) -> list[Remark]:
        """What people said of it, in that order."""
        known = self._past.scan(self.scan_id)
        return list(known.comments) if known else []

    @property
    def tags(self) -> list[str]:
        """Words people gave it; `history.find(tag=…)` finds it by them."""
        known = self._past.scan(self.scan_id)
        return list(known.tags) if known else []

    def comment(self, text: str) -> None:
        """Say something of it, for everyone and for good.

        Raises:
            RefusedError: it is empty, or too long; or the database does not know the
                scan yet.
        """
        if not str(text).strip():
            raise RefusedError("an empty comment says nothing", subject="comment")
        self._past.annotate(self.scan_id, comment=text)

    def tag(self, *words: str) -> None:
        """Give it words it is found by; each once."""
        self._past.annotate(self.scan_id, tags=words)

    def untag(self, *words: str) -> None:
        """Take such words away, whoever gave them."""
        self._past.annotate(self.scan_id, untag=words)


def _signal(name: str, readings: list[Reading | None], unit: str) -> SignalData:
    import numpy as np

    values = [None if one is None else one.value for one in readings]
    nan = float("nan")
    times = np.array([nan if one is None else one.timestamp for one in readings])
    return SignalData(name, dataframes.array(values), times, unit)
