"""Pure: rights of a user; the name comes from the key of the request, not its text."""

from collections.abc import Mapping

from bec_kernel.errors import RefusedError

OPERATOR = "operator"


def check_right(user: str, roles: Mapping[str, str], owner: str, what: str) -> None:
    """Let an operator act on all items, and everybody on their own.

    Args:
        user: the user who asks.
        roles: by user name; a user without a role is an operator.
        owner: whose item it is; empty: everybody's, as a queue is.
        what: they want to do, for people: `abort line_scan`.

    Raises:
        RefusedError: they may not; it names the owner and the role.
    """
    role = roles.get(user, OPERATOR)
    if role == OPERATOR or user == owner:
        return
    raise RefusedError(
        f"{user} may not {what}: it is {owner or 'everybody'}'s, and a {role} acts on "
        f"their own items only; an {OPERATOR} may",
        subject="user",
        value=user,
        allowed=OPERATOR,
    )
