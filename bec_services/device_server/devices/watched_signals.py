"""Devices that send nothing by themselves, but are watched: each change is a sample.

A device of the readout group `async` that has no signal of `signals.py` is watched
while it is staged: the numbers, texts and flags of its readings become streams.
"""

import threading
from collections.abc import Callable, Sequence
from typing import Any
from weakref import WeakKeyDictionary

import msgspec

from bec_kernel.wire import Alignment, SignalDescription
from bec_services.device_server.devices.capabilities import (
    ReportsChanges,
    watch_signal,
)
from bec_services.device_server.devices.description import read_signals
from bec_services.device_server.devices.signals import (
    ONE,
    AsyncSignal,
    FileEventSignal,
    signals_of,
)

LATENCY = 0.5
"""Longest delay (s) between a change's timestamp and its report over the network."""
_MOST = 100_000
_PLAIN = (bool, int, float, str)


class WatchedSignal(AsyncSignal):
    """The changes of another signal, as samples; the first one is what it was before.

    A value holds until it changes, so points get the `previous` sample. Timestamps
    never go back: a change with an older timestamp gets that of the change before.
    """

    def __init__(self, source: Any) -> None:
        super().__init__(
            name=source.name,
            align=Alignment.PREVIOUS,
            latency=0.0 if isinstance(source, ReportsChanges) else LATENCY,
        )
        self._source = source
        self._order = threading.Lock()
        self._newest = 0.0
        self._end_watch: Callable[[], None] | None = None

    def begin(
        self, scan_id: str, index: int, notify: Callable[[], object] | None = None
    ) -> None:
        """See `AsyncSignal.begin`; the first sample is what is so now."""
        self._let_go()
        super().begin(scan_id, index, notify)
        self._end_watch = watch_signal(self._source, self._heard, first=True)

    def end(self) -> None:
        """See `AsyncSignal.end`."""
        self._let_go()
        super().end()

    def _let_go(self) -> None:
        end, self._end_watch = self._end_watch, None
        if end is not None:
            end()

    def _heard(
        self, *_: Any, value: Any = None, timestamp: float = 0.0, **__: Any
    ) -> None:
        """Keep a change without waiting; drop it where `_MOST` samples wait already."""
        value = value.item() if getattr(value, "shape", None) == () else value
        if not isinstance(value, _PLAIN) or self.waiting >= _MOST:
            return
        with self._order:
            self._newest = max(self._newest, float(timestamp or 0.0))
            self.put(value, timestamp=self._newest)


_KNOWN: WeakKeyDictionary[Any, WatchedSignal] = WeakKeyDictionary()
"""By signal: a new life goes on with what the one before has heard."""


def watched(device: Any) -> list[WatchedSignal]:
    """List the watched signals of a device; none if it sends samples by itself."""
    if _sends(device):
        return []
    found = read_signals(device)
    for name, described in device.describe().items():
        if described.get("shape") or described.get("dtype") == "array":
            found.pop(name, None)
    for source in found.values():
        if source not in _KNOWN:
            _KNOWN[source] = WatchedSignal(source)
    return [_KNOWN[source] for source in found.values()]


def published(
    device: Any, signals: Sequence[SignalDescription]
) -> list[SignalDescription]:
    """Describe the signals of a watched device, as published on the bus."""
    if _sends(device):
        return list(signals)
    names = read_signals(device)
    return [
        msgspec.structs.replace(one, stream=[ONE], align=Alignment.PREVIOUS)
        if one.name in names and not one.shape and one.dtype != "array"
        else one
        for one in signals
    ]


def _sends(device: Any) -> bool:
    own = (AsyncSignal, FileEventSignal)
    return any(isinstance(one, own) for one in signals_of(device))
