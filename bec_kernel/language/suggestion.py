"""Pure: suggestions for a misspelled name ("did you mean …?")."""

import difflib
from collections.abc import Iterable

from bec_kernel.errors import RefusedError

_LONGEST = 80
"""Characters of a wrong name that are compared and repeated in an error."""
_MOST_SUGGESTED = 3
"""Maximum number of names suggested because they begin with what was given."""
_MOST_LISTED = 12
"""Maximum number of names listed where none is similar."""


def closest(name: str, valid: Iterable[str]) -> list[str]:
    """Find the valid names that `name` probably stands for.

    Returns:
        Up to three names that begin with `name`; else the most similar one; else none.
    """
    name, names = name[:_LONGEST], sorted(valid)
    begun = [one for one in names if name and one.startswith(name)]
    found = begun or difflib.get_close_matches(name, names, 1, 0.5)
    return found if len(found) <= _MOST_SUGGESTED else []


def nearest(name: str, valid: Iterable[str]) -> str:
    """Word a hint for an unknown name: `did you mean samx?`, or which names exist."""
    names = sorted(valid)
    if found := closest(name, names):
        return f"did you mean {' or '.join(found)}?"
    if not names:
        return "there is none"
    hidden = len(names) - _MOST_LISTED
    more = f" and {hidden} more" if hidden > 0 else ""
    return f"there is {', '.join(names[:_MOST_LISTED])}{more}"


def refuse_unknown(kind: str, name: str, valid: Iterable[str]) -> RefusedError:
    """Make the error for an unknown name: `no device 'smx': did you mean samx?`."""
    name, names = name[:_LONGEST], sorted(valid)
    return RefusedError(
        f"no {kind} {name!r:.60}: {nearest(name, names)}",
        subject=kind,
        value=name,
        allowed=", ".join(names),
    )
