"""Pure: completion of a line of a scan, for Tab."""

from collections.abc import Collection, Mapping

from bec_kernel.errors import RefusedError
from bec_kernel.language.format import dashed, show
from bec_kernel.language.metadata import NO_FIELDS, Fields, field_help
from bec_kernel.language.signature import (
    METADATA,
    Catalogue,
    find_signature,
    options_of,
    parameter_meaning,
)
from bec_kernel.language.tokenizer import DRY, Word, split_unfinished
from bec_kernel.wire import Parameter, Signature

Candidate = tuple[str, str]
"""A word that can be typed here, and its meaning: unit and description."""


def complete_line(
    text: str,
    catalogue: Catalogue,
    devices: Collection[str] | Mapping[str, str],
    motors: Collection[str] | None = None,
    fields: Fields = NO_FIELDS,
) -> list[Candidate]:
    """List candidates for the end of `text`, each with unit and description.

    Args:
        text: the line up to the cursor, without the magic's own name.
        catalogue: signatures of the scans.
        devices: names, or descriptions by name.
        motors: names of the devices that can be moved; None: not known.
        fields: metadata fields of the site.
    """
    words, part = split_unfinished(text)
    if not words:
        found = _scan_names(catalogue)
    else:
        try:
            signature = find_signature(words[0], catalogue)
        except RefusedError:
            return []
        if _is_part(signature, words, part):
            found = complete_line(part, _parts(catalogue), devices, motors)
            return _of_a_part(found, part, catalogue)
        known = devices if isinstance(devices, Mapping) else dict.fromkeys(devices, "")
        movable = (
            known if motors is None else {n: known[n] for n in motors if n in known}
        )
        if words[-1] == dashed(METADATA.name) and signature.is_scan:
            found = _metadata(fields, words, part)
        else:
            found = _next_words(signature, words[1:], part, known, movable)
    return [one for one in found if one[0].startswith(part)]


def _is_part(signature: Signature, words: list[Word], part: Word) -> bool:
    """Tell whether `part` is the line of a part, in quotes that are still open."""
    is_value = words[-1].startswith("--")
    return signature.has_parts and part.quoted == 0 and not is_value


def _of_a_part(
    found: list[Candidate], line: str, catalogue: Catalogue
) -> list[Candidate]:
    """Remove the options that are given once, for the whole scan."""
    words, _ = split_unfinished(line)
    if not words or not found:
        return found
    options = options_of(find_signature(words[0], catalogue))
    whole = {DRY, *(dashed(one.name) for one in options if one.whole)}
    is_value = words[-1].replace("_", "-") in whole
    return [one for one in found if one[0] not in whole and not is_value]


def _parts(catalogue: Catalogue) -> Catalogue:
    """Select the scans that can be part of another."""
    return {
        name: one
        for name, one in catalogue.items()
        if not (one.driven or one.has_parts)
    }


def _scan_names(catalogue: Catalogue) -> list[Candidate]:
    found = {name: _first_line(one.doc) for name, one in catalogue.items()}
    for one in catalogue.values():
        found |= dict.fromkeys(one.aliases, f"same as {one.name}")
        found |= {form.name: form.doc for form in one.forms}
    return sorted(found.items())


def _first_line(doc: str) -> str:
    return doc.strip().split("\n", 1)[0].split(". ", 1)[0].removesuffix(".")


def _next_words(
    signature: Signature,
    words: list[Word],
    part: str,
    devices: Mapping[str, str],
    motors: Mapping[str, str],
) -> list[Candidate]:
    options = {dashed(p.name): p for p in options_of(signature)}
    last = options.get(words[-1].replace("_", "-")) if words else None
    if last is not None and last.kind != "bool":
        return _words_for(last, devices)
    free = _free_options(options, words)
    if part.startswith("-"):
        return free
    bundle = signature.bundle
    at = len(_positional(words, options))
    if not bundle or (at % len(bundle) == 0 and _is_full(signature, at)):
        return free
    # What a scan takes word by word it moves; what it only reads is an option.
    found = _words_for(bundle[at % len(bundle)], motors)
    done = at > 0 and at % len(bundle) == 0
    return [*found, *(free if done and not part else [])]


def _is_full(signature: Signature, at: int) -> bool:
    high = signature.bundles[1]
    return bool(high) and at >= high * len(signature.bundle)


def _positional(words: list[Word], options: Mapping[str, Parameter]) -> list[Word]:
    found, skip = [], False
    for word in words:
        if skip:
            skip = False
        elif word.startswith("--"):
            option = options.get(word.replace("_", "-"))
            skip = option is not None and option.kind != "bool"
        else:
            found.append(word)
    return found


def _metadata(fields: Fields, words: list[Word], part: str) -> list[Candidate]:
    """List `name=` of fields not given yet; after `name=`, its choices."""
    name, equals, _ = part.partition("=")
    if equals:
        choices = fields[name].choices if name in fields else []
        return [(f"{name}={show(one)}", field_help(fields[name])) for one in choices]
    used = {word.partition("=")[0] for word in words}
    return [(f"{n}=", field_help(one)) for n, one in fields.items() if n not in used]


def _free_options(
    options: Mapping[str, Parameter], words: list[Word]
) -> list[Candidate]:
    used = {word.partition("=")[0].replace("_", "-") for word in words}
    used.discard("--metadata")
    found = [(n, parameter_meaning(p)) for n, p in options.items() if n not in used]
    return found if DRY in used else [*found, (DRY, "only say what it would do")]


def _words_for(parameter: Parameter, devices: Mapping[str, str]) -> list[Candidate]:
    if parameter.kind == "device":
        return sorted(devices.items())
    return [
        (show(choice), parameter_meaning(parameter)) for choice in parameter.choices
    ]
