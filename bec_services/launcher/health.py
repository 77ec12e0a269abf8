"""Pure: decide from facts and times when a process is dead, frozen or given up."""

from dataclasses import dataclass, field

from bec_kernel.bus import backoff

FROZEN = 2.5
"""A service whose heartbeat does not change for this time (s) is frozen."""
SILENT = 3.0
"""A broker that does not answer for this time (s) is frozen."""
SETTLE = 5.0
"""Time (s) that clients have to reconnect after the broker came back."""
FIRST = 30.0
"""Time (s) that a service has until its first heartbeat."""
WINDOW = 30.0
TRIES = 5
"""More restarts than `TRIES` within `WINDOW` s: it is given up."""
_AT_ONCE = 2
"""Number of restarts within `WINDOW` without a wait."""
_FIRST_WAIT = 0.5


@dataclass
class Restarts:
    """How often one process was started again, and when next.

    Attributes:
        count: restarts since the instance was started.
        reason: of the last one.
    """

    count: int = 0
    reason: str = ""
    _times: list[float] = field(default_factory=list)

    def after(self, reason: str, now: float) -> float | None:
        """Return how long to wait before the next start, s; None: give it up."""
        self._times = [t for t in self._times if now - t < WINDOW] + [now]
        self.reason = reason
        if len(self._times) > TRIES:
            self.reason = f"given up after {TRIES} restarts in {WINDOW:.0f} s: {reason}"
            return None
        self.count += 1
        return backoff(len(self._times) - _AT_ONCE, _FIRST_WAIT, WINDOW)


@dataclass
class Pulse:
    """One service's heartbeat, as seen by the launcher's own clock.

    Attributes:
        pid: of the process that should beat.
        started: when it was started.
        beat: the newest heartbeat on the bus: pid and time; at first a stale one.
    """

    pid: int
    started: float
    beat: tuple[int, float] | None = None
    _changed: float = 0.0
    _own: bool = False
    _state: str = ""

    def seen(self, pid: int, stamp: float, now: float, state: str = "running") -> None:
        """Take note of the heartbeat that stands on the bus."""
        if self.beat != (pid, stamp):
            self.beat = (pid, stamp)
            self._changed = now
            self._own = self._own or pid == self.pid
            self._state = state

    def beats(self) -> bool:
        """Tell whether this very process has shown itself."""
        return self._own

    def serves(self) -> bool:
        """Tell whether this very process has said that it is ready."""
        return self._own and self._state == "running"

    def is_frozen(self, now: float, quiet: float) -> bool:
        """Tell whether it should beat and does not.

        Args:
            now: monotonic, s.
            quiet: since when nothing else explains a silence (monotonic, s).
        """
        patience = FROZEN if self._own else FIRST
        since = max(self._changed, self.started, quiet)
        return now - since > patience


@dataclass
class BrokerLink:
    """The launcher's line to the broker, and how long that has been silent.

    Attributes:
        calm: since when the broker has answered each time.
    """

    calm: float
    _answered: float = 0.0
    _misses: int = 0
    _up: bool = True

    def answered(self, now: float) -> bool:
        """Take note of an answer; True: it is the first one after a silence."""
        back = not self._up
        if back:
            self.calm = now
        self._answered, self._misses, self._up = now, 0, True
        return back

    def missed(self, now: float, *, alive: bool) -> None:
        """Take note of a call without an answer; `alive`: it is loading its log."""
        self._up = False
        self.calm = now
        if alive:
            self._answered, self._misses = now, 0
        else:
            self._misses += 1

    def restarted(self, now: float) -> None:
        """Take note of a new broker."""
        self._answered, self._misses, self._up, self.calm = now, 0, False, now

    def is_frozen(self, now: float) -> bool:
        """Tell whether it has been silent for too long."""
        return self._misses >= 2 and now - self._answered > SILENT

    def is_calm(self, now: float) -> bool:
        """Tell whether services have had the time to find it again."""
        return self._up and now - self.calm >= SETTLE
