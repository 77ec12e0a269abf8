"""The running device table: built from a list, changed all at once or not at all."""

from collections import ChainMap
from collections.abc import Callable, Collection, Iterable
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, TypeVar

from bec_kernel.device_list import DeviceList, DeviceListError, in_order
from bec_kernel.errors import BecError
from bec_kernel.wire import Device, Problem
from bec_services.device_server.clock import Clock
from bec_services.device_server.devices.adapter import DeviceAdapter
from bec_services.device_server.devices.builder import (
    Plan,
    configure,
    connect,
    construct,
    destroy,
    plan,
)
from bec_services.device_server.state import DeviceState

T = TypeVar("T")
Progressed = Callable[[int, int, str], None]
"""Called with the number of devices done, their total, and the newest one's name."""


@dataclass
class Change:
    """A list that is ready to take the place of the running one.

    Attributes:
        specs: the whole new list.
        held: devices that are new, or made anew.
        kept: devices that stay as they are, but for what is said of them.
        removed: names that are gone.
        limits: new limits of devices that are not made anew.
        touched: names of all these.
        before: devices, objects and list that ran before it was applied.
    """

    specs: DeviceList
    held: dict[str, DeviceAdapter] = field(default_factory=dict)
    kept: dict[str, DeviceAdapter] = field(default_factory=dict)
    removed: list[str] = field(default_factory=list)
    limits: dict[str, Any] = field(default_factory=dict)
    touched: list[str] = field(default_factory=list)
    before: tuple[dict[str, DeviceAdapter], dict[str, Any], DeviceList] | None = None

    def published(self, server: str) -> dict[str, Device | None]:
        """Return all it touches as the bus shall know it; None: it is gone."""
        found = {n: self.held.get(n) or self.kept.get(n) for n in self.touched}
        return {n: one.published(server) if one else None for n, one in found.items()}


