"""The line of an action on a queue, shared by `%queue` and `bec queue`.

A line is `[VERB [WORD…]] [--queue NAME] [--reason TEXT] [--flag]`.
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple

from bec_kernel.client.queue.api import Queue, rule_text
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

_PLACES = ("up", "down", "top", "bottom")
_SHOWN = 20


class ParsedLine(NamedTuple):
    """A line, sorted: words that stand alone, and options by name."""

    words: list[str]
    options: dict[str, str]

    @property
    def reason(self) -> str:
        """Why, for people."""
        return self.options.get("reason", "")

    def flag(self, name: str) -> bool:
        """Say whether `--name` was given."""
        return name in self.options


Do = Callable[[Queue, ParsedLine], object]


class QueueWord(NamedTuple):
    """One verb.

    Attributes:
        do: does the action; returns an object to show, None: the queue.
        form: the words behind it.
        doc: one line.
        least: smallest number of words.
        most: largest number of words; None: any number.
        options: it takes.
    """

    do: Do
    form: str
    doc: str
    least: int = 0
    most: int | None = 0
    options: tuple[str, ...] = ("reason",)


def _which(wanted: ParsedLine, place: int = 0) -> str | None:
    return wanted.words[place] if len(wanted.words) > place else None


def _number(verb: str, word: str, asked: str, *, least: int = 0) -> int:
    """Convert a word to a number; `asked`: begins the error where it is not one."""
    if not word.isdecimal() or int(word) < least:
        raise RefusedError(f"{asked}, not {word!r:.40}", subject=verb, value=word[:40])
    return int(word)


def _pause(queue: Queue, wanted: ParsedLine) -> None:
    queue.pause(now=wanted.flag("now"), reason=wanted.reason)


def _lock(queue: Queue, wanted: ParsedLine) -> None:
    reason = " ".join(wanted.words) or wanted.reason
    queue.lock(reason, moves=wanted.flag("moves"))


def _restart(queue: Queue, wanted: ParsedLine) -> None:
    queue.restart(_which(wanted), reason=wanted.reason)


def _rewind(queue: Queue, wanted: ParsedLine) -> None:
    asked = "rewind to which point? its point_id"
    point = _number("rewind", wanted.words[0], asked)
    queue.rewind(point, reason=wanted.reason)


def _repeat(queue: Queue, wanted: ParsedLine) -> None:
    times = _number("repeat", wanted.words[0], "repeat how often? a number")
    queue.repeat(times, _which(wanted, 1))


def _remove(queue: Queue, wanted: ParsedLine) -> None:
    queue.remove(wanted.words[0], reason=wanted.reason)


def _move(queue: Queue, wanted: ParsedLine) -> None:
    queue.move(wanted.words[0], wanted.words[1])


def _history(queue: Queue, wanted: ParsedLine) -> object:
    word = _which(wanted) or str(_SHOWN)
    count = _number("history", word, "history takes a number of items", least=1)
    return queue.history[-count:]


def _suspend(queue: Queue, wanted: ParsedLine) -> None:
    queue.suspend_unless(
        " ".join(wanted.words),
        name=wanted.options.get("name", ""),
        after_point=wanted.flag("after_point"),
    )


def _unsuspend(queue: Queue, wanted: ParsedLine) -> None:
    queue.unsuspend(wanted.words[0])


def _suspenders(queue: Queue, _: ParsedLine) -> object:
    return Lines([rule_text(rule) for rule in queue.suspenders] or ["no rules"])


class Lines(list[str]):
    """Lines for people, shown as they are."""

    def __repr__(self) -> str:
        return "\n".join(self)


VERBS: Mapping[str, QueueWord] = {
    "show": QueueWord(lambda *_: None, "", "show what runs and waits", options=()),
    "pause": QueueWord(
        _pause,
        "[--now]",
        "begin nothing; what runs pauses behind its point, --now: at once",
        options=("now", "reason"),
    ),
    "resume": QueueWord(lambda q, _: q.resume(), "", "go on after a pause", options=()),
    "lock": QueueWord(
        _lock,
        "REASON… [--moves]",
        "begin nothing, say why; what runs goes on; --moves: moves go on, too",
        options=("moves", "reason"),
        most=None,
    ),
    "unlock": QueueWord(lambda q, _: q.unlock(), "", "take the lock away", options=()),
    "abort": QueueWord(lambda q, w: q.abort(reason=w.reason), "", "abort what runs"),
    "halt": QueueWord(
        lambda q, w: q.halt(reason=w.reason), "", "stop, clean nothing up"
    ),
    "complete": QueueWord(
        lambda q, w: q.complete(reason=w.reason), "", "end what runs well, now"
    ),
    "rewind": QueueWord(_rewind, "POINT", "take a point and all behind it again", 1, 1),
    "restart": QueueWord(_restart, "[ITEM]", "again from the start, next", 0, 1),
    "repeat": QueueWord(
        _repeat, "TIMES [ITEM]", "the same scan again, TIMES times", 1, 2
    ),
    "remove": QueueWord(_remove, "ITEM", "take away what waits", 1, 1),
    "move": QueueWord(
        _move, "ITEM up|down|top|bottom|PLACE", "another place", 2, 2, ()
    ),
    "clear": QueueWord(
        lambda q, w: q.clear(reason=w.reason), "", "take away all that wait"
    ),
    "history": QueueWord(
        _history, "[NUMBER]", "ended items: by which user, when, why", 0, 1, ()
    ),
    "suspend_unless": QueueWord(
        _suspend,
        "RULE [--name NAME] [--after-point]",
        "pause by itself while it is not so: ring above 80 for 60",
        1,
        None,
        ("name", "after_point"),
    ),
    "unsuspend": QueueWord(_unsuspend, "NAME", "take a rule away", 1, 1, ()),
    "suspenders": QueueWord(_suspenders, "", "show the rules", options=()),
}
_FLAGS = ("now", "moves", "after_point")


def run_queue_command(queue: Queue, line: str) -> object:
    """Do the action of a line; return an object to show.

    Raises:
        RefusedError: a word is unknown, or the scan server refuses the action.
    """
    words = split_words(line)
    verb = words.pop(0) if words and not words[0].startswith("-") else "show"
    if verb not in VERBS:
        raise refuse_unknown("word for a queue", verb, list(VERBS))
    found = VERBS[verb]
    wanted = _sorted(verb, found, words)
    queue = queue[wanted.options.get("queue", queue.name)]
    shown = found.do(queue, wanted)
    return queue if shown is None else shown


def _sorted(verb: str, found: QueueWord, words: list[Word]) -> ParsedLine:
    wanted = ParsedLine([], {})
    allowed = [*found.options, "queue"]

    def unknown(name: str) -> RefusedError:
        return refuse_unknown(f"option of {verb}", dashed(name), map(dashed, allowed))

    options = {n: Option(n, "flag" if n in _FLAGS else "value") for n in allowed}
    for one in read_options(words, options, unknown):
        if isinstance(one, GivenOption):
            wanted.options[one.name] = str(one.value)
        else:
            wanted.words.append(str(one))
    count, most = len(wanted.words), found.most
    if count < found.least or (most is not None and count > most):
        raise RefusedError(
            f"{verb} takes {found.form or 'no words'}; you gave "
            f"{' '.join(wanted.words) or 'none'!s:.60}",
            subject=verb,
            allowed=found.form,
        )
    return wanted


def complete_queue_command(queue: Queue, text: str) -> list[str]:
    """List candidates for the end of an unfinished line."""
    words, part = split_unfinished(text)
    if not words:
        found = list(VERBS)
    elif words[-1] == "--queue":
        found = queue.names
    elif part.startswith("-"):
        options = VERBS[words[0]].options if words[0] in VERBS else ()
        found = [dashed(name) for name in (*options, "queue")]
    else:
        found = _arguments(queue, [str(word) for word in words])
    return [one for one in found if one.startswith(part)]


def _arguments(queue: Queue, words: list[str]) -> list[str]:
    places = [str(n + 1) for n in range(len(queue.waiting))]
    match words:
        case ["move", _]:
            return [*_PLACES, *places]
        case ["move" | "remove" | "restart"] | ["repeat", _]:
            return places
        case ["unsuspend"]:
            return [rule.name for rule in queue.suspenders]
        case ["suspend_unless", _]:
            return ["above", "below"]
    return []


def queue_help() -> str:
    """Format all verbs, each in a line."""
    rows = [(f"{verb} {one.form}".strip(), one.doc) for verb, one in VERBS.items()]
    width = max(len(form) for form, _ in rows)
    lines = [f"  {form.ljust(width)}  {doc}" for form, doc in rows]
    return "\n".join(
        [
            "Words for a queue (--queue NAME: for another one than the primary):",
            *lines,
            "An ITEM is its place among those that wait, from 1, or its scan id.",
        ]
    )
