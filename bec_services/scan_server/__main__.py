"""`python -m bec_services.scan_server`: guard, assembler, queue, workers."""

from collections.abc import Callable
from importlib.metadata import entry_points
from typing import Any, TypeVar

from bec_kernel.instance import load_settings
from bec_kernel.service import Life, serve
from bec_services.scan_server import scans
from bec_services.scan_server.accept import Catalogue, Schema, schema_of
from bec_services.scan_server.program import Hook, Scan
from bec_services.scan_server.scans.wait import Wait
from bec_services.scan_server.server import ScanServer

T = TypeVar("T")
Complain = Callable[[str], None]


def load_scans(complain: Complain) -> list[type[Scan]]:
    """Return the scans that come with the system and those of installed packages."""
    own: list[type[Scan]] = [getattr(scans, name) for name in scans.__all__]
    return [*own, *_load("bec.scans", _scan, complain).values()]


def load_schemas(complain: Complain) -> dict[str, Schema]:
    """Load the metadata schemas of the installed packages, by name."""
    return _load("bec.metadata", schema_of, complain)


def load_hooks(complain: Complain) -> dict[str, Hook]:
    """Load the hooks of the installed packages, by name."""
    return _load("bec.hooks", _hook, complain)


def _load(group: str, make: Callable[[Any], T], complain: Complain) -> dict[str, T]:
    """Load the objects of an entry point group; `make` checks each.

    An object that cannot be used is left out, and `complain` gets the reason.
    """
    found: dict[str, T] = {}
    for entry in entry_points(group=group):
        try:
            made = make(entry.load())
            if found.setdefault(entry.name, made) is not made:
                raise ValueError("there is another of this name")
        except Exception as error:  # noqa: BLE001 - whatever a site's package raises
            complain(f"{group}: {entry.name} ({entry.value}) is left out: {error}")
    return found


def _scan(scan: Any) -> type[Scan]:
    if not (isinstance(scan, type) and issubclass(scan, Scan)):
        raise TypeError(f"{scan!r:.80} is not a subclass of Scan")
    scan.signature()  # it has all that is published
    return scan


def _hook(hook: Any) -> Hook:
    if not (isinstance(hook, type) and issubclass(hook, Hook)):
        raise TypeError(f"{hook!r:.80} is not a subclass of Hook")
    return hook()


def body(life: Life) -> None:
    """Serve for one life."""
    tell = life.alarm
    account = load_settings(life.setup.data).files.account
    catalogue = Catalogue(
        [*load_scans(tell), Wait], load_schemas(tell), load_hooks(tell), account
    )
    ScanServer(life, catalogue).run()


def main() -> None:
    """Run the scan server until it gets a signal to stop."""
    serve("scan_server", body, prepares=True)


if __name__ == "__main__":
    main()
