"""Simulated detectors with many pixels: a camera and a waveform."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from ophyd import Component, Device, Kind

from bec_kernel.wire import StreamMode
from bec_services.device_server import Clock, DeviceState
from bec_services.device_server.devices import (
    AsyncSignal,
    FileEventSignal,
    PreviewSignal,
    ScanFiles,
)
from bec_sim.devices.checked import whole
from bec_sim.devices.detectors.detector import SimDetector
from bec_sim.devices.device import SimSignal

if TYPE_CHECKING:
    from bec_sim.devices.detectors.frames import FrameFile

IMAGES = ("gaussian", "constant", "spots")
_SPOTS = 12
_SLICES = 10
_WIDEST = 4096
_LONGEST = 1_000_000


class SimCamera(SimDetector):
    """A camera whose picture is as bright as its model says.

    Keys of a reading: `<name>_total` (hinted), `<name>_mean`, `<name>_max`,
    `<name>_exposures`. The picture itself, `uint16` of `shape` rows and columns, is in
    the signal `frame`, which is in no reading: subscribe to it. It is shown small as
    preview and, with `write_to_disk`, kept in a file of the camera's own, which the
    scan's file links as `frames`, `exposure` and `timestamp`.

    Args:
        shape: Rows and columns, pixels.
        image: `gaussian` (a spot in the middle), `constant` or `spots`.
        hot_pixels: number of pixels that are always at their highest value.
        write_to_disk: keep all pictures of a scan.
        compress: keep them compressed.
    """

    total = Component(SimSignal, kind=Kind.hinted, value=0)
    mean = Component(SimSignal, kind=Kind.normal, value=0.0)
    max = Component(SimSignal, kind=Kind.normal, value=0)
    frame = Component(SimSignal, kind=Kind.omitted)
    preview = Component(PreviewSignal, ndim=2)
    file = Component(FileEventSignal)

    _DEFAULT_MODEL = "ConstantModel"

    def __init__(
        self,
        prefix: str = "",
        *,
        name: str,
        clock: Clock,
        devices: Mapping[str, Device] | None = None,
        state: DeviceState | None = None,
        shape: Sequence[int] = (100, 100),
        image: str = "gaussian",
        hot_pixels: int = 0,
        write_to_disk: bool = False,
        compress: bool = False,
        noise: str = "poisson",
        **kwargs: Any,
    ) -> None:
        super().__init__(
            prefix,
            name=name,
            clock=clock,
            devices=devices,
            state=state,
            noise=noise,
            **kwargs,
        )
        if image not in IMAGES:
            raise ValueError(f"no image {image!r}: there is {', '.join(IMAGES)}")
        rows, columns = (whole(f"{name}: shape", n, 1, _WIDEST) for n in shape)
        self._pattern = _pattern(image, (rows, columns))
        count = whole(f"{name}: hot_pixels", hot_pixels, 0, rows * columns)
        self._hot = _hot(count, self._pattern.shape)
        self._write_to_disk = write_to_disk
        self._compress = compress
        self._place: ScanFiles | None = None
        self._frames: FrameFile | None = None
        self.frame.show(np.zeros(self._pattern.shape, np.uint16))

    def scan_begins(self, place: ScanFiles) -> None:
        """Take note of where files belong; called before it is staged for a scan."""
        self._place = place

    def stage(self) -> list[object]:
        """Make ready; begin the file, if there is to be one."""
        staged = super().stage()
        if self._write_to_disk and self._place is not None and self._frames is None:
            from bec_sim.devices.detectors.frames import ENTRIES, FrameFile

            path = self._place.path(self.name)
            shape = self._pattern.shape
            self._frames = FrameFile(path, shape, compress=self._compress)
            self.file.put(path, entries=ENTRIES)
        return staged

    def unstage(self) -> list[object]:
        """Put back; the file is complete."""
        frames, self._frames = self._frames, None
        if frames is not None:
            self._place = None
            frames.close()
            self.file.put(frames.path, done=True)
        return super().unstage()

    @property
    def last_frame(self) -> npt.NDArray[np.uint16]:
        """The newest picture, rows by columns."""
        frame: npt.NDArray[np.uint16] = self.frame.get()
        return frame

    def _expose(self, number: int, timestamp: float) -> None:
        noisy = self._noise.add(self._pattern * self._signal(), number)
        frame = np.clip(noisy, 0, np.iinfo(np.uint16).max).astype(np.uint16)
        self.total.show(int(frame.sum(dtype=np.uint64)), timestamp)
        self.mean.show(float(frame.mean()), timestamp)
        self.max.show(int(frame.max()), timestamp)
        frame[self._hot] = np.iinfo(np.uint16).max
        self.frame.show(frame, timestamp)
        self.preview.put(frame, timestamp=timestamp)
        if self._frames is not None:
            self._frames.append(frame, number, timestamp)


class SimWaveform(SimDetector):
    """An array a trigger, for instance a spectrum: the model over the samples' numbers.

    Keys of a reading: `<name>` (hinted, a float array) and `<name>_exposures`. With
    `async_update` it also sends each array by itself, as its readout priority `async`
    wants it.

    Args:
        async_update: `add`, `add_slice` (ten slices an array) or `replace`.
        waveform_shape: Number of samples.
        params: Of the model, in samples; a peak in the middle by default.
    """

    waveform = Component(SimSignal, kind=Kind.hinted)
    stream = Component(AsyncSignal, ndim=1)

    def __init__(
        self,
        prefix: str = "",
        *,
        name: str,
        clock: Clock,
        devices: Mapping[str, Device] | None = None,
        state: DeviceState | None = None,
        waveform_shape: int = 1000,
        model: str = "GaussianModel",
        params: Mapping[str, Any] | None = None,
        noise: str = "uniform",
        async_update: str | None = None,
        **kwargs: Any,
    ) -> None:
        whole(f"{name}: waveform_shape", waveform_shape, 1, _LONGEST)
        if params is None and model == "GaussianModel":
            params = {
                "height": 100.0,
                "center": waveform_shape / 2,
                "sigma": waveform_shape / 20,
            }
        super().__init__(
            prefix,
            name=name,
            clock=clock,
            devices=devices,
            state=state,
            model=model,
            params=params,
            noise=noise,
            **kwargs,
        )
        self._mode = StreamMode(async_update) if async_update else None
        self._row = 0
        self._samples = np.arange(waveform_shape, dtype=float)
        self.waveform.name = self.name
        self.waveform.show(np.zeros(waveform_shape))

    def _expose(self, number: int, timestamp: float) -> None:
        values = self._noise.add(self.sim.model(self._samples), number)
        array = np.asarray(values, dtype=float)
        self.waveform.show(array, timestamp)
        if self._mode is StreamMode.ADD_SLICE:
            for part in np.array_split(array, _SLICES):
                self.stream.put(
                    part, timestamp=timestamp, mode=self._mode, row=self._row
                )
            self._row += 1
        elif self._mode is not None:
            self.stream.put(array, timestamp=timestamp, mode=self._mode)

    def stage(self) -> list[object]:
        """Make ready: slices belong to the rows behind those that are there."""
        self._row = self.stream.index // _SLICES
        return super().stage()


def _hot(count: int, shape: tuple[int, ...]) -> tuple[npt.NDArray[np.intp], ...]:
    rng = np.random.default_rng(1)
    return tuple(rng.integers(0, n, count) for n in shape)


def _pattern(image: str, shape: tuple[int, int]) -> npt.NDArray[np.float64]:
    """The picture at brightness 1, its highest pixel 1."""
    rows, columns = shape
    if image == "constant":
        return np.ones(shape)
    if image == "gaussian":
        return _spot(shape, rows / 2, columns / 2, min(shape) / 10)
    rng = np.random.default_rng(0)
    spots = rng.uniform((0, 0), shape, (_SPOTS, 2))
    picture = sum(_spot(shape, row, column, 1.5) for row, column in spots)
    return np.asarray(picture / np.max(picture))


def _spot(
    shape: tuple[int, int], row: float, column: float, sigma: float
) -> npt.NDArray[np.float64]:
    rows, columns = np.ogrid[: shape[0], : shape[1]]
    square = (rows - row) ** 2 + (columns - column) ** 2
    return np.asarray(np.exp(-square / (2 * sigma**2)))
