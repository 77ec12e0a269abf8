"""`%mv %mvr %wa %stop`: move, look where everything is, stop."""

from typing import Any

from IPython.core.magic import Magics, line_magic, magics_class

from bec_kernel.client import Client, Devices, ScanReport
from bec_magics.data import Table
from bec_magics.setup import Session

BACK = "--back"


@magics_class
class MoveMagics(Magics):
    """A magic parses its line, calls one client function and returns what to show."""

    def __init__(self, shell: Any, session: Session) -> None:
        super().__init__(shell)
        self.session = session

    @line_magic
    def mv(self, line: str) -> Any:
        """Move to positions and wait: `%mv samx 1 samy 2`.

        `%mv --back` goes back to where the motors of the last move were before it.
        """
        return self._move(line, relative=False)

    @line_magic
    def umv(self, line: str) -> Any:
        """Move to positions and wait, as in SPEC: the same as `%mv`."""
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

    def complete_mv(self, text: str) -> list[str]:
        """List candidates behind `%mv`: a motor, an option, or back."""
        words = [word for word, _ in self.session.client.complete(f"mv {text}")]
        return [*words, BACK] if BACK.startswith(text.strip()) else words

    def complete_mvr(self, text: str) -> list[str]:
        """List candidates for the next word behind `%mvr`."""
        found = self.session.client.complete(f"mv {text}")
        return [word for word, _ in found if word != "--relative"]

    def complete_devices(self, text: str) -> list[str]:
        """Return the devices one may name."""
        return self.session.client.dev.names()

    def _move(self, line: str, *, relative: bool) -> Any:
        client = self.session.client
        if line.split() == [BACK] and not relative:
            return self._watched(client.submit(client.moves.way_back()))
        words = f"mv {line} --relative" if relative else f"mv {line}"
        return self._watched(client.run(words))

    def _watched(self, report: ScanReport) -> Any:
        if self.session.client.scans.block is not None:
            return report  # of a dry run: nothing moves
        with self.session.waiting_for(report):
            report.wait()
        return moved(self.session.client, report)


def moved(client: Client, report: ScanReport) -> Table:
    """Return where the motors of a move were, and where they are now, motor units."""
    before, rows = report.before, []
    for device in (client.dev[str(name)] for name in report.request.args[::2]):
        low, high = device.limits or (None, None)
        was = before.get(device.name)
        rows.append((device.name, was, device.position, low, high, device.unit))
    return Table(["motor", "was", "is", "low", "high", "unit"], rows)


def positions(client: Client, names: list[str]) -> Table:
    """Return where these motors are now, in motor units, and their limits."""
    rows = []
    for device in (client.dev[name] for name in names):
        low, high = device.limits or (None, None)
        rows.append((device.name, device.position, low, high, device.unit))
    return Table(["motor", "position", "low", "high", "unit"], rows)


def _motors(dev: Devices) -> list[str]:
    return [device.name for device in dev.all() if device.positioner]
