"""Pure: a line a person types to a scan request, and back.

Magics, `bec scan`, forms and Python share it. A line is
`NAME WORD… --option VALUE --flag --no-flag --metadata name=value`. Nothing in it is
ever evaluated: a word is a number, a list of numbers, a device or a text because the
scan's published signature says so.
"""

import json
import math
import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from bec_kernel.errors import RefusedError
from bec_kernel.language.format import NUMBER, TRUTH, dashed, show, summary
from bec_kernel.language.parameter import as_in, bind, check
from bec_kernel.language.signature import (
    METADATA,
    NOWAIT,
    QUEUE,
    Catalogue,
    Naming,
    find_signature,
    keyword,
    no_option,
    options_of,
    parameter_meaning,
)
from bec_kernel.language.tokenizer import (
    DRY,
    GivenOption,
    Option,
    Word,
    read_options,
    split_words,
)
from bec_kernel.wire import Parameter, ScanRequest, Signature

_WHOLE = re.compile(r"[+-]?\d{1,19}", re.ASCII)
_LARGEST_SENT = 2**63 - 1
"""Largest whole number in metadata: what a message can hold."""


def parse_line(
    text: str, catalogue: Catalogue, devices: Collection[str]
) -> ScanRequest:
    """Parse a line to the request it stands for; its `request_id` is empty.

    Raises:
        RefusedError: a word is unknown or does not fit; the text names it.
    """
    words = split_words(text)
    if not words:
        raise RefusedError(
            f"no scan is named: NAME WORD… --option VALUE, with NAME one of "
            f"{', '.join(sorted(catalogue))}",
            subject="scan",
            allowed=", ".join(sorted(catalogue)),
        )
    signature = find_signature(words[0], catalogue)
    if signature.driven:
        raise RefusedError(
            f"{signature.name} is driven from Python: "
            f"with scans.{signature.name}(dev.samx) as scan: scan.point(samx=1)",
            subject=signature.name,
        )
    reader = _Reader(signature, words[1:])
    reader.run()
    args = bind_parts(signature, reader.args, catalogue, devices)
    return request_of(signature, args, reader.kwargs, devices, dashed)


