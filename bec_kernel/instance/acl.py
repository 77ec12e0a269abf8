"""Pure: the broker's access rules (ACL), generated from the list of keys in `wire`.

A person reads what is published and appends to their own inboxes; a service writes the
keys that name it as a writer. The broker itself refuses everything else.
"""

import hashlib
from collections.abc import Iterable

from bec_kernel.wire import ROLES, RULES, Rule

_PERSON = (
    "-@all +ping +hello +auth +client|setinfo +client|setname +select +info"
    " +xadd +xrange +xrevrange +xread +get +hget +hgetall +subscribe +unsubscribe"
)
_SERVICE = (
    f"{_PERSON} +set +hset +hdel +del +xtrim +xdel +pexpire +pexpireat +time"
    " +publish +evalsha +eval +script|load"
)


def acl_file(persons: Iterable[str], passwords: dict[str, str], instance: str) -> str:
    """Return the text of the broker's ACL file.

    It has one user per service role and one per person; `default` is off.

    Args:
        persons: names of the persons.
        passwords: password of each role and person, by name.
        instance: prefix of all keys and channels.
    """
    lines = ["user default off sanitize-payload resetchannels -@all"]
    for role in ROLES:
        lines.append(_line(role, passwords[role], _role_keys(role), instance, _SERVICE))
    for one in persons:
        lines.append(_line(one, passwords[one], _person_keys(one), instance, _PERSON))
    return "\n".join(lines) + "\n"


def _line(user: str, password: str, keys: list[str], instance: str, may: str) -> str:
    digest = hashlib.sha256(password.encode()).hexdigest()
    prefix = f"{{{instance}}}:"
    patterns = " ".join(
        f"%{mode}~{prefix}{name}" for mode, name in (key.split() for key in keys)
    )
    return f"user {user} on #{digest} {patterns} &{prefix}* {may}"


def _glob(rule: Rule, last: str = "*") -> str:
    head, cut, tail = rule.pattern.rpartition("{}")
    return head.replace("{}", "*") + last + tail if cut else rule.pattern


def _role_keys(role: str) -> list[str]:
    keys = ["R pub/*", "R svc/*", f"R ask/{role}/*"]
    return keys + [f"RW {_glob(rule)}" for rule in RULES if role in rule.writers]


def _person_keys(person: str) -> list[str]:
    asks = (rule for rule in RULES if rule.kind == "inbox")
    return ["R pub/*", *(f"RW {_glob(rule, person)}" for rule in asks)]
