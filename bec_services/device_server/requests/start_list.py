"""With which device list a device server begins: the newest, or one it was given."""

import os
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path

from bec_kernel.device_list import (
    WHOLE_EVERY,
    DeviceList,
    get_simulation,
    load_list,
    shares,
)
from bec_kernel.service import Life
from bec_kernel.wire import DeviceListVersion, Users, keys
from bec_services.device_server.devices import Registry, disabled_needs, let_go
from bec_services.device_server.requests.edits import keep, kept, list_of, next_version

DEFAULT = "default:"
"""Marks a list that no person chose: any other list is preferred."""


@dataclass(frozen=True)
class Given:
    """The list an instance was started with.

    Attributes:
        path: of the file.
        token: of that start; a list is given once. Begins with `default:` if no
            person chose it.
    """

    path: Path
    token: str

    @classmethod
    def of_environment(cls) -> "Given":
        """Read it from `BEC_DEVICES` and `BEC_DEVICES_GIVEN`."""
        given = os.environ.get("BEC_DEVICES")
        path = Path(given) if given else get_simulation().demo_list(virtual=False)
        return cls(path, os.environ.get("BEC_DEVICES_GIVEN") or f"{DEFAULT}{path.name}")

    def is_newer(self, newest: DeviceListVersion | None) -> bool:
        """Tell whether this list is to be taken, and not the newest version's."""
        if newest is None:
            return True
        if not self.token.startswith(DEFAULT):
            return newest.given != self.token
        return newest.given.startswith(DEFAULT) and newest.action == "start"


def begin(life: Life, registry: Registry, users: Users, given: Given) -> None:
    """Have the registry hold what it should: called at the start of every life.

    What is on the bus is so, unless the broker has forgotten what was there.

    Raises:
        DeviceListError: the list it was given has a device that is not allowed.
    """
    entries = kept(life)
    newest = entries[-1] if entries else None
    if registry.version and (newest is None or newest.version < registry.version):
        registry.version = newest.version if newest else 0
        _keep_all(life, registry, "start", "what ran before the broker's end")
        return
    if given.is_newer(newest):
        specs, rules = load_list(given.path), users.device_rules
        if rules:
            specs = shares(specs, rules)[life.setup.name]
        registry.version = newest.version if newest else 0
        same = newest is not None and list_of(entries) == specs
        _build(life, registry, specs)
        registry.given = given.token
        if same and newest is not None and newest.given == given.token:
            registry.since_whole = _since_whole(entries)
            return
        _keep_all(life, registry, "start", str(given.path))
        return
    assert newest is not None
    _build(life, registry, list_of(entries))
    registry.version, registry.given = newest.version, newest.given
    registry.since_whole = _since_whole(entries)


def _since_whole(entries: list[DeviceListVersion]) -> int:
    for count, entry in enumerate(reversed(entries)):
        if entry.whole:
            return count
    return len(entries)


def _build(life: Life, registry: Registry, specs: DeviceList) -> None:
    begun = time.monotonic()
    before = set(registry.held)
    change = registry.prepare(
        specs,
        _checking(life),
        cancelled=Future(),
        elsewhere={need for spec in specs.values() for need in spec.needs},
        lenient=True,
    )
    registry.set_limits(change)
    for said in let_go(registry.apply(change)):
        life.log.warning("a device did not go well", problem=said)
    if change.touched:
        seconds = round(time.monotonic() - begun, 2)
        life.log.info("devices built", devices=len(specs), seconds=seconds)
    for one in registry.held.values():
        if one.problem is not None and one.name not in before:
            life.alarm(one.problem.message, "minor")
    for line in disabled_needs(specs) if change.touched else []:
        life.alarm(line)


def _checking(life: Life) -> Callable[[int, int, str], None]:
    return lambda _done, _total, _name: life.check()


def _keep_all(life: Life, registry: Registry, action: str, source: str) -> None:
    registry.since_whole = WHOLE_EVERY
    names = list(registry.specs)
    entry = next_version(registry, {}, names, action=action, source=source)
    server = life.setup.name
    gone = set(life.bus.get_all(keys.devices(server))) - set(names)
    told = {name: registry.held[name].published(server) for name in names}
    keep(life, registry, entry, {**told, **dict.fromkeys(gone)})
