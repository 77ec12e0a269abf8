"""Choose the device list of an instance, and share it among the device servers."""

import json
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bec_kernel.device_list import (
    DeviceList,
    Rules,
    check_classes,
    find_simulation,
    get_simulation,
    in_order,
    list_text,
    load_list,
    read_list,
    shares,
)
from bec_kernel.errors import InstanceError
from bec_kernel.instance import FILE, Folder, load_settings, person


@dataclass(frozen=True)
class Start:
    """What the device servers begin with.

    Attributes:
        path: of the list.
        token: of the start that gave it; device servers take a list once.
        origin: what to say of it.
        needs_ioc: it may have channels of the simulated IOC.
    """

    path: Path
    token: str
    origin: str
    needs_ioc: bool

    def environment(self) -> dict[str, str]:
        """Build the environment of a device server."""
        return {"BEC_DEVICES": str(self.path), "BEC_DEVICES_GIVEN": self.token}


def rules_of(folder: Folder, *, virtual: bool) -> Rules:
    """Return which devices each device server holds.

    Raises:
        InstanceError: the settings are wrong.
    """
    rules = load_settings(folder.path).rules()
    if virtual and len(rules) > 1:
        raise InstanceError(
            f"{folder.path / FILE}: device_servers: an instance with a "
            "virtual clock has one device server"
        )
    return rules


def roles_of(folder: Folder) -> dict[str, str]:
    """List the users with their roles; the one that starts the instance is an operator.

    Raises:
        InstanceError: the settings are wrong.
    """
    return {**load_settings(folder.path).users, person(): "operator"}


def choose(
    folder: Folder,
    given: Path | None,
    rules: Rules,
    say: Callable[[str], None],
    *,
    virtual: bool,
    sim: bool,
) -> Start:
    """Return the list to start with: a new one, the last one, or our own.

    A new one is checked and kept in the data folder. Where the rules have changed since
    the last start, what the device servers held is shared out anew.

    Args:
        folder: the instance's.
        given: a file, or a folder of files.
        rules: which devices each device server holds.
        say: called with each replacement, and each class without a good twin.
        virtual: the instance's clock.
        sim: put a simulated twin in the place of each hardware class.

    Raises:
        DeviceListError: with file, line, device and field.
    """
    store = folder.path / "devices"
    kept, origin = store / "current.yaml", store / "origin"
    if given is not None:
        devices, notes = _read(given, rules, sim=sim)
        for note in notes:
            say(note)
        shown = f"{given} (simulated)" if sim else f"{given}"
        _keep(store, devices, f"{given.resolve()}{' (simulated)' if sim else ''}")
    elif (held := _held_before(store, rules)) is not None:
        shares(held, rules)
        shown = "as before, shared out by the new rules"
        _keep(store, held, origin.read_text().strip() if origin.exists() else shown)
    elif kept.exists():
        shown = f"{origin.read_text().strip()} (the last one)"
    else:
        _remember(store, rules)
        path = get_simulation().demo_list(virtual=virtual)
        shares(load_list(path), rules)
        token = f"default:{path.name}"
        return Start(path, token, "the simulated beamline", _has_ioc(store, path))
    _remember(store, rules)
    token = (store / "given").read_text().strip() if (store / "given").exists() else ""
    return Start(kept, token or f"old:{kept.name}", shown, _has_ioc(store, kept))


def _read(given: Path, rules: Rules, *, sim: bool) -> tuple[DeviceList, list[str]]:
    listed = read_list(given)
    devices, notes = listed.devices, listed.notes
    if sim:
        devices, more = get_simulation().twins(devices)
        notes = notes + more
    check_classes(devices, listed.places)
    in_order(devices)
    shares(devices, rules)
    return devices, notes


def _keep(store: Path, devices: DeviceList, origin: str) -> None:
    store.mkdir(parents=True, exist_ok=True)
    fresh = store / "current.new"
    fresh.write_text(list_text(devices))
    fresh.replace(store / "current.yaml")
    (store / "origin").write_text(f"{origin}\n")
    (store / "given").write_text(f"{uuid.uuid4().hex}\n")


def _shown(rules: Rules) -> str:
    plain = {name: [rule.tags, rule.names] for name, rule in rules.items()}
    return json.dumps(plain, indent=1)


def _remember(store: Path, rules: Rules) -> None:
    store.mkdir(parents=True, exist_ok=True)
    (store / "rules.json").write_text(_shown(rules))


def _held_before(store: Path, rules: Rules) -> DeviceList | None:
    """Give the devices of all device servers if the rules have changed since."""
    path = store / "rules.json"
    if not path.exists() or path.read_text() == _shown(rules):
        return None
    files = [store / f"{server}.yaml" for server in json.loads(path.read_text())]
    there = [file for file in files if file.exists() and file.read_text() != "{}\n"]
    return read_list(*there).devices if there else None


def _has_ioc(store: Path, path: Path) -> bool:
    """Tell whether the list, or what the device servers held last, needs the IOC."""
    simulation = find_simulation()
    if simulation is None:
        return False
    last = [one for one in store.glob("*.yaml") if one.name != "current.yaml"]
    return any(simulation.channel_prefix in one.read_text() for one in (path, *last))
