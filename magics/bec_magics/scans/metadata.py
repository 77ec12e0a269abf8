"""Tab behind `metadata={"` and `bec.metadata["`: what the site has published of it."""

import re
from typing import Any

from IPython.core.completer import (
    CompletionContext,
    SimpleCompletion,
    SimpleMatcherResult,
    context_matcher,
)

from bec_kernel.errors import BecError
from bec_magics.setup import Session

_HERE = r"\bmetadata\s*(?:=\s*\{(?:[^{}]*,)?|\[)\s*"
_NAME = re.compile(rf"""{_HERE}(?P<quote>["'])(?P<part>\w*)$""")
_VALUE = re.compile(
    rf"""{_HERE}(["'])(?P<name>\w+)\1\s*(?::|\]\s*=)\s*"""
    r"""(?P<quote>["']?)(?P<part>[^"'{}\[\],]*)$"""
)


def matcher_of_metadata(session: Session) -> Any:
    """Return a matcher for names and values of metadata, as Python writes them."""

    @context_matcher(identifier="bec_metadata")  # type: ignore[untyped-decorator,unused-ignore]
    def match(context: CompletionContext) -> SimpleMatcherResult:
        line = context.text_until_cursor.rsplit("\n", 1)[-1]
        name, value = _NAME.search(line), _VALUE.search(line)
        found = value or name
        if found is None or line.lstrip().startswith("%"):
            return {"completions": []}
        try:
            fields = session.client.metadata.fields()
        except BecError:
            return {"completions": []}
        words: list[Any] = list(fields)
        if value:
            field = fields.get(value["name"])
            words = field.choices if field else []
        told = [str(one) if found["quote"] else repr(one) for one in words]
        # What stands before the token is typed, and stays.
        head = found["part"].removesuffix(context.token)
        fitting = [
            SimpleCompletion(one.removeprefix(head), type="metadata")
            for one in told
            if one.startswith(found["part"])
        ]
        # Within quotes no other name can be meant; without, a variable may be.
        alone = bool(found["quote"] and fitting)
        return {"completions": fitting, "suppress": alone, "ordered": True}

    return match
