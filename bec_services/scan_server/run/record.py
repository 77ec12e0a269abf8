"""Pure: a step log as an earlier life of the worker has left it.

Of a long scan most steps have left the bus. They are compared all the same when the
program is run again: by a sum of what went at once.
"""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

import msgspec

from bec_kernel.bus import encode
from bec_kernel.wire import Mark, Step, StepEntry, Thinned, Verb


class Record:
    """The recorded steps of a scan, whole or as a sum.

    Args:
        entries: that are there, in order; the first one is the scan's begin.
        thinned: what is known of the others, in order.

    Attributes:
        length: number of entries the log has had.
    """

    def __init__(
        self, entries: Sequence[StepEntry], thinned: Iterable[Thinned] = ()
    ) -> None:
        self._entries = {_index(entry): entry for entry in entries}
        self._thinned = {one.index: one.sum for one in thinned}
        self._from = 1
        self._sum = _Sum()
        self.length = _index(entries[-1]) + 1

    def __getitem__(self, index: int) -> StepEntry | None:
        """Return an entry; None: it has left, or does not exist yet."""
        return self._entries.get(index)

    @property
    def marks(self) -> list[Mark]:
        """All decisions."""
        return [one for one in self._entries.values() if isinstance(one, Mark)]

    def diverged(self, since: int) -> Mark | None:
        """Return where it was written down that the program does not repeat itself."""
        found = (m for m in self.marks if m.verb is Verb.DIVERGED and m.index >= since)
        return next(found, None)

    def between(self, start: int, stop: int) -> Iterator[StepEntry]:
        """Yield what is there of the entries from `start` to before `stop`."""
        yield from (one for i, one in self._entries.items() if start <= i < stop)

    def difference(self, step: Step) -> str:
        """Compare a step with the recorded one; empty text: they are equal.

        Args:
            step: the next one, in the order of the log.
        """
        recorded = self[step.index]
        if recorded is None and not goes(step):
            return f"step {step.index} was a point or a move, now it is {step}"
        if recorded is None:
            self._sum.add(step)
        elif not isinstance(recorded, Step) or _plain(recorded) != _plain(step):
            return f"step {step.index} was {recorded}, now it is {step}"
        if step.index not in self._thinned:
            return ""
        start, self._from = self._from, step.index + 1
        was, now = self._thinned[step.index], self._sum.end()
        return "" if was == now else _differ(start, step.index)


class _Sum:
    """Adds up steps."""

    def __init__(self) -> None:
        self._hash = hashlib.blake2b(digest_size=16)

    def add(self, step: Step) -> None:
        plain = _plain(step)
        setpoints = dict(sorted(plain.request.set.items()))
        request = msgspec.structs.replace(plain.request, set=setpoints)
        plain = msgspec.structs.replace(plain, request=request)
        self._hash.update(encode(plain))

    def end(self) -> str:
        """Return the sum, and begin anew."""
        found = self._hash.hexdigest()
        self._hash = hashlib.blake2b(digest_size=16)
        return found


def thin(entries: Iterable[StepEntry]) -> tuple[Thinned, list[tuple[int, int]]] | None:
    """Sum up the entries that may leave the bus, and list their ranges (inclusive).

    Args:
        entries: in order, behind those that were thinned before. None of them may go:
            None is returned.
    """
    total, runs = _Sum(), list[tuple[int, int]]()
    for leaves, group in groupby(entries, goes):
        some = list(group)
        if leaves:
            runs.append((_index(some[0]), _index(some[-1])))
        for one in some if leaves else ():
            assert isinstance(one, Step)
            total.add(one)
    return (Thinned(index=runs[-1][1], sum=total.end()), runs) if runs else None


def goes(entry: StepEntry) -> bool:
    """Say whether an entry may leave: it is only needed for comparison.

    The first point stays: it holds the start of a relative scan.
    """
    if not isinstance(entry, Step) or not entry.request.kind.traits.thins:
        return False
    return not entry.request.answer and entry.request.point_id != 0


def _differ(start: int, stop: int) -> str:
    return (
        f"the program does not repeat itself: steps {start} to {stop} differ from the "
        "recorded ones"
    )


def _plain(step: Step) -> Step:
    """Copy a step without the fields that depend on its answers, not on the program."""
    request = msgspec.structs.replace(step.request, answer=False)
    return msgspec.structs.replace(step, request=request, seen=-1)


def _index(entry: StepEntry) -> int:
    return getattr(entry, "index", 0)  # a begin has none: it is the first
