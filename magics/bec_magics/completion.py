"""Tab behind a magic and behind our names; in a terminal and in Jupyter."""

import ast
import contextlib
import re
from collections.abc import Callable
from typing import Any

from IPython.core.completer import (
    CompletionContext,
    SimpleCompletion,
    SimpleMatcherResult,
    context_matcher,
)

from bec_kernel.client.scan import ScanReport
from bec_kernel.errors import BecError

Words = Callable[[str], list[str]]
"""From what stands behind the magic, up to the cursor, to what may come next."""

_ROOMS = ("bec_kernel", "bec_magics")
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
        # A token begins behind `=`, one of our words before it: `name=value`.
        head = found[2].rsplit(maxsplit=1)[-1] if found[2][-1:].strip() else ""
        head = head.removesuffix(typed)
        fitting = [
            SimpleCompletion(word, type="magic")
            for word in (one.removeprefix(head) for one in candidates)
            if word.startswith(typed)
        ]
        # Python names mean nothing in this line, also where we have nothing to offer.
        return {"completions": _Completions(fitting), "suppress": True, "ordered": True}

    return match


def matcher_of_names(shell: Any) -> Any:
    """Return a matcher for `dev.samx.`, `history[-1].`, `last.devices.` and the like.

    IPython looks behind no object that makes its attributes when they are asked for;
    ours may be asked, whatever the person calls them. A property is not read: it may
    be a question to the hardware; but `devices` of a scan is only one to its data.
    """
    begins = re.compile(r"(?<![\w.\])])([A-Za-z_]\w*)((?:\.\w+|\[[^\[\]]*\])+)\.(\w*)$")

    @context_matcher(identifier="bec_names")  # type: ignore[untyped-decorator,unused-ignore]
    def match(context: CompletionContext) -> SimpleMatcherResult:
        found = begins.search(context.text_until_cursor)
        if found is None or shell.Completer.use_jedi:  # which can do it
            return {"completions": []}
        name, path, part = found.groups()
        typed = context.token.removesuffix(part)
        told: list[str] = []
        with contextlib.suppress(BecError, AttributeError, LookupError, ValueError):
            told = dir(_walk(_ours(shell.user_ns[name]), path))
        return {
            "completions": [
                SimpleCompletion(f"{typed}{one}", type="instance")
                for one in told
                if one.startswith(part) and (part or not one.startswith("_"))
            ]
        }

    return match


def _ours(thing: Any) -> Any:
    """Find the object of a name, unless the person gave it another meaning."""
    if type(thing).__module__.partition(".")[0] not in _ROOMS:
        raise LookupError
    return thing


def _walk(thing: Any, path: str) -> Any:
    """Find the object behind `.samx` or `[-1]`, without reading a property."""
    for name, key in re.findall(r"\.(\w+)|\[([^\[\]]*)\]", path):
        is_free = name == "devices" and isinstance(thing, ScanReport)
        if isinstance(getattr(type(thing), name, None), property) and not is_free:
            raise AttributeError(name)
        thing = getattr(thing, name) if name else thing[ast.literal_eval(key)]
    return thing


class _Completions(list[SimpleCompletion]):
    """Completions that count as some even if there are none.

    IPython asks the other matchers, too, where one has offered nothing.
    """

    def __len__(self) -> int:
        return max(1, super().__len__())
