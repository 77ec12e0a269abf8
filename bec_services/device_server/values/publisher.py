"""Publish current values: newest readings, progress and previews, on change.

Whoever reports a change is never held up: it is noted, and a thread puts many at once.
A lone change is put at once; what follows within a moment travels together.
"""

import threading
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future, wait
from functools import partial
from typing import Any

import msgspec
import structlog

from bec_kernel.bus import encode
from bec_kernel.bus.changes import Put
from bec_kernel.errors import DeviceError
from bec_kernel.service import Life
from bec_kernel.wire import DeviceValue, Preview, Progress, Reading, Readings, keys
from bec_services.device_server.devices import (
    POOL,
    DeviceAdapter,
    PreviewSignal,
    ProgressSignal,
    pace_signals,
    read_signals,
    signals_of,
    watch_signal,
)
from bec_services.device_server.values.reading_cache import ReadingCache
from bec_services.device_server.values.streams import Streams

_log = structlog.get_logger(__name__)

_COALESCE = 0.01
"""Changes within this time are sent together, s."""
_PATIENCE = 0.5
_SETTLE = 2.0
"""Maximum wait for slow devices at the end of a move or a scan, s."""
_PREVIEW = 0.1
"""Between two previews of a signal, s; the longer, the longer they take to be put."""
_LOAD = 10
_PIXELS = 65536
_CACHE = (int, float, str, bool)


_Read = tuple[str, int, Readings]
"""A device, the number of the reading (see `ReadingCache`), and what was read."""


