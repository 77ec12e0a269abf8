"""Lets the first steps of a long scan leave the bus; a sum of them stays.

Their answers went before: so every point that they are part of is in the log of points.
"""

from collections.abc import Iterable

from bec_kernel.bus.changes import Append, Change, Id, Trim
from bec_kernel.instance import points_kept
from bec_kernel.service import Life
from bec_kernel.wire import StepEntry, keys
from bec_services.scan_server.run.record import thin

_SHARE = 100  # of what stays goes at once: the next step waits meanwhile
_PAGE = 1000


class Thinning:
    """The step log of one scan.

    Args:
        life: of the scan server.
        scan_id: of the scan.
        least: minimum number of steps that stay; more than may be in flight.
    """

    def __init__(self, life: Life, scan_id: str, least: int) -> None:
        self._life = life
        self._scan_id = scan_id
        self._steps = keys.steps(scan_id)
        self._thinned = keys.thinned(scan_id)
        self._keep = max(points_kept(life.setup.data), least)
        self._step = max(1, self._keep // _SHARE)
        self._due = self._keep + self._step
        self._after: Id | None = None

    def issued(self, index: int, servers: Iterable[str]) -> None:
        """A step was issued; now and then many go, in a short scan none.

        Args:
            index: of the step.
            servers: device servers that answer.
        """
        if index < self._due:
            return
        self._due = index + self._step
        if self._after is None:
            last = self._life.bus.last(self._thinned)
            self._after = last.id if last else Id.of(0)
        upto = Id.of(min(index - self._keep, self._digested(servers)))
        while page := self._life.bus.read(self._steps, self._after, _PAGE):
            some = [entry for entry in page if entry.id <= upto]
            if not some:
                return
            self._after = some[-1].id
            self._thin(entry.message for entry in some)

    def _thin(self, entries: Iterable[StepEntry]) -> None:
        if (found := thin(entries)) is None:
            return
        made, runs = found
        changes: list[Change] = [Append(self._thinned, made, Id.of(made.index))]
        changes += [Trim(self._steps, Id.of(b + 1), Id.of(a)) for a, b in runs]
        self._life.bus.commit(changes, self._life.fence)

    def _digested(self, servers: Iterable[str]) -> int:
        """Return up to which step no device server needs them."""
        digests = [keys.digests(self._scan_id, server) for server in servers]
        found = [self._life.bus.last(log) for log in digests]
        return min(one.message.index if one else -1 for one in found)
