"""Pure: `ring above 80 for 60`: a rule over a value, as people write it."""

import math

from bec_kernel.errors import RefusedError
from bec_kernel.wire import Condition

EXAMPLE = "ring above 80 for 60"
_FIELDS = {"above": "above", "below": "below", "for": "held", "within": "deadline"}
_FORM = "DEVICE[.SIGNAL] above X and/or below Y [for S] [within S]"


def condition_of(text: str, what: str = "wait_until") -> Condition | None:
    """Return the rule in `text`; None for an empty one.

    Args:
        text: as people write it.
        what: it is for; named in an error.

    Raises:
        RefusedError: it cannot be understood; the text says what was allowed.
    """
    first, *words = text.split() or [""]
    if not first:
        return None
    try:
        return _read(first, words)
    except ValueError as error:
        raise RefusedError(
            f"{what} {text!r:.80}: {error}; as in: {EXAMPLE}",
            subject=what,
            value=text[:80],
            allowed=_FORM,
        ) from None


def text_of(condition: Condition) -> str:
    """Return the text that `condition_of` makes this rule of."""
    signal = f".{condition.signal}" if condition.signal else ""
    words = [f"{condition.device}{signal}"]
    for word, name in _FIELDS.items():
        value = getattr(condition, name)
        words += [] if value is None else [word, repr(float(value))]
    return " ".join(words)


def _read(first: str, words: list[str]) -> Condition:
    device, _, signal = first.partition(".")
    given: dict[str, float] = {}
    for word, number in zip(words[::2], [*words[1::2], ""], strict=False):
        if word not in _FIELDS or _FIELDS[word] in given:
            raise ValueError(f"{word!r:.40} is not understood")
        given[_FIELDS[word]] = _number(word, number)
    if not {"above", "below"} & given.keys():
        raise ValueError("it says neither above nor below")
    if min(given.get("held", 0.0), given.get("deadline", 0.0)) < 0:
        raise ValueError("a time is negative")
    return Condition(device=device, signal=signal, **given)


def _number(word: str, number: str) -> float:
    try:
        found = float(number)
    except ValueError:
        found = math.nan
    if not math.isfinite(found):
        raise ValueError(f"behind {word} comes a number, not {number!r:.40}")
    return found
