"""Words to a request and back. Pure: shared by magics, `bec scan`, forms and Python.

A line is `NAME WORD… --option VALUE --flag --no-flag --metadata name=value`. Nothing in
it is ever evaluated: a word is a number, a list of numbers, a device or a text because
the scan's published signature says so.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from bec_kernel.errors import RefusedError
from bec_kernel.language.completion import complete
from bec_kernel.language.format import dashed, show, summary
from bec_kernel.language.forms import refuse_surplus, unfold
from bec_kernel.language.help import call_signature, explain, help_text
from bec_kernel.language.misplaced import refuse_misplaced
from bec_kernel.language.signature import (
    METADATA,
    NOWAIT,
    QUEUE,
    Candidate,
    Catalogue,
    Naming,
    find,
    keyword,
    meaning,
    no_option,
    options_of,
)
from bec_kernel.language.tokenizer import DRY, Word, split
from bec_kernel.language.values import check, from_word, metadata_from
from bec_kernel.wire import Parameter, ScanRequest, Signature

__all__ = [
    "DRY",
    "Candidate",
    "Catalogue",
    "as_part",
    "bind",
    "call_signature",
    "complete",
    "explain",
    "find",
    "format",
    "help_text",
    "parse",
    "read_parts",
    "take_dry",
]


def parse(text: str, catalogue: Catalogue, devices: Collection[str]) -> ScanRequest:
    """Return the request a line of words stands for; its `request_id` is empty.

    Raises:
        RefusedError: a word is not known or not what stands there; it is named.
    """
    words = split(text)
    if not words:
        raise RefusedError(
            f"no scan is named: NAME WORD… --option VALUE, with NAME one of "
            f"{', '.join(sorted(catalogue))}",
            subject="scan",
            allowed=", ".join(sorted(catalogue)),
        )
    signature = find(words[0], catalogue)
    if signature.driven:
        raise RefusedError(
            f"{signature.name} is driven from Python: "
            f"with scans.{signature.name}(dev.samx) as scan: scan.point(samx=1)",
            subject=signature.name,
        )
    reader = _Reader(signature, words[1:])
    reader.run()
    args = read_parts(signature, reader.args, catalogue, devices)
    return bind(signature, args, reader.kwargs, devices, dashed)


def read_parts(
    signature: Signature,
    args: Sequence[Any],
    catalogue: Catalogue,
    devices: Collection[str],
) -> list[Any]:
    """Return the words of a scan; parts, which are lines or requests, as they travel.

    Raises:
        RefusedError: a word of a part is not known, or not what stands there.
    """
    if not signature.has_parts:
        return [*args]
    found = []
    for number, one in enumerate(args, 1):
        try:
            found.append(as_part(one, catalogue, devices))
        except RefusedError as error:
            raise RefusedError(
                f"part {number}: {error}",
                subject=error.subject,
                value=error.value,
                allowed=error.allowed,
            ) from None
    return found


def as_part(
    part: Any, catalogue: Catalogue, devices: Collection[str]
) -> dict[str, Any]:
    """Return a part of a scan as it travels.

    Args:
        part: the line it stands for, or the request.
        catalogue: of the scans there are.
        devices: names there are.

    Raises:
        RefusedError: it is no scan that can be a part, or not as it must be.
    """
    if isinstance(part, str):
        for word in split(part)[:1]:
            _check_part(find(word, catalogue))
        part = parse(part, catalogue, devices)
    if not isinstance(part, ScanRequest):
        return part  # type: ignore[no-any-return] # what is wrong with it is said later
    signature = find(part.name, catalogue)
    _check_part(signature)
    given = {
        **part.kwargs,
        METADATA.name: part.metadata,
        QUEUE.name: part.queue != QUEUE.default,
        NOWAIT.name: part.nowait,
    }
    for name in (p.name for p in options_of(signature) if p.whole):
        if given.get(name):
            raise RefusedError(
                f"{name} is given once, for the whole scan, and not for a part",
                subject=name,
            )
    return {"name": part.name, "args": part.args, "kwargs": part.kwargs}


def _check_part(signature: Signature) -> None:
    if signature.driven or signature.has_parts:
        raise RefusedError(
            f"{signature.name} cannot be part of a scan", subject=signature.name
        )


def take_dry(text: str) -> tuple[str, bool]:
    """Return a line without the word `--dry`, and whether it was there.

    Raises:
        RefusedError: a quote or a bracket is not closed.
    """
    words = split(text)
    rest = _without_dry(words)
    for found in re.finditer(rf"(?<!\S){DRY}(?!\S)", text):
        line = f"{text[: found.start()].rstrip()}{text[found.end() :]}".strip()
        left = split(line)
        # Not where it is a part of a quoted word.
        if len(left) < len(words) and _without_dry(left) == rest:
            return take_dry(line)[0], True
    return text, False


def _without_dry(words: list[Word]) -> list[Word]:
    return [word for word in words if word != DRY or word.quoted is not None]


class _Reader:
    """Sorts words into positional ones and options, and gives each its kind."""

    def __init__(self, signature: Signature, words: list[Word]) -> None:
        self.signature = signature
        self.words = words
        self.args: list[Any] = []
        self.kwargs: dict[str, Any] = {}

    def run(self) -> None:
        while self.words:
            word = self.words.pop(0)
            if word.startswith("--") and word.quoted != 0:  # --name="two words"
                self.option(word)
            else:
                self.positional(word)

    def positional(self, word: Word) -> None:
        bundle = self.signature.bundle
        if not bundle:
            raise RefusedError(
                f"{self.signature.name} takes no positional words: {str(word)!r:.60}",
                subject=self.signature.name,
                value=word,
                allowed=", ".join(dashed(p.name) for p in options_of(self.signature)),
            )
        self.args.append(from_word(bundle[len(self.args) % len(bundle)], word))

    def option(self, word: Word) -> None:
        option, equals, text = word.partition("=")
        given = Word(text, word.quoted) if equals else None
        name, value = self.flag(option[2:].replace("-", "_"), given)
        if name == "metadata":
            key, value = metadata_from(value)
            name, known = key, self.kwargs.setdefault("metadata", {})
        else:
            known = self.kwargs
        if name in known:
            raise RefusedError(f"{option} is given twice", subject=name, value=word)
        known[name] = value

    def flag(self, name: str, given: Word | None) -> tuple[str, Any]:
        options = {p.name: p for p in options_of(self.signature)}
        if name not in options:
            positive = options.get(name.removeprefix("no_"))
            if positive and positive.kind == "bool" and given is None:
                return positive.name, False
            raise self.unknown(name)
        option = options[name]
        if given is None and option.kind == "bool":
            named = bool(self.words) and self.words[0].lower() in ("true", "false")
            return name, from_word(option, self.words.pop(0)) if named else True
        if given is None:
            given = self.value(option)
        return name, given if name == "metadata" else from_word(option, given)

    def unknown(self, name: str) -> RefusedError:
        """Return the error for an option there is not; of a part without its quotes?"""
        if self.signature.has_parts and any(" " not in str(one) for one in self.args):
            return RefusedError(
                f"each part of {self.signature.name} stands in quotes"
                f"{_as_in(self.signature)}",
                subject=dashed(name),
                value=dashed(name),
            )
        return no_option(self.signature, name, dashed)

    def value(self, option: Parameter) -> Word:
        word = self.words[0] if self.words else Word("--")
        if word.startswith("--") and word.quoted != 0:
            raise RefusedError(
                f"{self.signature.name} {dashed(option.name)} needs a value "
                f"({meaning(option)})",
                subject=option.name,
            )
        return self.words.pop(0)


def bind(
    signature: Signature,
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    devices: Collection[str],
    naming: Naming = keyword,
) -> ScanRequest:
    """Return the request a call stands for; devices are names, or things with one.

    Args:
        signature: of the scan.
        args: bundles, one after the other.
        kwargs: options; None stands for the default.
        devices: names there are.
        naming: how an error writes an option; as Python does unless told otherwise.

    Raises:
        RefusedError: a parameter is missing, unknown, out of range, of another type.
    """
    options = {p.name: p for p in options_of(signature)}
    given = {name: value for name, value in kwargs.items() if value is not None}
    metadata = _metadata(given.pop("metadata", {})) if "metadata" in options else {}
    queue = given.pop(QUEUE.name, "primary") if QUEUE.name in options else "primary"
    queue = check(signature.name, QUEUE, queue, devices)
    nowait = given.pop("nowait", False) if "nowait" in options else False
    nowait = check(signature.name, NOWAIT, nowait, devices)
    checked = {}
    for name, value in given.items():
        if name not in options:
            raise no_option(signature, name, naming)
        checked[name] = check(signature.name, options[name], value, devices)
    forms = signature.forms if signature.form_of else ()
    for form in forms:
        refuse_surplus(form, args)
    refuse_misplaced(signature, args, checked, naming)
    bound = _bundles(signature, args, devices)
    for form in forms:
        bound, checked = unfold(form, bound, checked)
    for option in signature.options:
        if option.required and option.name not in checked:
            raise RefusedError(
                f"{signature.name} needs {naming(option.name)} ({meaning(option)})",
                subject=option.name,
                allowed=meaning(option),
            )
    return ScanRequest(
        request_id="",
        name=signature.form_of or signature.name,
        args=bound,
        kwargs=checked,
        queue=queue,
        metadata=metadata,
        nowait=nowait,
    )


def _bundles(
    signature: Signature, args: Sequence[Any], devices: Collection[str]
) -> list[Any]:
    bundle, (low, high) = signature.bundle, signature.bundles
    names = " ".join(p.name for p in bundle)
    if args and not bundle:
        raise RefusedError(
            f"{signature.name} takes no positional words: {args[0]!r:.60}",
            subject=signature.name,
            value=str(args[0]),
        )
    bound = [
        check(signature.name, bundle[i % len(bundle)], value, devices)
        for i, value in enumerate(args)
    ]
    if not bundle:
        return bound
    count, rest = divmod(len(args), len(bundle))
    may_miss = signature.form_of and not any(p.required for p in bundle[rest:])
    if rest and may_miss:
        count, rest = count + 1, 0
    if rest:
        said = " ".join(show(value) for value in bound[-rest:])
        raise RefusedError(
            f"{signature.name} takes {names}: {bundle[rest].name} is missing after "
            f"{said}",
            subject=bundle[rest].name,
            allowed=names,
        )
    if not count and low:
        raise RefusedError(
            f"{signature.name} needs {names}{_as_in(signature)}",
            subject=signature.name,
            allowed=names,
        )
    if count < low or (high and count > high):
        times = f"{low}" if low == high else f"at least {low}"
        times = f"at most {high}" if high and count > high and low != high else times
        raise RefusedError(
            f"{signature.name} needs {names}, {times} times, not {count}",
            subject=signature.name,
            value=str(count),
            allowed=f"{names}, {times} times",
        )
    return bound


def _as_in(signature: Signature) -> str:
    return f", as in: {signature.example}" if signature.example else ""


def _metadata(given: Any) -> dict[str, Any]:
    if not isinstance(given, Mapping) or not all(isinstance(k, str) for k in given):
        raise RefusedError(
            f"metadata: {given!r:.60} is no dict with names", subject="metadata"
        )
    return dict(given)


def format(request: ScanRequest) -> str:  # noqa: A001 - the counterpart of parse
    """Return the line that `parse` makes this request of."""
    words = [summary(request)]
    if request.queue != "primary":
        words += [dashed(QUEUE.name), show(request.queue)]
    if request.nowait:
        words.append("--nowait")
    for name, value in request.metadata.items():
        words += ["--metadata", f"{name}={show(value)}"]
    return " ".join(words)
