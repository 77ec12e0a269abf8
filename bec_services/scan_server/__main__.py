"""`python -m bec_services.scan_server`: guard, assembler, queue, workers."""

from collections.abc import Callable
from importlib.metadata import entry_points
from typing import Any

from bec_kernel.service import Life, serve
from bec_services.scan_server import scans
from bec_services.scan_server.assembler import Catalogue
from bec_services.scan_server.scan import Scan
from bec_services.scan_server.server import ScanServer


def load_scans(complain: Callable[[str], None]) -> list[type[Scan]]:
    """Return the scans that come with the system and those of installed packages.

    A package's scan that cannot be used costs itself only; `complain` is told why.
    """
    found: list[type[Scan]] = [getattr(scans, name) for name in scans.__all__]
    for entry in entry_points(group="bec.scans"):
        try:
            found.append(_checked(entry.load()))
        except Exception as error:  # noqa: BLE001 - whatever a site's package raises
            complain(f"scan {entry.name} ({entry.value}) is left out: {error}")
    return found


def _checked(scan: Any) -> type[Scan]:
    if not (isinstance(scan, type) and issubclass(scan, Scan)):
        raise TypeError(f"{scan!r:.80} is no subclass of Scan")
    scan.signature()  # it has all that is published
    return scan


def body(life: Life) -> None:
    """Serve for one life."""
    ScanServer(life, Catalogue(load_scans(life.alarm))).run()


def main() -> None:
    """Run the scan server until told to stop."""
    serve("scan_server", body, prepares=True)


if __name__ == "__main__":
    main()