class Values:
    """Says what is so now.

    Attributes:
        streams: samples, of which more than the newest counts.
        repaced: called with the name of a device whose velocity has changed.
    """

    def __init__(self, server: str, held: Mapping[str, DeviceAdapter]) -> None:
        self.streams = Streams()
        self.repaced: Callable[[str], None] = lambda _: None
        self._server = server
        self._held = held
        self._changed = threading.Condition()
        self._putting = threading.Lock()  # nothing is asked of a device under it
        self._newest = ReadingCache()
        self._unread: set[str] = set()
        self._fresh: dict[str, Readings] = {}
        self._taken: set[str] = set()  # by the publisher, and not put yet
        self._asked: dict[str, Future[Any]] = {}
        self._again: set[str] = set()
        self._arrived: list[_Read] = []
        self._moving: dict[str, bool] = {}
        self._said: dict[str, bool] = {}  # of each device, whether it moves
        self._progress: dict[str, Progress] = {}
        self._previews: dict[str, Preview] = {}
        self._more_previews = threading.Event()
        self._watched: dict[str, list[Callable[[], None]]] = {}

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
            with self._changed:
                self._newest.forget(name)
                self._moving.pop(name, None)
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
        for end in self._watched.pop(name, ()):
            end()

    def _watch(self, name: str, device: Any) -> None:
        for key, signal in read_signals(device).items():
            self._subscribe(name, signal, self._reporter(name, key))
        if (moving := getattr(device, "motor_is_moving", None)) is not None:
            self._subscribe(name, moving, self._mover(name))
        for signal in pace_signals(device):
            self._subscribe(name, signal, lambda *_, **__: self.repaced(name))
        for signal in signals_of(device):
            place = f"{name}/{signal.name}"
            if isinstance(signal, ProgressSignal):
                self._subscribe(name, signal, self._keeper(self._progress, place))
            elif isinstance(signal, PreviewSignal):
                self._subscribe(name, signal, self._previewer(place))

    def _subscribe(self, name: str, signal: Any, told: Callable[..., None]) -> None:
        end = watch_signal(signal, told)
        self._watched.setdefault(name, []).append(end)

    def _reporter(self, name: str, key: str) -> Callable[..., None]:
        def told(*_: Any, value: Any = None, timestamp: float = 0.0, **__: Any) -> None:
            if isinstance(value, _CACHE) and timestamp:
                self.note(name, {key: Reading(value, timestamp)})
            else:
                self.note(name)

        return told

    def _mover(self, name: str) -> Callable[..., None]:
        def told(*_: Any, value: Any, **__: Any) -> None:
            self._moving[name] = bool(value)
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
            read, late = self._read(None)
            self._begin(late)
            self._put(life, None, read)
            with self._changed:
                self._taken.clear()

    def settle(self, life: Life, names: Iterable[str]) -> None:
        """Put what is known of these devices now; ask those that have changed.

        Whoever hears next that a move or a scan has ended reads where the motors are. A
        device that does not answer holds it up only a little.
        """
        wanted = set(names)
        until = time.monotonic() + _SETTLE
        read, late = self._read(wanted)
        with self._changed:  # asked before: what is answered to that may be older
            before = [self._asked[name] for name in late if name in self._asked]
        wait(before, max(0.0, until - time.monotonic()))
        wait(self._begin(late), max(0.0, until - time.monotonic()))
        self._put(life, wanted, read)

    def _has_news(self) -> bool:
        return bool(self._unread or self._fresh or self._progress or self._arrived)

    def _read(self, names: set[str] | None) -> "tuple[list[_Read], list[str]]":
        """Read devices that have changed: of some, or all there are.

        Returns:
            What was read, and the devices that are to be asked by a thread of its own.
        """
        with self._changed:
            knows = self._newest.knows
            unread = self._unread | {n for n in self._fresh if not knows(n)}
            if names is None:
                self._taken |= unread
            else:
                unread = names & (unread | self._taken | set(self._asked))
            self._unread -= unread
        found: list[_Read] = []
        late: list[str] = []
        for name in unread:
            one = self._held.get(name)
            if one is None or one.quick:
                found += self._ask(name, one)
            else:
                late.append(name)
        return found, late

    def _begin(self, names: Iterable[str]) -> "list[Future[Any]]":
        """Ask devices that may be slow, each once at a time; they notify."""
        with self._changed:
            for name in names:
                if name in self._asked:
                    self._again.add(name)
                else:
                    self._asked[name] = POOL.submit(partial(self._hear, name))
            return [self._asked[name] for name in names]

    def _hear(self, name: str) -> None:
        found: list[_Read] = []
        try:
            found = self._ask(name, self._held.get(name))
        finally:
            with self._changed:
                self._arrived += found
                del self._asked[name]
                if name in self._again:
                    self._again.discard(name)
                    self._unread.add(name)
                self._changed.notify()

    def _ask(self, name: str, one: DeviceAdapter | None) -> "list[_Read]":
        """Read a device; nothing if that fails: requests to read report the error."""
        with self._changed:
            begun = self._newest.begin()
            fresh = self._fresh.pop(name, {})  # it is older than what is read now
        if one is None or not one.usable:
            return []
        try:
            readings = one.read()
            self._moving[name] = _is_moving(one.device)
        except DeviceError:
            known = self._newest.knows(name)
            return [(name, begun, fresh)] if fresh and known else []
        return [(name, begun, readings)]

    def _put(self, life: Life, names: set[str] | None, read: "list[_Read]") -> None:
        with self._putting:
            puts = self._puts(names, read)
            if not puts:
                return
            try:
                life.bus.commit(puts, life.fence)
            except (TypeError, ValueError, OverflowError):  # none was put
                life.bus.commit([p for p in puts if _travels(p, life)], life.fence)

    def _puts(self, names: set[str] | None, read: "list[_Read]") -> list[Put[Any]]:
        """Take what is to be put: what was read, and what came by itself."""
        with self._changed:
            newest = self._newest
            news: list[_Read] = [*self._arrived, *read]
            self._arrived = []
            for name in set(self._fresh) if names is None else names & set(self._fresh):
                if newest.knows(name):  # else it is read first
                    news.append((name, newest.begin(), self._fresh.pop(name)))
            changed: dict[str, bool] = {}
            for name, begun, readings in news:
                is_new = newest.merge(name, begun, readings)
                changed[name] = is_new or changed.get(name, False)
            values = {name: newest.of(name) for name in changed}
            progress = dict(self._progress)
            self._progress.clear()
        puts: list[Put[Any]] = []
        for name, readings in values.items():
            one = self._held.get(name)
            if one is None or not one.usable:
                continue
            moving = self._moves(one)
            if changed[name] or self._said.get(name) is not moving:
                self._said[name] = moving
                told = DeviceValue(readings=readings, moving=moving)
                puts.append(Put(keys.values(self._server), told, name))
        far = keys.progress(self._server)
        return puts + [Put(far, one, place) for place, one in progress.items()]

    def _moves(self, one: DeviceAdapter) -> bool:
        if one.quick:
            return _is_moving(one.device)
        return self._moving.get(one.name, False)

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
    """Say whether a value can be put; a value that cannot holds back no other."""
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
