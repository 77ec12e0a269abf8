"""`%scan` and `%ct`: ask for a scan, watch it, and get its report."""

import inspect
from typing import Any

from IPython.core.magic import Magics, line_magic, magics_class

from bec_kernel.client import Client, ScanReport
from bec_kernel.errors import RefusedError
from bec_kernel.language import help_text, take_dry
from bec_kernel.scan import hints
from bec_magics.data import Table
from bec_magics.motion import moved
from bec_magics.scans.live import in_notebook, open_card, wait_for
from bec_magics.setup import Session

OPTIONS = ("--background", "--dry", "--help", "--list", "--show")
"""What `%scan` itself takes, before the scan's name."""


@magics_class
class ScanMagics(Magics):
    """A magic parses its line, calls one client function and returns what to show."""

    def __init__(self, shell: Any, session: Session) -> None:
        super().__init__(shell)
        self.session = session

    @line_magic
    def scan(self, line: str) -> Any:
        """Run a scan and watch it: `%scan line_scan samx -5 5 --steps 21`.

        Returns its report: `.to_pandas()`, `.fit`, `.file`, `.abort()` and more.

        `%scan --help NAME` explains one scan; `%scan --list` lists them all;
        `%scan --background NAME …` does not wait for the end; `%scan --show 7` opens
        the card of scan 7, `--show -1` that of the last one. Every scan also takes
        `--metadata name=value` and `--scan-queue NAME`, and `--dry`: then nothing is
        done; shown is what it would do and how long it would take.
        """
        line, dry = take_dry(line)
        if dry:
            return next(iter(self.session.client.scans.dry_run(line)))
        words = line.split(maxsplit=1)
        rest = words[1].strip() if len(words) > 1 else ""
        match words[:1]:
            case [] | ["--list"]:
                return self.catalogue_table()
            case ["--help" | "-h"]:
                return Words(self._explained(rest) if rest else self.explain_magic())
            case ["--background"]:
                return self.session.client.run(rest)
            case ["--show"]:
                return self._shown(rest)
            case [name] if rest in ("--help", "-h"):
                return Words(self._explained(name))
        return self._watched(self.session.client.run(line))

    def _watched(self, report: ScanReport) -> Any:
        if self.session.client.scans.block is not None:
            return report  # of a dry run: there is nothing to watch
        if report.request.name != "mv":
            return wait_for(self.session, report)
        with self.session.waiting_for(report):
            report.wait()
        return moved(self.session.client, report)

    def _shown(self, word: str) -> Any:
        report = past_scan(self.session.client, word)
        if report.is_final or not in_notebook(self.session):
            return report
        open_card(self.session, report)
        return None

    @line_magic
    def ct(self, line: str) -> Any:
        """Count once: `%ct 0.1` exposes for 0.1 s and shows the readings.

        It is a scan of one point: it has a number and a file. What a device keeps for
        itself beside the signals it hints at is in the scan's data, not in the table.
        """
        client = self.session.client
        report = client.run(_counting(line)).wait()
        if client.scans.block is not None:
            return report
        points, hinted = list(report.points()), hints(client.dev.all())
        rows = [
            (device, name, reading.value)
            for device, readings in points[-1].data.items()
            for name, reading in readings.items()
            if name in hinted.get(device, readings)
            if getattr(reading.value, "ndim", 0) == 0
        ]
        return Table(["device", "signal", "value"], rows)

    def catalogue_table(self) -> Table:
        """Return the scans there are."""
        found = self.session.client.scans.catalogue()
        rows = [
            (name, " ".join(found[name].aliases), _first_line(found[name].doc))
            for name in sorted(found)
        ]
        return Table(["scan", "also", "what it does"], rows)

    def complete_scan(self, text: str) -> list[str]:
        """List candidates for the next word behind `%scan`."""
        own = [] if text.strip() else list(OPTIONS)
        for word in ("--background ", "--dry ", "--help "):
            text = text.removeprefix(word)
        return [word for word, _ in self.session.client.complete(text)] + own

    def complete_ct(self, text: str) -> list[str]:
        """List candidates for the next word behind `%ct`: the options of a count."""
        return [word for word, _ in self.session.client.complete(_counting(text))]

    def explain_magic(self) -> str:
        """Return the help of `%scan?`: with the scans there are."""
        told = inspect.cleandoc(type(self).scan.__doc__ or "")
        return f"{told}\n\n{self.catalogue_table()!r}"

    def _explained(self, name: str) -> str:
        client = self.session.client
        fields = client.metadata.fields()
        return help_text(name.strip(), client.scans.catalogue(), fields)


def past_scan(client: Client, word: str) -> ScanReport:
    """Return the report of a scan by its number, as typed; -1 is the last one.

    Raises:
        RefusedError: this is not a number, or the scan does not exist.
    """
    try:
        return client.history[int(word)]
    except ValueError:
        raise RefusedError(
            f"%scan --show takes a scan's number, or -1 for the last one, not "
            f"{word!r:.60}",
            subject="--show",
            value=word,
        ) from None


def _counting(line: str) -> str:
    """Return the words of a count: the first one is the exposure, s, if it is one."""
    words = line.lstrip()
    seconds = "" if words and not words.startswith("--") else "0.1 "
    return f"acquire --exp-time {seconds}{words}"


class Words:
    """A text for people: shown as it is."""

    def __init__(self, text: str) -> None:
        self.text = text

    def __repr__(self) -> str:
        """Return the text without quotes."""
        return self.text


def _first_line(doc: str) -> str:
    return doc.strip().split("\n", 1)[0].split(". ", 1)[0].removesuffix(".")
