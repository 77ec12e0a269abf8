"""`%mv %mvr %wa %stop`: move, look where everything is, stop."""

from typing import Any

from IPython.core.magic import Magics, line_magic, magics_class

from bec_kernel.client import Client, Devices, ScanReport
from bec_magics.session import Session
from bec_magics.tables import Table


@magics_class
class MoveMagics(Magics):
    """A magic parses its line, calls one client function and returns what to show."""

    def __init__(self, shell: Any, session: Session) -> None:
        super().__init__(shell)
        self.session = session

    @line_magic
    def mv(self, line: str) -> Any:
        """Move to positions and wait: `%mv samx 1 samy 2`."""
        return self._move(line, relative=False)

    @line_magic
    def mvr(self, line: str) -> Any:
        """Move by distances and wait: `%mvr samx 0.5`."""
        return self._move(line, relative=True)

    @line_magic
    def wa(self, line: str) -> Table:
        """Show where all motors are, or those that are named: `%wa samx`."""
        client = self.session.client
        return positions(client, line.split() or _motors(client.dev))

    @line_magic
    def stop(self, line: str) -> None:
        """Stop devices now, without queue or worker: `%stop`, `%stop samx`."""
        self.session.client.stop(line.split())

    def complete_motors(self, text: str) -> list[str]:
        """Return the motors one may name."""
        return _motors(self.session.client.dev)

    def complete_devices(self, text: str) -> list[str]:
        """Return the devices one may name."""
        return self.session.client.dev.names()

    def _move(self, line: str, *, relative: bool) -> Any:
        client = self.session.client
        words = f"mv {line} --relative" if relative else f"mv {line}"
        report = client.run(words)
        if client.scans.block is not None:
            return report  # of a dry run: nothing moves
        with self.session.waiting_for(report):
            report.wait()
        return positions(client, moved(report))


def moved(report: ScanReport) -> list[str]:
    """Return the names of the motors of a move."""
    return [str(name) for name in report.request.args[::2]]


def positions(client: Client, names: list[str]) -> Table:
    """Return where these motors are now, in motor units, and their limits."""
    rows = []
    for device in (client.dev[name] for name in names):
        low, high = device.limits or (None, None)
        rows.append((device.name, device.position, low, high, device.unit))
    return Table(["motor", "position", "low", "high", "unit"], rows)


def _motors(dev: Devices) -> list[str]:
    return [device.name for device in dev.all() if device.positioner]
