"""Signals that a device sends by itself; a site adds them to its own ophyd devices.

    class MyDetector(ophyd.Device):
        spectrum = Component(AsyncSignal, ndim=1)
        picture = Component(PreviewSignal)
        file = Component(FileEventSignal)

The device calls `put`, from any thread; the device server does the rest. They are in no
reading: their kind is `omitted`.
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from ophyd import Kind, Signal
from ophyd.utils import ReadOnlyError

from bec_kernel.bus import MESSAGE_LIMIT
from bec_kernel.errors import DeviceError
from bec_kernel.wire import (
    Alignment,
    DeviceFile,
    Preview,
    Progress,
    Sample,
    SignalDescription,
    StreamMode,
)
from bec_services.device_server.devices.status import LightStatus

ONE = "value"
"""Name of the value of a stream that has only one."""
_PATIENCE = 30.0
_OVERHEAD = 64  # bytes a number takes
_LARGEST = MESSAGE_LIMIT - (2 << 20)  # bytes; a batch has others before it


@dataclass(frozen=True)
class ScanFiles:
    """The argument of a device's `scan_begins`, called before it is staged for a scan.

    Attributes:
        scan_id: unique for ever.
        scan_number: counted for people.
        folder: of this scan's files.
        stem: what their names begin with.
    """

    scan_id: str
    scan_number: int | None
    folder: Path
    stem: str

    def path(self, device: str) -> Path:
        """Return a free name for a file of this device, beside the scan's own."""
        part = 0
        while True:
            tail = f"_{part}" if part else ""
            path = self.folder / f"{self.stem}_{device}{tail}.h5"
            if not path.exists():
                return path
            part += 1


class _ReportedSignal(Signal):
    """A signal outside of readings, stamped by its device's clock."""

    def __init__(self, **kwargs: Any) -> None:
        # A component sets the kind `normal` by default.
        super().__init__(**{**kwargs, "kind": Kind.omitted})

    def set(self, value: Any, **_: Any) -> Any:
        """Refuse: it is the device that says it.

        Raises:
            ReadOnlyError: always.
        """
        raise ReadOnlyError(f"{self.name} is what the device says, not what is set")

    def now(self) -> float:
        """Return the device's time, s since the epoch."""
        clock = getattr(self.parent, "clock", None)
        return float(clock.time()) if clock is not None else time.time()


