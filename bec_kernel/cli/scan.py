"""`bec scan`: the words of the magic, at the shell."""

import shlex
from pathlib import Path

from bec_kernel.cli import instances
from bec_kernel.cli.options import say
from bec_kernel.client import connect
from bec_kernel.client.connection import origin_here
from bec_kernel.errors import BecError, RefusedError
from bec_kernel.language import help_text, take_dry
from bec_kernel.terminal import follow_to_the_file, show_dry


def run(words: list[str], data: Path | None) -> None:
    """Run the scan, draw it until it has ended, and print its file.

    With `--dry` among the words only print the forecast.

    Raises:
        RefusedError: a word is not known, or the scan server refuses.
        ScanAborted: it ended before its last point.
    """
    _check_places(words)
    line = " ".join(quoted(word) for word in words)
    line, dry = take_dry(line)
    with connect(data) as client:
        if dry:
            show_dry(client.scans.dry_run(line))
            return
        source = f"bec scan {line}"
        client.origin = lambda: origin_here("shell", source)
        request = client.parse(line)
        say(f"on {instances.shown(client)}")
        follow_to_the_file(client.submit(request), client.dev, say)


def explain(words: list[str], data: Path | None) -> str | None:
    """Return the text for `--list` or `NAME --help`; None for other words.

    Raises:
        InstanceError: no instance runs.
    """
    if words[:1] == ["--list"]:
        with connect(data) as client:
            return repr(client.scans)
    if not {"--help", "-h"} & set(words):
        return None
    with connect(data) as client:
        return help_text(words[0], client.scans.catalogue(), client.metadata.fields())


def names(data: Path | None) -> str:
    """Return the scans of the running instance in a line; empty if none runs."""
    try:
        with connect(data) as client:
            return f"Scans here: {', '.join(client.scans.catalogue())}"
    except BecError:
        return ""  # the help helps also where the instance does not answer


def _check_places(words: list[str]) -> None:
    """Refuse an option of the command after the scan's name."""
    if any(word == "--data" or word.startswith("--data=") for word in words[1:]):
        raise RefusedError(
            "--data names the instance: it goes before the scan's name: "
            f"bec scan --data FOLDER {words[0]} …",
            subject="--data",
        )


def quoted(word: str) -> str:
    """Return a word of the shell as a word of a line; lists stay lists."""
    is_plain = not set(word) & set(" \t\n\"'\\") or word[:1] in "[{"
    return word if is_plain and word else shlex.quote(word)
