"""Tab behind a magic: scans, devices, options; in a terminal and in Jupyter."""

import re
from collections.abc import Callable
from typing import Any

from IPython.core.completer import (
    CompletionContext,
    SimpleCompletion,
    SimpleMatcherResult,
    context_matcher,
)

from bec_kernel.errors import BecError

Words = Callable[[str], list[str]]
"""From what stands behind the magic, up to the cursor, to what may come next."""

_MAGIC = re.compile(r"^\s*(?:[\w.\[\]]+\s*=\s*)?%(\w+)\s+(.*)$", re.DOTALL)


def matcher_for(words: dict[str, Words]) -> Any:
    """Return a matcher for IPython's completer: `words` by the magic's name."""

    @context_matcher(identifier="bec_magics")  # type: ignore[untyped-decorator,unused-ignore]
    def match(context: CompletionContext) -> SimpleMatcherResult:
        found = _MAGIC.match(context.text_until_cursor)
        if not found or found[1] not in words:
            return {"completions": []}
        try:
            candidates = words[found[1]](found[2])
        except BecError:
            candidates = []  # no instance: nothing to offer, and nothing to say here
        typed = context.token
        fitting = [
            SimpleCompletion(word, type="magic")
            for word in candidates
            if word.startswith(typed)
        ]
        # Python names mean nothing in this line, also where we have nothing to offer.
        return {"completions": _Told(fitting), "suppress": True, "ordered": True}

    return match


class _Told(list[SimpleCompletion]):
    """Completions that count as some even if there are none.

    IPython asks the other matchers, too, where one has offered nothing.
    """

    def __len__(self) -> int:
        return max(1, super().__len__())