class AsyncSignal(_ReportedSignal):
    """Samples a device takes at its own pace while it is staged; none is lost.

    What is put is kept here until it is in the scan's stream; a device that has put
    more than `max_bytes` waits. Outside a scan, samples are dropped.

    Args:
        names: of its values, where there are several; each `put` is then a mapping.
        mode: `add` (rows behind each other), `add_slice` (slices behind each other in
            the row that is named) or `replace` (only the newest counts).
        ndim: dimensions of one sample's value; the lengths may vary.
        complete: every put has all `names`.
        latency: longest delay between a sample's timestamp and its `put`, s.
        align: how they become one value a point: `previous nearest linear` (at its
            middle), `mean sum` (over it), `none`; "": `nearest`, if they are numbers.
        max_bytes: so much is kept here.
    """

    def __init__(
        self,
        *,
        names: Sequence[str] = (),
        mode: str = StreamMode.ADD,
        ndim: int = 0,
        complete: bool = True,
        latency: float = 0.0,
        align: str = "",
        max_bytes: int = 64 << 20,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.names = tuple(names) or (ONE,)
        self.mode = StreamMode(mode)
        self.ndim = ndim
        self.latency = latency
        self.align = _alignment(align, self.mode, ndim)
        self._complete = complete
        self._max_bytes = max_bytes
        self._changed = threading.Condition()
        self._kept: deque[tuple[StreamMode, Sample, LightStatus]] = deque()
        self._bytes = 0
        self._first = 0
        self._scan = ""
        self._open = False
        self._notify: Callable[[], object] | None = None

    @property
    def index(self) -> int:
        """Number of the next sample in this scan: a device that was killed goes on."""
        return self._first + len(self._kept)

    def put(
        self,
        value: Any,
        *,
        timestamp: float | Sequence[float] | None = None,
        mode: str | None = None,
        row: int = 0,
        **_: Any,
    ) -> LightStatus:
        """Send one sample, or several: values with one dimension more than a sample.

        Args:
            value: of one sample; a mapping, where there are several names.
            timestamp: s since the epoch; one a sample, or one for all.
            mode: another one than the signal's own.
            row: where a slice belongs, in mode `add_slice`.

        Returns:
            A status that is done when the samples are in the scan's stream.

        Raises:
            ValueError: a value is missing, or has other dimensions.
            DeviceError: no sample was taken for 30 s, and `max_bytes` are kept.
        """
        kind = StreamMode(mode or self.mode)
        when = self.now() if timestamp is None else timestamp
        samples = list(self._samples(self._named(value), when, row))
        status = LightStatus()
        if not samples or not self._keep(kind, samples, status):
            status.set_finished()
        if samples:
            super().put(value, timestamp=samples[-1].timestamp, force=True)
        return status

    def _named(self, value: Any) -> dict[str, Any]:
        if not isinstance(value, Mapping):
            if self.names != (ONE,):
                names = ", ".join(self.names)
                raise ValueError(f"{self.name} takes a mapping with {names}")
            value = {ONE: value}
        unknown = sorted(set(value) - set(self.names))
        missing = sorted(set(self.names) - set(value)) if self._complete else []
        if unknown or missing or not value:
            raise ValueError(
                f"{self.name} has {', '.join(self.names)}; not known: "
                f"{', '.join(unknown) or '-'}, missing: {', '.join(missing) or '-'}"
            )
        return {name: _plain(one) for name, one in value.items()}

    def _samples(
        self, values: dict[str, Any], when: float | Sequence[float], row: int
    ) -> Iterator[Sample]:
        ranks = {name: np.ndim(one) - self.ndim for name, one in values.items()}
        if set(ranks.values()) == {0}:
            yield Sample(float(np.ravel(when)[-1]), values, row)
            return
        counts = {np.shape(one)[:1] for one in values.values()}
        if set(ranks.values()) != {1} or len(counts) != 1:
            raise ValueError(f"{self.name} takes samples of {self.ndim} dimensions")
        stamps = np.broadcast_to(np.asarray(when, float), counts.pop())
        for number, stamp in enumerate(stamps):
            part = {name: _plain(one[number]) for name, one in values.items()}
            yield Sample(float(stamp), part, row)

    def _keep(
        self, mode: StreamMode, samples: list[Sample], status: LightStatus
    ) -> bool:
        sizes = [_size(one) for one in samples]
        if max(sizes) > _LARGEST:
            raise ValueError(
                f"{self.name}: a sample of {max(sizes) / 1e6:.1f} MB is too large for "
                "a stream; what is so large goes to a file (FileEventSignal)"
            )
        size = sum(sizes)
        with self._changed:
            if not self._changed.wait_for(lambda: self._has_room(size), _PATIENCE):
                raise DeviceError(
                    f"{self.name}: its samples are not taken, {self._bytes >> 20} MB "
                    "wait; the next ones are lost",
                    subject=self.name,
                )
            if not self._open:
                return False
            done = LightStatus.finished()
            for one in samples[:-1]:
                self._kept.append((mode, one, done))
            self._kept.append((mode, samples[-1], status))
            self._bytes += size
            notify = self._notify
        if notify is not None:
            notify()
        return True

    def _has_room(self, size: int) -> bool:
        fits = self._bytes + size <= self._max_bytes
        return fits or not self._open or not self._kept

    # --- what the device server does with it ------------------------------------------
    def begin(
        self, scan_id: str, index: int, notify: Callable[[], object] | None = None
    ) -> None:
        """Keep samples from now on; `index` of this scan's are in its stream already.

        What is kept from a life before, and is not there yet, comes behind. `notify` is
        called when there is something to take.
        """
        with self._changed:
            there = index - self._first if scan_id == self._scan else len(self._kept)
            done = self._drop(min(max(there, 0), len(self._kept)))
            self._scan, self._first, self._open = scan_id, index, True
            self._notify = notify
        for status in done:
            status.set_finished()

    @property
    def waiting(self) -> int:
        """How many samples are kept."""
        return len(self._kept)

    def kept(self, most: int) -> list[tuple[StreamMode, Sample]]:
        """List the samples that are not in the stream yet, oldest first."""
        with self._changed:
            found = zip(range(most), self._kept, strict=False)
            return [(mode, sample) for _, (mode, sample, _) in found]

    def taken(self, count: int) -> None:
        """So many of them are in the stream now."""
        with self._changed:
            done = self._drop(count)
            self._first += count
            self._changed.notify_all()
        for status in done:
            status.set_finished()

    def end(self) -> None:
        """Keep no more."""
        with self._changed:
            self._open = False
            self._changed.notify_all()

    def _drop(self, count: int) -> list[LightStatus]:
        gone = [self._kept.popleft() for _ in range(count)]
        self._bytes -= sum(_size(sample) for _, sample, _ in gone)
        return [status for _, _, status in gone]


class PreviewSignal(_ReportedSignal):
    """The newest picture or curve, for people to look at; what is too fast is left out.

    Args:
        ndim: 1 for a curve, 2 for a picture.
        rotation: quarter turns, counter-clockwise.
        transpose: rows become columns.
    """

    def __init__(
        self, *, ndim: int = 2, rotation: int = 0, transpose: bool = False, **kw: Any
    ) -> None:
        super().__init__(**kw)
        self.ndim = ndim
        self._rotation = rotation
        self._transpose = transpose

    def put(self, value: Any, *, timestamp: float | None = None, **_: Any) -> None:
        """Show an array.

        Raises:
            ValueError: it has other dimensions.
        """
        picture = np.asarray(value)
        if picture.ndim != self.ndim:
            raise ValueError(f"{self.name} shows {self.ndim} dimensions")
        if self.ndim == 2:
            picture = np.rot90(picture, self._rotation)
            picture = picture.T if self._transpose else picture
        when = self.now() if timestamp is None else timestamp
        shown = Preview(value=picture, timestamp=when)
        super().put(shown, timestamp=when, force=True)


class ProgressSignal(_ReportedSignal):
    """How far a device has come with what it does."""

    def put(
        self,
        value: float,
        *,
        max_value: float = 1.0,
        done: bool = False,
        timestamp: float | None = None,
        **_: Any,
    ) -> None:
        """Say that `value` of `max_value` is done."""
        when = self.now() if timestamp is None else timestamp
        progress = Progress(value=value, max_value=max_value, done=done, timestamp=when)
        super().put(progress, timestamp=when, force=True)


class FileEventSignal(_ReportedSignal):
    """A file that a device writes by itself; the scan's file links what is in it."""

    def put(
        self,
        path: str,
        *,
        entries: Mapping[str, str] | None = None,
        done: bool = False,
        successful: bool = True,
        timestamp: float | None = None,
        **_: Any,
    ) -> None:
        """Tell of a file: best when it is begun (staging), and when it is complete.

        Args:
            path: of the file.
            entries: what to link: name below the device in the scan's file, and path
                in this one.
            done: it is complete.
            successful: and as it should be.
            timestamp: s since the epoch.
        """
        when = self.now() if timestamp is None else timestamp
        file = DeviceFile(
            device=self.root.name,
            path=str(path),
            entries=dict(entries or {}),
            done=done,
            successful=successful,
            timestamp=when,
        )
        super().put(file, timestamp=when, force=True)


def signals_of(device: Any) -> list[Any]:
    """Return all signals of a device, or the device where it is a bare signal."""
    if isinstance(device, Signal):
        return [device]
    if not hasattr(device, "walk_signals"):
        return []
    return [walk.item for walk in device.walk_signals()]


def published(device: Any) -> list[SignalDescription]:
    """Describe the signals a device sends by itself, as published on the bus."""
    return [
        SignalDescription(
            name=one.name,
            kind="omitted",
            dtype="array" if one.ndim else "number",
            stream=list(one.names),
            align=one.align,
        )
        for one in signals_of(device)
        if isinstance(one, AsyncSignal)
    ]


def _alignment(asked: str, mode: StreamMode, ndim: int) -> Alignment | None:
    """Return the alignment that `align` names; "": that of the signal's shape.

    Raises:
        ValueError: the name is unknown, or a sample is not a single number.
    """
    scalar = ndim == 0 and mode is not StreamMode.ADD_SLICE
    if asked in ("", "none"):
        return Alignment.NEAREST if scalar and not asked else None
    if not scalar:
        raise ValueError(f"align={asked!r:.40}: only numbers are aligned, not arrays")
    return Alignment(asked)


def _plain(value: Any) -> Any:
    """Return numbers as Python's, arrays as a copy: a device may use its own again.

    Raises:
        ValueError: it cannot travel.
    """
    if isinstance(value, str | bool | float):
        return value
    array = np.array(value)
    if array.dtype.kind not in "biuf":
        raise ValueError(f"a sample has numbers, not {value!r:.60}")
    return array if array.ndim else array.item()


def _size(sample: Sample) -> int:
    return sum(getattr(v, "nbytes", 0) + _OVERHEAD for v in sample.values.values())
