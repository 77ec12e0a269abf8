"""The queues of the scan server."""

from collections.abc import Callable
from html import escape
from typing import Any

from bec_kernel import tabulate
from bec_kernel.bus import Bus
from bec_kernel.client.connection import Reader
from bec_kernel.client.queue.begins import begins
from bec_kernel.client.queue.ended import Ended
from bec_kernel.client.queue.waiting import Waiting
from bec_kernel.client.scan import ScanReport
from bec_kernel.errors import RefusedError
from bec_kernel.language import summary
from bec_kernel.wire import (
    Item,
    ItemAction,
    ItemState,
    Place,
    QueueAction,
    QueueState,
    QueueStatus,
    QueueVerb,
    Suspender,
    SuspenderAction,
    Verb,
    keys,
)

Send = Callable[..., Any]
"""Sends an action of a kind, with these fields, and returns what is replied."""
Which = ScanReport | Item | int | str | None
"""An item: itself, its report, its place among those that wait (1 is the next one), its
scan id or how that begins; None: what runs."""
_ENDED = 200
_WHERE = ("up", "down", "top", "bottom")


class Queue:
    """One queue: what runs, what waits. `queue["other"]` is another one.

    Attributes:
        name: of the queue.
    """

    _HEAD = ("", "scan", "user", "request", "state", "begins", "ends", "reason")

    def __init__(
        self,
        bus: Bus,
        reader: Reader,
        send: Send,
        make: Callable[[str], ScanReport],
        name: str = "primary",
    ) -> None:
        self.name = name
        self._bus = bus
        self._reader = reader
        self._send = send
        self._make = make

    def __getitem__(self, name: str) -> "Queue":
        return Queue(self._bus, self._reader, self._send, self._make, name)

    # --- what is so -------------------------------------------------------------------
    @property
    def names(self) -> list[str]:
        """The queues there are: the primary one, and those with items or held up."""
        return sorted(self._reader.retry(lambda: self._bus.get_all(keys.queues())))

    @property
    def items(self) -> list[Item]:
        """Items that have not ended: what runs, then what waits, the next one first."""
        return [i for i in self._all().items if i.request.queue == self.name]

    @property
    def waiting(self) -> list[Item]:
        """Scans that wait, the next one first."""
        pending = (item for item in self.items if item.state is ItemState.PENDING)
        return [item for item in pending if item.is_scan]

    @property
    def status(self) -> QueueState:
        """State of the queue."""
        return self.held.state

    @property
    def held(self) -> QueueStatus:
        """What holds the queue up, since when, by whom and why."""
        status: QueueStatus | None = self._reader.retry(
            lambda: self._bus.get(keys.queues(), self.name)
        )
        return status or QueueStatus(name=self.name)

    @property
    def history(self) -> Ended:
        """Items of this queue that have ended lately, the last one last."""
        log = keys.items_done()
        found = self._reader.retry(lambda: self._bus.tail(log, _ENDED))
        items: list[Item | None] = [entry.message for entry in found]  # None: odd bytes
        return Ended([one for one in items if one and one.request.queue == self.name])

    def _all(self) -> Waiting:
        items = self._reader.retry(lambda: self._bus.get_all(keys.items()))
        queues = self._reader.retry(lambda: self._bus.get_all(keys.queues()))
        return Waiting(items.values(), queues)

    # --- the queue --------------------------------------------------------------------
    def pause(self, *, now: bool = False, reason: str = "") -> None:
        """Begin nothing more, and pause what runs behind its point.

        Args:
            now: stop motion, and repeat the point later.
            reason: why; others see it.
        """
        verb = QueueVerb.PAUSE_NOW if now else QueueVerb.PAUSE
        self._on_queue(verb, reason=reason)

    def resume(self) -> None:
        """Resume this paused queue, and the paused scan that runs in it.

        Locks and suspension rules stay in force.

        Raises:
            RefusedError: neither the queue nor its running scan is paused by a user.
        """
        self._on_queue(QueueVerb.RESUME)

    def lock(self, reason: str, *, moves: bool = False) -> None:
        """Begin nothing more; what runs goes on to its end.

        Args:
            reason: why; others see it, with the user's name.
            moves: moves still begin.
        """
        self._on_queue(QueueVerb.LOCK, reason=reason, moves=moves)

    def unlock(self) -> None:
        """Take the lock away, whoever has set it."""
        self._on_queue(QueueVerb.UNLOCK)

    def clear(self, *, reason: str = "") -> None:
        """Take away what waits; what runs goes on."""
        self._on_queue(QueueVerb.CLEAR, reason=reason)

    def _on_queue(self, verb: QueueVerb, **more: Any) -> None:
        self._send(QueueAction, verb=verb, queue=self.name, **more)

    # --- what runs --------------------------------------------------------------------
    def abort(self, *, reason: str = "") -> None:
        """Abort what runs; what waits goes on."""
        self._on_item(Verb.ABORT, None, reason=reason)

    def halt(self, *, reason: str = "") -> None:
        """Stop what runs at once, without cleaning up."""
        self._on_item(Verb.HALT, None, reason=reason)

    def complete(self, *, reason: str = "") -> None:
        """End what runs well: its points are enough."""
        self._on_item(Verb.COMPLETE, None, reason=reason)

    def rewind(self, point: int, *, reason: str = "") -> None:
        """Let what runs go back: `point` and all behind it are taken again.

        Raises:
            RefusedError: the point was not taken, or nothing runs.
        """
        runs = (one for one in self.items if one.is_scan and one.begun)
        item = next(runs, None)
        if item is None:  # it is said in the same words as for all others
            self._on_item(Verb.REWIND, None, point=point, reason=reason)
            return
        self._make(item.scan_id).rewind(point, reason=reason)

    def restart(self, which: Which = None, *, reason: str = "") -> ScanReport:
        """Run it again from the start, next; abort it where it runs.

        Args:
            which: by default the running item; or a scan that has ended.
            reason: why.
        """
        return self._make(self._on_item(Verb.RESTART, which, reason=reason)[0])

    # --- what waits -------------------------------------------------------------------
    def repeat(self, times: int = 1, which: Which = None) -> list[ScanReport]:
        """Ask for the same scan again, `times` times, behind all that wait."""
        ids = self._on_item(Verb.REPEAT, which, times=times)
        return [self._make(scan_id) for scan_id in ids]

    def remove(self, which: Which, *, reason: str = "") -> None:
        """Take away one item that waits."""
        self._on_item(Verb.REMOVE, which, reason=reason)

    def move(self, which: Which, where: str | int) -> None:
        """Give a scan that waits another place.

        Args:
            which: the scan.
            where: `up down top bottom`, or a place: 1 is the next to begin.
        """
        if isinstance(where, str) and where in _WHERE:
            self._on_item(Verb.MOVE, which, place=Place(where))
            return
        if isinstance(where, bool) or not str(where).isdecimal() or int(where) < 1:
            raise RefusedError(
                f"an item is moved {', '.join(_WHERE)}, or to a place from 1 on, not "
                f"{where!r:.40}",
                subject="move",
                value=str(where)[:40],
                allowed=f"{', '.join(_WHERE)}, 1 …",
            )
        self._on_item(Verb.MOVE, which, place=Place.TO, position=int(where))

    def _on_item(self, verb: Verb, which: Which, **more: Any) -> Any:
        scan_id = self._scan_id(which)
        return self._send(
            ItemAction, verb=verb, scan_id=scan_id, queue=self.name, **more
        )

    def _scan_id(self, which: Which) -> str:
        if isinstance(which, ScanReport | Item):
            return which.scan_id
        if which is None:
            return ""
        word = str(which)
        if word.isdecimal() and len(word) < 6:
            waiting = self.waiting
            if 1 <= int(word) <= len(waiting):
                return waiting[int(word) - 1].scan_id
            raise RefusedError(
                f"no item {word} waits in queue {self.name}: {len(waiting)} do",
                subject="item",
                value=word,
                allowed=f"1 to {len(waiting)}" if waiting else "nothing",
            )
        items = self._all().items
        found = [one.scan_id for one in items if one.scan_id.startswith(word)]
        return found[0] if len(found) == 1 else word

    # --- rules ------------------------------------------------------------------------
    def suspend_unless(
        self, rule: str, *, name: str = "", after_point: bool = False
    ) -> None:
        """Pause the queue while a value is not as it must be; go on by itself.

        Args:
            rule: what must be so, and for how long again before it goes on:
                `ring above 80 for 60`.
            name: of the rule; by default its device's. A rule of this name is
                replaced.
            after_point: finish the point under way; else it is taken again.
        """
        self._send(
            SuspenderAction,
            queue=self.name,
            name=name,
            rule=rule,
            after_point=after_point,
        )

    def unsuspend(self, name: str) -> None:
        """Take a rule away."""
        self._send(SuspenderAction, queue=self.name, name=name)

    @property
    def suspenders(self) -> list[Suspender]:
        """The rules this queue runs under."""
        found = self._reader.retry(lambda: self._bus.get_all(keys.suspenders()))
        mine = (rule for rule in found.values() if rule.queue == self.name)
        return sorted(mine, key=lambda rule: rule.name)

    # --- shown ------------------------------------------------------------------------
    def __len__(self) -> int:
        return len(self.items)

    def _rows(self) -> list[tuple[str, ...]]:
        everything = self._all()
        when = self._reader.retry(lambda: begins(self._bus, everything.items))
        rows: list[tuple[str, ...]] = []
        place = 0
        for item in everything.items:
            if item.request.queue != self.name:
                continue
            waits = item.is_scan and item.state is ItemState.PENDING
            place += waits
            rows.append(
                (
                    str(place) if waits else "",
                    "" if item.scan_number is None else str(item.scan_number),
                    item.user,
                    summary(item.request),
                    str(item.state),
                    *when.get(item.scan_id, ("", "")),
                    everything.why(item),
                )
            )
        return rows

    def _title(self) -> str:
        held = self.held
        reason = f" ({held.reason})" if held.reason else ""
        return f"queue {self.name}: {held.state}{reason}"

    def _rules(self) -> list[str]:
        return [f"rule {rule_text(rule)}" for rule in self.suspenders]

    def __repr__(self) -> str:
        rows, first = self._rows(), self._title()
        lines = [first if rows else f"{first}, empty", *self._rules()]
        lines += [tabulate.text(self._HEAD, rows)] if rows else []
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        rows = self._rows()
        head = "".join(
            f"<p>{escape(line)}</p>" for line in (self._title(), *self._rules())
        )
        return head + (tabulate.html(self._HEAD, rows) if rows else "<p>empty</p>")


def rule_text(rule: Suspender) -> str:
    """Format a rule in a line: its name, its condition, its author."""
    point = ", after the point" if rule.after_point else ""
    return f"{rule.name}: {rule.rule}{point} (by {rule.user})"
