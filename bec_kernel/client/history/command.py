"""The line of a search in the history: `%scans --user ada --since 2d gold`."""

import re
from collections.abc import Callable, Mapping

from bec_kernel.client.history.api import History
from bec_kernel.client.history.table import ScanList
from bec_kernel.client.scan import ScanReport
from bec_kernel.errors import RefusedError
from bec_kernel.language import (
    GivenOption,
    Option,
    Word,
    dashed,
    read_options,
    refuse_unknown,
    split_unfinished,
    split_words,
)
from bec_kernel.wire import ScanState

_NUMBER = re.compile(r"-?[0-9]{1,18}")
LIMIT = 20
"""Number of scans that are shown by default."""
OPTIONS: Mapping[str, str] = {
    "name": "of the scan; a * stands for anything",
    "user": "the user who asked for it; the same",
    "status": "closed, aborted, open …; the same",
    "device": "takes part in it",
    "sample": "is in its metadata",
    "text": "is somewhere: in request, metadata, comments, tags",
    "tag": "somebody gave it",
    "metadata": "NAME=VALUE is in its metadata",
    "since": "it began then or later: 2026-11-26, yesterday, 2h …",
    "until": "it began before",
    "limit": f"maximum number of scans, the newest ones ({LIMIT})",
}
_OPTIONS = {name: Option(name) for name in OPTIONS}


def run_history_command(history: History, line: str) -> ScanReport | ScanList:
    """Find the scans a line asks for; a number alone is that scan.

    Without words the last ones, from the bus: no database is needed.

    Raises:
        RefusedError: an option is unknown or has no value, or the scan does not exist.
        DeadlineError: the database does not answer.
    """
    words = split_words(line)
    if not words:
        return history[-LIMIT:]
    if len(words) == 1 and _NUMBER.fullmatch(words[0]):
        return history[int(words[0])]
    return _looked_for(history, words)


def _looked_for(history: History, words: list[Word]) -> ScanList:
    texts: list[str] = []
    found: dict[str, str] = {}
    metadata: dict[str, str] = {}
    for one in read_options(words, _OPTIONS, _unknown):
        if not isinstance(one, GivenOption):
            texts.append(str(one))
        elif one.name == "metadata":
            name, value = _metadata(str(one.value))
            metadata[name] = value
        else:
            found[one.name] = str(one.value)
    if texts:
        found["text"] = " ".join([*texts, *filter(None, [found.get("text")])])
    limit = _limit(found.pop("limit", str(LIMIT)))
    return history.find(
        name=found.get("name", ""),
        user=found.get("user", ""),
        status=found.get("status", ""),
        device=found.get("device", ""),
        sample=found.get("sample", ""),
        text=found.get("text", ""),
        tag=found.get("tag", ""),
        since=found.get("since"),
        until=found.get("until"),
        metadata=metadata,
        limit=limit,
    )


def _unknown(name: str) -> RefusedError:
    return refuse_unknown("option", dashed(name), map(dashed, OPTIONS))


def _metadata(word: str) -> tuple[str, str]:
    name, equals, value = word.partition("=")
    if not equals:
        raise RefusedError(
            f"--metadata takes NAME=VALUE, not {word!r:.60}", subject="--metadata"
        )
    return name, value


def _limit(word: str) -> int:
    if not _NUMBER.fullmatch(word) or int(word) < 1:
        raise RefusedError(
            f"--limit takes a number of scans, not {word!r:.60}",
            subject="--limit",
            value=word,
            allowed="1 and more",
        )
    return int(word)


def complete_history_command(devices: Callable[[], list[str]], text: str) -> list[str]:
    """List candidates for the end of an unfinished line."""
    words, part = split_unfinished(text)
    last = str(words[-1]) if words else ""
    if part.startswith("-"):
        found = [f"--{name}" for name in OPTIONS]
    elif last == "--device":
        found = devices()
    elif last == "--status":
        found = [str(state) for state in ScanState]
    else:
        found = ["today", "yesterday"] if last in ("--since", "--until") else []
    return [one for one in found if one.startswith(part)]


def history_help() -> str:
    """Format all options, each in a line."""
    width = max(map(len, OPTIONS)) + 2
    lines = [f"  {f'--{name}'.ljust(width)}  {doc}" for name, doc in OPTIONS.items()]
    return "\n".join(["Scans of which all this is so; other words are a text:", *lines])