def bind_parts(
    signature: Signature,
    args: Sequence[Any],
    catalogue: Catalogue,
    devices: Collection[str],
) -> list[Any]:
    """Convert the parts among positional values, lines or requests, to plain data.

    Raises:
        RefusedError: a word of a part is unknown or does not fit.
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
    """Convert a part of a scan to plain data: `{"name": …, "args": …, "kwargs": …}`.

    Args:
        part: a line, or a request.
        catalogue: signatures of the scans.
        devices: names of the devices there are.

    Raises:
        RefusedError: the scan cannot be a part, or one of its parameters does not fit.
    """
    if isinstance(part, str):
        for word in split_words(part)[:1]:
            _check_part(find_signature(word, catalogue))
        part = parse_line(part, catalogue, devices)
    if not isinstance(part, ScanRequest):
        return part  # type: ignore[no-any-return] # checked when it is bound
    signature = find_signature(part.name, catalogue)
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
    """Remove the word `--dry` from a line; tell whether it was there.

    Raises:
        RefusedError: a quote or a bracket is not closed.
    """
    words = split_words(text)
    rest = _without_dry(words)
    for found in re.finditer(rf"(?<!\S){DRY}(?!\S)", text):
        line = f"{text[: found.start()].rstrip()}{text[found.end() :]}".strip()
        left = split_words(line)
        # Not where it is a part of a quoted word.
        if len(left) < len(words) and _without_dry(left) == rest:
            return take_dry(line)[0], True
    return text, False


def _without_dry(words: list[Word]) -> list[Word]:
    return [word for word in words if word != DRY or word.quoted is not None]


class _Reader:
    """Sorts the words of a line into positional ones and options of a scan."""

    def __init__(self, signature: Signature, words: list[Word]) -> None:
        self.signature = signature
        self.words = words
        self.options = {p.name: p for p in options_of(signature)}
        self.args: list[Any] = []
        self.kwargs: dict[str, Any] = {}

    def run(self) -> None:
        known = {
            name: Option(
                name, "bool" if one.kind == "bool" else "value", parameter_meaning(one)
            )
            for name, one in self.options.items()
        }
        for one in read_options(self.words, known, self.unknown):
            if isinstance(one, GivenOption):
                self.option(one)
            else:
                self.positional(one)

    def positional(self, word: Word) -> None:
        bundle = self.signature.bundle
        if bundle:
            word = value_of(bundle[len(self.args) % len(bundle)], word)
        self.args.append(word)

    def option(self, one: GivenOption) -> None:
        name, known = one.name, self.kwargs
        value: Any = one.value
        if isinstance(value, Word) and name == METADATA.name:
            name, value = metadata_of(value)
            known = self.kwargs.setdefault(METADATA.name, {})
        elif isinstance(value, Word):
            value = value_of(self.options[name], value)
        if name in known:
            raise RefusedError(f"{dashed(one.name)} is given twice", subject=name)
        known[name] = value

    def unknown(self, name: str) -> RefusedError:
        """Make the error for an unknown option; of a part that lacks its quotes?"""
        if self.signature.has_parts and any(" " not in str(one) for one in self.args):
            return RefusedError(
                f"each part of {self.signature.name} stands in quotes"
                f"{as_in(self.signature)}",
                subject=dashed(name),
                value=dashed(name),
            )
        return no_option(self.signature, name, dashed)


# --- words to values ------------------------------------------------------------------
def value_of(parameter: Parameter, word: Word) -> Any:
    """Convert a word to what its parameter takes; where it cannot, it stays a text.

    It is checked later, by `bind`, which says what is wrong with the text.
    """
    match parameter.kind:
        case "int" if _WHOLE.fullmatch(word):
            return int(word)
        case "int" | "float" if NUMBER.fullmatch(word):
            return float(word)
        case "bool":
            return TRUTH.get(word.lower(), str(word))
        case "number_list":
            return _list_of(word)
        case "number_lists":
            return _lists_of(word)
        case "device_list":
            parts = (part.strip(" \"'") for part in _bare(word).split(","))
            return [part for part in parts if part]
    return str(word)


def _bare(word: str) -> str:
    return word[1:-1] if word.startswith("[") and word.endswith("]") else word


def _list_of(word: str) -> Any:
    parts = [part.strip() for part in _bare(word).split(",")]
    if parts[-1] == "":
        parts.pop()
    if not all(NUMBER.fullmatch(part) for part in parts):
        return str(word)
    return [float(part) for part in parts]


def _lists_of(word: str) -> Any:
    """Read nested lists of numbers as they are typed: `.5` too, unlike in JSON."""
    try:
        return json.loads(NUMBER.sub(lambda found: repr(float(found[0])), word))
    except (ValueError, RecursionError):
        return str(word)


def metadata_of(word: Word) -> tuple[str, Any]:
    """Read `name=value` of a scan's metadata; in quotes the value is a text.

    Raises:
        RefusedError: the name or the equals sign is missing.
    """
    name, equals, text = word.partition("=")
    if not name or not equals:
        raise RefusedError(
            f"--metadata takes name=value, not {str(word)!r:.60}",
            subject="metadata",
            value=word,
            allowed="name=value",
        )
    if word.quoted is not None:
        return name, text
    return name, _guess(text)


def _guess(text: str) -> Any:
    """Read a value without a declared kind: number, true or false, JSON, or text."""
    if _WHOLE.fullmatch(text) and abs(int(text)) <= _LARGEST_SENT:
        return int(text)
    if NUMBER.fullmatch(text) and math.isfinite(float(text)):
        return float(text)
    if text in TRUTH:
        return TRUTH[text]
    if text.startswith(("[", "{")):
        try:
            return json.loads(text, parse_constant=_no_constant)
        except (ValueError, RecursionError):
            return text
    return text


def _no_constant(name: str) -> None:
    raise ValueError(name)


# --- requests -------------------------------------------------------------------------
def request_of(
    signature: Signature,
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    devices: Collection[str],
    naming: Naming = keyword,
) -> ScanRequest:
    """Make the request a call stands for; its `request_id` is empty.

    Args:
        signature: of the scan, or of one of its forms.
        args: positional values, bundle after bundle; a device is its name, or an object
            that has one.
        kwargs: options, and `metadata`, `scan_queue`, `nowait`; None: the default.
        devices: names of the devices there are.
        naming: how an error writes an option: `steps=` or `--steps`.

    Raises:
        RefusedError: a parameter is missing, unknown, out of range, or of another kind.
    """
    known = {p.name for p in options_of(signature)}
    own = {p.name for p in signature.options}
    common = {p.name for p in (METADATA, QUEUE, NOWAIT)} & known - own
    called = _called(signature, kwargs)
    given = {name: called.pop(name) for name in common if name in called}
    metadata = _metadata(given.get(METADATA.name, {}))
    queue = given.get(QUEUE.name, QUEUE.default)
    queue = check(signature.name, QUEUE, queue, devices)
    nowait = given.get(NOWAIT.name, NOWAIT.default)
    nowait = check(signature.name, NOWAIT, nowait, devices)
    bound = bind(signature, args, called, devices, naming)
    return ScanRequest(
        request_id="",
        name=signature.form_of or signature.name,
        args=bound.args,
        kwargs=bound.kwargs,
        queue=queue,
        metadata=metadata,
        nowait=nowait,
    )


def _called(signature: Signature, kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """Resolve what only a Python call may say.

    None stands for the default, and one device for a list of one.
    """
    lists = {p.name for p in signature.options if p.kind == "device_list"}
    return {
        name: [value] if name in lists and _is_device(value) else value
        for name, value in kwargs.items()
        if value is not None
    }


def _is_device(value: Any) -> bool:
    return isinstance(value, str) or hasattr(value, "name")


def _metadata(given: Any) -> dict[str, Any]:
    if not isinstance(given, Mapping) or not all(isinstance(k, str) for k in given):
        raise RefusedError(
            f"metadata: {given!r:.60} is not a dict with names", subject="metadata"
        )
    return dict(given)


def format_line(request: ScanRequest) -> str:
    """Format a request as the line that `parse_line` reads as the same request."""
    words = [summary(request)]
    if request.queue != "primary":
        words += [dashed(QUEUE.name), show(request.queue)]
    if request.nowait:
        words.append("--nowait")
    for name, value in request.metadata.items():
        words += ["--metadata", f"{name}={show(value)}"]
    return " ".join(words)
