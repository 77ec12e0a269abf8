"""Pure: the three kinds of key, and families of keys."""

from dataclasses import dataclass
from typing import Any, Generic, TypeVar

M = TypeVar("M")
A = TypeVar("A")

SERVICES = (
    "scan_server",
    "device_server",
    "scan_bundler",
    "file_writer",
    "scihub",
    "data_analysis",
)
"""The six services: each is one user of the broker and one folder of code."""

ROLES = (*SERVICES, "launcher")
"""All users of the broker other than persons."""


@dataclass(frozen=True, slots=True)
class Log(Generic[M]):
    """Events in order: append, read, follow."""

    name: str
    type: Any


@dataclass(frozen=True, slots=True)
class Latest(Generic[M]):
    """A current value (last write wins): put, get, watch.

    Attributes:
        fields: it holds one message a field (a hash) and not just one.
    """

    name: str
    type: Any
    fields: bool = False


@dataclass(frozen=True, slots=True)
class Inbox(Generic[M, A]):
    """Requests to one service: ask, take, answer.

    Attributes:
        name: stream of requests; only its user appends.
        replies: stream of answers; only the service appends.
    """

    name: str
    type: Any
    replies: Log[A]

    @property
    def user(self) -> str:
        """Name of the user whose inbox it is: the last part of the key."""
        return self.name.rpartition("/")[2]

    @property
    def requests(self) -> Log[M]:
        """The stream of requests, to be read by its service."""
        return Log(self.name, self.type)


@dataclass(frozen=True)
class Rule:
    """Writers and readers of the keys of one pattern.

    Attributes:
        pattern: name with `{}` for each part that varies.
        kind: `log`, `latest`, `fields`, `inbox` or `lease`.
        writers: roles that write; "user" stands for the person in the pattern.
        readers: "everyone" or "services".
        message: type of what lives there.
    """

    pattern: str
    kind: str
    writers: tuple[str, ...]
    readers: str = "everyone"
    message: Any = None

    def name(self, *parts: str) -> str:
        """Return the key's name; parts must not contain what separates them."""
        for part in parts:
            if not part or not set(part).isdisjoint("/{}*?[] \\"):
                raise ValueError(f"{part!r} cannot be part of a key")
        return self.pattern.format(*parts)


RULES: list[Rule] = []
"""Every key there is: the ACL file is made from this list."""


def _rule(pattern: str, kind: str, by: tuple[str, ...], message: Any) -> Rule:
    readers = "services" if pattern.startswith("svc/") else "everyone"
    RULES.append(Rule(pattern, kind, by, readers, message))
    return RULES[-1]


class Logs(Generic[M]):
    """A family of logs: call it with the parts that vary."""

    def __init__(self, pattern: str, kind: Any, *by: str) -> None:
        self.rule = _rule(pattern, "log", by, kind)
        self._type = kind

    def __call__(self, *parts: str) -> Log[M]:
        """Return the log with these parts in its name."""
        return Log(self.rule.name(*parts), self._type)


class Latests(Generic[M]):
    """A family of latest values: call it with the parts that vary."""

    def __init__(self, pattern: str, kind: Any, *by: str, fields: bool = False) -> None:
        self._rule = _rule(pattern, "fields" if fields else "latest", by, kind)
        self._type = kind
        self._fields = fields

    def __call__(self, *parts: str) -> Latest[M]:
        """Return the latest value with these parts in its name."""
        return Latest(self._rule.name(*parts), self._type, self._fields)


class Inboxes(Generic[M, A]):
    """A family of inboxes of one service, one a user (the last part)."""

    def __init__(self, pattern: str, kind: Any, reply: Any, by: str) -> None:
        self._rule = _rule(f"ask/{by}/{pattern}", "inbox", ("user",), kind)
        self._replies: Logs[A] = Logs(f"pub/{by}/replies/{pattern}", reply, by)
        self._type = kind

    def __call__(self, *parts: str) -> Inbox[M, A]:
        """Return the inbox with these parts in its name; the user comes last."""
        return Inbox(self._rule.name(*parts), self._type, self._replies(*parts))