class Registry:
    """The devices one device server holds; it outlives the server's lives.

    Attributes:
        held: by name; always the same mapping, whatever is in it.
        specs: the list they are built from.
        version: of the list; 0: none yet.
        since_whole: versions since the newest that was kept whole.
        given: which start of an instance gave the list.
    """

    def __init__(self, clock: Clock, state: DeviceState) -> None:
        self.held: dict[str, DeviceAdapter] = {}
        self.specs: DeviceList = {}
        self.version = 0
        self.since_whole = 0
        self.given = ""
        self._objects: dict[str, Any] = {}
        self._given = {"clock": clock, "state": state}

    def touched(self, specs: DeviceList, again: Collection[str] = ()) -> list[str]:
        """Return the devices that another list changes, in its order.

        Args:
            specs: the list.
            again: devices to make anew though nothing is said of them.
        """
        return [
            name
            for name in (*specs, *(n for n in self.specs if n not in specs))
            if name in again or self.specs.get(name) != specs.get(name)
        ]

    def check(self, specs: DeviceList, elsewhere: Collection[str] = ()) -> None:
        """Check a list as far as possible without building a device.

        Raises:
            DeviceListError: it names device and field.
        """
        in_order(specs, elsewhere)
        given = {**self._given, "devices": self._objects}
        for name, spec in specs.items():
            plan(name, spec, given)

    def prepare(
        self,
        specs: DeviceList,
        report: Progressed,
        *,
        cancelled: "Future[str]",
        again: Collection[str] = (),
        elsewhere: Collection[str] = (),
        lenient: bool = False,
    ) -> Change:
        """Build and connect what a list needs; what runs goes on undisturbed.

        A device that does not connect is kept, with its problem.

        Args:
            specs: the whole list.
            report: called with the progress.
            cancelled: done: leave off.
            again: devices to make anew though nothing is said of them.
            elsewhere: devices of other device servers.
            lenient: keep a device that cannot be built, with its problem.

        Raises:
            DeviceListError: a device cannot be built: nothing was changed.
            RefusedError: cancelled.
        """
        order = in_order(specs, elsewhere)
        change = Change(specs, touched=self.touched(specs, again))
        change.removed = [name for name in self.specs if name not in specs]
        anew = self._made_anew(specs, change, set(again))
        overlay: dict[str, Any] = dict.fromkeys(anew)
        given = {**self._given, "devices": ChainMap(overlay, self._objects)}
        made: list[tuple[DeviceAdapter, Plan]] = []
        try:
            for name in (name for name in order if name in anew):
                one = change.held[name] = DeviceAdapter(name, specs[name])
                if one.spec.enabled and (found := _make(one, given, lenient)):
                    made.append((one, found))
                overlay[name] = one.device
            _connect(made, report, cancelled, lenient=lenient)
        except BecError:
            let_go(one.device for one in change.held.values())
            raise
        overlay.clear()  # from now on the running table is looked at
        return change

    def _made_anew(
        self, specs: DeviceList, change: Change, again: set[str]
    ) -> set[str]:
        anew = set(again & set(specs))
        for name in change.touched:
            if name in specs and not self._can_stay(name, specs, change):
                anew.add(name)
        while more := {
            name
            for name, spec in specs.items()
            if name not in anew and not anew.isdisjoint(spec.needs)
        }:
            anew |= more  # a device that needs a rebuilt one is rebuilt, too
        for name in change.touched:
            if name in specs and name not in anew:
                change.kept[name] = self.held[name].with_spec(specs[name])
        change.touched += [n for n in specs if n in anew and n not in change.touched]
        return anew

    def _can_stay(self, name: str, specs: DeviceList, change: Change) -> bool:
        """Tell whether the ophyd object stays; note its new limits."""
        old, new = self.specs.get(name), specs[name]
        running = self.held.get(name)
        if old is None or running is None or running.problem is not None:
            return False
        if new.enabled and running.device is None:
            return False
        if old.deviceClass != new.deviceClass:
            return False
        before, after = dict(old.deviceConfig or {}), dict(new.deviceConfig or {})
        limits = after.get("limits")
        same_limits = before.pop("limits", None) == after.pop("limits", None)
        if before != after:
            return False
        if not same_limits and limits is not None and running.device is not None:
            change.limits[name] = limits
        return same_limits or limits is not None

    def apply(self, change: Change) -> list[Any]:
        """Let the new list be the running one; return the objects it has no use for."""
        change.before = dict(self.held), dict(self._objects), self.specs
        gone = [self._objects.pop(name, None) for name in change.removed]
        for name in change.removed:
            self.held.pop(name, None)
        for name, one in change.held.items():
            gone.append(self._objects.get(name))
            self._objects[name] = one.device
        self.held.update(change.held)
        self.held.update(change.kept)
        self.specs = change.specs
        return [device for device in gone if device is not None]

    def undo(self, change: Change) -> list[str]:
        """Let the list before be the running one again; return what went wrong.

        What the change had built is let go, and limits are as they were.
        """
        if change.before is not None:
            held, objects, self.specs = change.before
            _make_equal(self.held, held)
            _make_equal(self._objects, objects)
        said = self._put_back_limits(change.limits)
        return said + let_go(one.device for one in change.held.values())

    def set_limits(self, change: Change) -> None:
        """Give devices that stay their new limits: comes before `apply`.

        Raises:
            DeviceListError: they are refused; nothing was changed.
        """
        done: list[str] = []
        try:
            for name, limits in change.limits.items():
                configure(self.held[name], "limits", limits)
                done.append(name)
        except DeviceListError:
            self._put_back_limits(done)
            raise

    def _put_back_limits(self, names: Iterable[str]) -> list[str]:
        said = []
        for name in names:
            old = (self.specs[name].deviceConfig or {}).get("limits")
            if old is None:
                continue
            try:
                configure(self.held[name], "limits", old)
            except DeviceListError as error:
                said.append(str(error))
        return said


def _make_equal(running: dict[str, T], old: dict[str, T]) -> None:
    """Update `running` in place: other objects keep a reference to it."""
    running.update(old)
    for name in [name for name in running if name not in old]:
        del running[name]


def let_go(devices: Iterable[Any]) -> list[str]:
    """Destroy ophyd objects; return what went wrong."""
    said = (destroy(device) for device in devices if device is not None)
    return [one for one in said if one]


def _make(one: DeviceAdapter, given: dict[str, Any], lenient: bool) -> Plan | None:
    try:
        found = plan(one.name, one.spec, given)
        construct(one, found)
    except DeviceListError as error:
        if not lenient:
            raise
        _mark(one, error)
        return None
    return found


def _mark(one: DeviceAdapter, error: BecError) -> None:
    text = str(error)
    said = text if text.startswith(one.name) else f"{one.name} cannot be built: {text}"
    one.problem = Problem(kind="DeviceError", message=said, subject=one.name)
    one.built = False


def _connect(
    made: list[tuple[DeviceAdapter, Plan]],
    report: Progressed,
    cancelled: "Future[str]",
    *,
    lenient: bool,
) -> None:
    count = 0

    def one_more(one: DeviceAdapter, error: DeviceListError | None) -> None:
        nonlocal count
        if error is not None and not lenient:
            raise error
        if error is not None:
            _mark(one, error)
        count += 1
        report(count, len(made), one.name)

    connect(made, one_more, cancelled)
