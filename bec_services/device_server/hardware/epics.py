"""Small ophyd devices for Channel Access.

Motors are ophyd's own `EpicsMotor`. Beware of its `stop`: it finishes the pending move
with success, because all it sees is that the motor stands still. Whoever stops a motor
has to remember that the move did not arrive.
"""

import threading
from typing import Any

import ophyd
from ophyd import Component, Device, EpicsSignal, EpicsSignalRO, Kind

from bec_services.device_server.devices import (
    ActionStopped,
    FileEventSignal,
    LightStatus,
    ScanFiles,
)


class _Exposed(Device):
    """Exposed by a put to `acquire` that completes when its data is there."""

    acquire = Component(EpicsSignal, ":Acquire", kind=Kind.omitted)

    def __init__(self, prefix: str = "", *, name: str, **kwargs: Any) -> None:
        super().__init__(prefix, name=name, **kwargs)
        self._lock = threading.Lock()
        self._exposing: LightStatus | None = None

    def trigger(self) -> LightStatus:
        """Expose; done when the counts can be read.

        Raises:
            RuntimeError: it is exposing already.
        """
        status = LightStatus()
        with self._lock:
            if self._exposing is not None and not self._exposing.done:
                raise RuntimeError(f"{self.name} is exposing already; stop it first")
            self._exposing = status
        self.acquire.put(
            1, use_complete=True, callback=lambda **_: status.set_finished()
        )
        return status

    def stop(self, *, success: bool = False) -> None:
        """End the exposure; its status fails unless `success`."""
        with self._lock:
            status, self._exposing = self._exposing, None
        if status is None or status.done:
            return
        if success:
            status.set_finished()
        else:
            status.set_exception(ActionStopped(f"{self.name}: exposure was stopped"))
        self.acquire.put(0)


class EpicsCounter(_Exposed):
    """A counter of the IOC.

    Keys of a reading: `<name>` (counts, hinted) and `<name>_exposures`.
    """

    # Not monitored: a monitor may come after the put's completion, a get is never old.
    counts = Component(EpicsSignalRO, ":Counts", kind=Kind.hinted, auto_monitor=False)
    exposures = Component(
        EpicsSignalRO, ":Exposures", kind=Kind.normal, auto_monitor=False
    )
    exposure_time = Component(EpicsSignal, ":ExposureTime", kind=Kind.config)

    def __init__(self, prefix: str = "", *, name: str, **kwargs: Any) -> None:
        super().__init__(prefix, name=name, **kwargs)
        self.counts.name = self.name


class EpicsCamera(_Exposed):
    """A small area detector that writes its frames to a file of its own.

    Keys of a reading: `<name>_total` (hinted), `<name>_exposures`, and `<name>_frames`,
    how many are in the file. The file is begun when it is staged for a scan and
    complete when it is unstaged.
    """

    total = Component(EpicsSignalRO, ":Total", kind=Kind.hinted, auto_monitor=False)
    exposures = Component(
        EpicsSignalRO, ":ArrayCounter", kind=Kind.normal, auto_monitor=False
    )
    frames = Component(
        EpicsSignalRO, ":NumCaptured", kind=Kind.normal, auto_monitor=False
    )
    exposure_time = Component(EpicsSignal, ":AcquireTime", kind=Kind.config)
    image = Component(
        EpicsSignalRO, ":ArrayData", kind=Kind.omitted, auto_monitor=False
    )
    file_path = Component(EpicsSignal, ":FilePath", kind=Kind.omitted, string=True)
    capture = Component(EpicsSignal, ":Capture", kind=Kind.omitted)
    file = Component(FileEventSignal)

    def __init__(self, prefix: str = "", *, name: str, **kwargs: Any) -> None:
        super().__init__(prefix, name=name, **kwargs)
        self._place: ScanFiles | None = None
        self._path = ""

    def scan_begins(self, place: ScanFiles) -> None:
        """Take note where the file of the next scan belongs."""
        self._place = place

    def stage(self) -> list[object]:
        """Have the IOC begin a file, if it is for a scan."""
        staged: list[object] = super().stage()
        place, self._place = self._place, None
        if place is not None:
            self._path = str(place.path(self.name))
            self.file_path.put(self._path, wait=True)
            self.capture.put(1, wait=True)
            self.file.put(self._path, entries={"data": "/entry/data/data"})
        return staged

    def unstage(self) -> list[object]:
        """Have the IOC complete the file."""
        path, self._path = self._path, ""
        if path:
            self.capture.put(0, wait=True)
            self.file.put(path, entries={"data": "/entry/data/data"}, done=True)
        unstaged: list[object] = super().unstage()
        return unstaged


class EpicsScaler(ophyd.EpicsScaler):
    """The scaler record, with a `stop` that ends the counting."""

    def stop(self, *, success: bool = False) -> None:
        """Count no more; what was counted can be read."""
        self.count.put(0, wait=False)
        super().stop(success=success)
