"""Pure: the rules of queues, and which of them are broken.

A rule is broken as soon as its value is not as it must be, or is not known; it is whole
again when the value has been as it must be for as long as the rule says.
"""

import math
from collections.abc import Callable, Collection, Iterable

import msgspec

from bec_kernel.wire import Condition, Suspender

Look = Callable[[Condition], float | None]
"""Look up the value that a condition compares; None: unknown."""


class _Rule:
    """One rule, and since when it holds again.

    Attributes:
        in_vain: one has waited for it, and its value was not good since.
    """

    def __init__(self, suspender: Suspender, *, broken: bool) -> None:
        self.suspender = suspender
        self.broken = broken
        self.in_vain = False
        self.why = ""
        self._since: float | None = None

    def look(self, value: float | None, now: float) -> None:
        rule = self.suspender.rule
        if value is None or not rule.is_met(value):
            self.broken, self._since = True, None
            state = "its value is not known" if value is None else f"it is {value:g}"
            self.why = f"{rule}: {state}"
            return
        self.in_vain = False
        if not self.broken:
            return
        self._since = now if self._since is None else self._since
        self.why = self.why or f"{rule}: so for too short a time"
        if now >= self._since + rule.held:
            self.mend()

    def mend(self) -> None:
        """Mark the rule as holding again."""
        self.broken, self._since, self.why = False, None, ""

    @property
    def due(self) -> float:
        """Time at which the rule holds again if its value stays; infinite: never."""
        if self._since is None:
            return math.inf
        return self._since + self.suspender.rule.held


class Rules:
    """All rules, by queue and name."""

    def __init__(
        self, suspenders: Iterable[Suspender] = (), broken: Collection[str] = ()
    ) -> None:
        """Take in rules; those of the queues in `broken` were broken a life ago."""
        self._rules = {
            key_of(one): _Rule(one, broken=one.queue in broken) for one in suspenders
        }

    def add(self, suspender: Suspender) -> None:
        """Add a rule, or put it in another one's place."""
        self._rules[key_of(suspender)] = _Rule(suspender, broken=False)

    def remove(self, key: str) -> Suspender | None:
        """Take a rule away; return it, if there was one."""
        found = self._rules.pop(key, None)
        return found.suspender if found else None

    def look(self, value_of: Look, now: float) -> None:
        """Take note of all values as they are `now`, s."""
        for rule in self._rules.values():
            rule.look(value_of(rule.suspender.rule), now)

    def waited(self, queue: str, rule: Condition, *, met: bool) -> bool:
        """Take note of the end of a wait for a rule; return whether it was broken.

        Args:
            queue: of the rule.
            rule: that was waited for, its deadline aside.
            met: it was so for its time, by the device server's clock.
        """
        found = [
            one
            for one in self._rules.values()
            if one.broken
            and one.suspender.queue == queue
            and msgspec.structs.replace(rule, deadline=one.suspender.rule.deadline)
            == one.suspender.rule
        ]
        for one in found:
            one.in_vain = not met
            if met:
                one.mend()
        return bool(found)

    def hopeful(self) -> list[Suspender]:
        """Give the broken rules without a wait that has ended in vain."""
        found = [r for r in self._rules.values() if r.broken and not r.in_vain]
        return [one.suspender for one in found]

    def broken(self, queue: str) -> list[tuple[Suspender, str]]:
        """Return the broken rules of a queue, and why each is."""
        mine = (r for r in self._rules.values() if r.suspender.queue == queue)
        return [(rule.suspender, rule.why) for rule in mine if rule.broken]

    def of(self, queue: str) -> list[str]:
        """Return the names of a queue's rules."""
        all_of_them = (rule.suspender for rule in self._rules.values())
        return sorted(one.name for one in all_of_them if one.queue == queue)

    @property
    def due(self) -> float:
        """Time at which the next broken rule may hold again; infinite: none."""
        return min((rule.due for rule in self._rules.values()), default=math.inf)

    @property
    def queues(self) -> set[str]:
        """Queues that have rules."""
        return {rule.suspender.queue for rule in self._rules.values()}

    @property
    def devices(self) -> set[str]:
        """Devices whose values are looked at."""
        return {rule.suspender.rule.device for rule in self._rules.values()}

    def __len__(self) -> int:
        return len(self._rules)


def key_of(suspender: Suspender) -> str:
    """Return where a rule lives on the bus."""
    return f"{suspender.queue}.{suspender.name}"
