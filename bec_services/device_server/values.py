"""What is so now: newest readings, progress and previews, put when they change.

Whoever reports a change is never held up: it is noted, and a thread puts many at once.
A lone change is put at once; what follows within a moment travels together.
"""

import threading
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import msgspec
import structlog

from bec_kernel.bus import Put
from bec_kernel.codec import encode
from bec_kernel.errors import DeviceError
from bec_kernel.service import Life
from bec_kernel.wire import DeviceValue, Preview, Progress, Reading, Readings, keys
from bec_services.device_server.ophyd import Held
from bec_services.device_server.signals import (
    PreviewSignal,
    ProgressSignal,
    signals_of,
)
from bec_services.device_server.sim.device import SimSignal
from bec_services.device_server.streams import Streams
from bec_services.device_server.waiting import read_signals

_log = structlog.get_logger(__name__)

_COALESCE = 0.01
"""Changes within so long (s) travel together."""
_PATIENCE = 0.5
_PREVIEW = 0.1
"""Between two previews of a signal, s; the longer, the longer they take to be put."""
_LOAD = 10
_PIXELS = 65536
_CACHE = (int, float, str, bool)


class Values:
    """Says what is so now.

    Attributes:
        streams: what is not only the newest value.
    """

    def __init__(self, server: str, held: Mapping[str, Held]) -> None:
        self.streams = Streams()
        self._server = server
        self._held = held
        self._changed = threading.Condition()
        self._putting = threading.Lock()  # what is older is put earlier
        self._unread: set[str] = set()
        self._fresh: dict[str, Readings] = {}
        self._known: dict[str, Readings] = {}
        self._progress: dict[str, Progress] = {}
        self._previews: dict[str, Preview] = {}
        self._more_previews = threading.Event()
        self._watched: dict[str, list[tuple[Any, int]]] = {}

    def note(self, name: str, readings: Readings | None = None) -> None:
        """A device has changed; without `readings` it is read when it is its turn."""
        with self._changed:
            if readings is None:
                self._unread.add(name)
            else:
                self._fresh.setdefault(name, {}).update(readings)
            self._changed.notify()

    def watch(self) -> None:
        """Have every signal in a reading report its changes by itself."""
        self.unwatch()
        self.renew(list(self._held))

    def renew(self, names: Iterable[str]) -> None:
        """Devices have come, gone, or been made anew."""
        for name in names:
            self._unwatch(name)
            self._known.pop(name, None)
            one = self._held.get(name)
            if one is not None and one.usable:
                try:
                    self._watch(name, one.device)
                except Exception:  # noqa: BLE001 - it is read when somebody asks
                    _log.exception("a device cannot be watched", device=name)
                self.note(name)

    def unwatch(self) -> None:
        """Hear of no more changes."""
        for name in list(self._watched):
            self._unwatch(name)

    def _unwatch(self, name: str) -> None:
        for signal, cid in self._watched.pop(name, ()):
            if isinstance(signal, SimSignal):
                signal.unlisten(cid)
            else:
                signal.unsubscribe(cid)

    def _watch(self, name: str, device: Any) -> None:
        for key, signal in read_signals(device).items():
            self._subscribe(name, signal, self._reporter(name, key))
        if (moving := getattr(device, "motor_is_moving", None)) is not None:
            self._subscribe(name, moving, lambda *_, **__: self.note(name))
        for signal in signals_of(device):
            place = f"{name}/{signal.name}"
            if isinstance(signal, ProgressSignal):
                self._subscribe(name, signal, self._keeper(self._progress, place))
            elif isinstance(signal, PreviewSignal):
                self._subscribe(name, signal, self._previewer(place))

    def _subscribe(self, name: str, signal: Any, told: Callable[..., None]) -> None:
        if isinstance(signal, SimSignal):
            cid = signal.listen(told)
        else:
            cid = signal.subscribe(told, run=False)
        self._watched.setdefault(name, []).append((signal, cid))

    def _reporter(self, name: str, key: str) -> Callable[..., None]:
        def told(*_: Any, value: Any = None, timestamp: float = 0.0, **__: Any) -> None:
            if isinstance(value, _CACHE) and timestamp:
                self.note(name, {key: Reading(value, timestamp)})
            else:
                self.note(name)

        return told

    def _keeper(self, kept: dict[str, Any], place: str) -> Callable[..., None]:
        def told(*_: Any, value: Any, **__: Any) -> None:
            with self._changed:
                kept[place] = value
                self._changed.notify()

        return told

    def _previewer(self, place: str) -> Callable[..., None]:
        def told(*_: Any, value: Preview, **__: Any) -> None:
            self._previews[place] = value
            self._more_previews.set()

        return told

    # --- threads ----------------------------------------------------------------------
    def publish(self, life: Life) -> None:
        """Put what changed, until the life is over."""
        life.spawn(self.streams.run, life)
        life.spawn(self._publish_previews, life)
        due = 0.0
        while True:
            life.check()
            with self._changed:
                if not self._has_news() and not self._changed.wait(_PATIENCE):
                    continue
            wait = due - time.monotonic()
            if wait > 0:
                life.over.wait(wait)
            due = time.monotonic() + _COALESCE
            self._put(life)

    def settle(self, life: Life, names: Iterable[str]) -> None:
        """Put what is known of these devices now.

        Whoever hears next that a move or a scan has ended reads where the motors are.
        """
        self._put(life, set(names))

    def _put(self, life: Life, names: set[str] | None = None) -> None:
        with self._putting:
            puts = self._puts(names)
            if not puts:
                return
            try:
                life.bus.commit(puts, life.fence)
            except (TypeError, ValueError, OverflowError):  # none was put
                life.bus.commit([p for p in puts if _travels(p, life)], life.fence)

    def _has_news(self) -> bool:
        return bool(self._unread or self._fresh or self._progress)

    def _puts(self, names: set[str] | None) -> list[Put[Any]]:
        """Take what is to be put: of some devices, or all there is."""
        with self._changed:
            wanted = {*self._unread, *self._fresh} if names is None else names
            unread = self._unread & wanted
            self._unread -= unread
            told_of = {n: self._fresh.pop(n) for n in wanted if n in self._fresh}
            progress = dict(self._progress)
            self._progress.clear()
        key = keys.values(self._server)
        # A device that is read anew is newer than what it told before.
        fresh: dict[str, Readings | None] = {**told_of, **dict.fromkeys(unread)}
        puts: list[Put[Any]] = [
            Put(key, value, name)
            for name, readings in fresh.items()
            if (value := self._value(name, readings)) is not None
        ]
        told = keys.progress(self._server)
        return puts + [Put(told, one, place) for place, one in progress.items()]

    def _value(self, name: str, fresh: Readings | None) -> DeviceValue | None:
        one = self._held.get(name)
        if one is None or not one.usable:
            return None
        known = self._known.get(name)
        try:
            if fresh is None or known is None:
                known = one.read()
        except DeviceError:
            return None  # it is told where somebody asked for the reading
        self._known[name] = known = {**known, **(fresh or {})}
        return DeviceValue(readings=known, moving=_is_moving(one.device))

    def _publish_previews(self, life: Life) -> None:
        """Put the newest previews; under load there are fewer of them."""
        key, rest = keys.previews(self._server), _PREVIEW
        while True:
            life.check()
            if not self._more_previews.wait(_PATIENCE):
                continue
            self._more_previews.clear()
            newest = [self._previews.popitem() for _ in range(len(self._previews))]
            began = time.monotonic()
            puts = [Put(key, small(one), place) for place, one in newest]
            if puts:
                life.bus.commit(puts, life.fence)
            rest = max(_PREVIEW, _LOAD * (time.monotonic() - began))
            life.over.wait(rest)


def _travels(put: Put[Any], life: Life) -> bool:
    """Tell whether a value can be put; one that cannot keeps back no other."""
    try:
        encode(put.message)
    except (TypeError, ValueError, OverflowError) as error:
        life.log.warning("a value cannot travel", device=put.field, problem=str(error))
        return False
    return True


def small(preview: Preview) -> Preview:
    """Return a preview with so few pixels that it may travel."""
    value = preview.value
    shape = list(value.shape)
    while value.size > _PIXELS:
        value = value[tuple(slice(None, None, 2) for _ in value.shape)]
    return msgspec.structs.replace(preview, value=value.copy(), shape=shape)


def _is_moving(device: Any) -> bool:
    """Whether it is on its way; ophyd's EPICS motors would ask the network."""
    try:
        signal = getattr(device, "motor_is_moving", None)
        return bool(
            getattr(device, "moving", False) if signal is None else signal.get()
        )
    except Exception:  # noqa: BLE001 - whatever a device that is away raises
        return False
