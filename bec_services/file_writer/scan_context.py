"""Read facts about scans from the bus, besides points: devices, states, alarms."""

from collections.abc import Iterable
from typing import Any, TypeVar

from bec_kernel.bus import Entry, pages
from bec_kernel.bus.changes import START, Id
from bec_kernel.device_list import version_at
from bec_kernel.instance import points_kept
from bec_kernel.scan import devices_of, first_setpoints
from bec_kernel.service import Life
from bec_kernel.wire import (
    Alarm,
    Begin,
    DeviceListVersion,
    Fields,
    Point,
    Seal,
    StateChange,
    keys,
)
from bec_services.file_writer.site_settings import Site
from bec_services.file_writer.tree import ScanFacts

T = TypeVar("T")
_PAGE = 1000
_SCANS = 1000
"""Number of scans whose alarms are remembered."""


class ScanContexts:
    """Facts about all scans of one life.

    Attributes:
        site: settings and layouts for all files.
        points_kept: number of points of a scan that stay on the bus.
    """

    def __init__(self, life: Life, site: Site) -> None:
        self._life = life
        self.site = site
        self.points_kept = points_kept(life.setup.data)
        self._lists: dict[str, tuple[Id, dict[str, Fields]]] = {}
        self._alarms_at = START
        self._alarms: dict[str, list[Alarm]] = {}

    def scan(self, scan_id: str) -> ScanFacts:
        """Read the facts about a scan that has begun."""
        bus = self._life.bus
        begin = bus.read(keys.steps(scan_id), START, 1)[0].message
        assert isinstance(begin, Begin)
        states = bus.read(keys.states(scan_id), START, 1)
        start = states[0].message.time if states else 0.0
        return ScanFacts(
            begin=begin,
            start=start or self._first_time(scan_id),
            devices=devices_of(bus, begin),
            first=first_setpoints(bus, begin) if _is_relative(begin) else {},
            listed=self._listed(begin),
            site=self.site.files,
            versions=self.site.versions,
        )

    def _first_time(self, scan_id: str) -> float:
        """Time of the first point or seal, for a scan that began without a clock, s."""
        for entry in self._life.bus.read(keys.points(scan_id), START, 3):
            if isinstance(entry.message, Point):
                return entry.message.begin
            if isinstance(entry.message, Seal):
                return entry.message.time
        return 0.0

    def _listed(self, begin: Begin) -> dict[str, Fields]:
        found: dict[str, Fields] = {}
        for server in sorted(set(begin.servers.values())):
            found |= self._list(server)
        return {name: found[name] for name in begin.servers if name in found}

    def _list(self, server: str) -> dict[str, Fields]:
        """Read a server's device list; only versions that are new are read."""
        log = keys.lists(server)
        at, known = self._lists.get(server, (START, {}))
        for page in pages(self._life.bus, log, at):
            news = _all(DeviceListVersion, page)
            at = page[-1].id
            known = version_at(
                [DeviceListVersion(version=0, time=0.0, devices=known), *news]
            )
        self._lists[server] = at, known
        return known

    def states(self, scan_id: str) -> list[StateChange]:
        """Read the state changes of a scan so far."""
        entries = self._life.bus.read(keys.states(scan_id), START, _PAGE)
        return _all(StateChange, entries)

    def alarms(self, scan_id: str) -> list[Alarm]:
        """Read the alarms about a scan so far."""
        for page in pages(self._life.bus, keys.alarms(), self._alarms_at):
            self._alarms_at = page[-1].id
            for alarm in _all(Alarm, page):
                if alarm.scan_id:
                    self._alarms.setdefault(alarm.scan_id, []).append(alarm)
        for old in list(self._alarms)[:-_SCANS]:
            del self._alarms[old]
        return self._alarms.get(scan_id, [])

    def forget(self, scan_id: str) -> None:
        """Drop the alarms of a scan whose file is complete."""
        self._alarms.pop(scan_id, None)


def _is_relative(begin: Begin) -> bool:
    return bool(begin.parameters.get("relative"))


def _all(kind: type[T], entries: Iterable[Entry[Any]]) -> list[T]:
    """Messages of one type; others and those that could not be decoded are left out."""
    return [entry.message for entry in entries if isinstance(entry.message, kind)]
