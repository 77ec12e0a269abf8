"""Notices on stderr of what a process waits for: at once, then every 10 s."""

import sys
import time

AGAIN = 10.0
"""Between two notices of the same wait, s."""


class Notices:
    """Print what this process waits for, for the person who started it.

    Args:
        name: of the process, before each line.
        place: where its broker is, without a password.
    """

    def __init__(self, name: str, place: str) -> None:
        self._name = name
        self._place = place
        self._begun = self._due = 0.0

    def no_broker(self, error: Exception) -> None:
        """Report that the process cannot connect or has lost its connection."""
        self._say(
            f"no broker at {self._place}: {error}; it is tried again",
            "; a broker is started by: bec up",
        )

    def standby(self, holder: str, usual: float) -> None:
        """Report that another process has the role.

        Args:
            holder: as in its lease.
            usual: a dead process keeps the role this long, s; no notice before that.
        """
        host, _, rest = holder.rpartition(".")[0].rpartition(".")
        who = f"process {rest} on {host}" if host else "another process"
        self._begun = self._begun or time.monotonic()
        if time.monotonic() - self._begun > usual:
            self._say(f"{who} has this role; this one waits for its end")

    def over(self) -> None:
        """Report that the wait is over, if a notice was printed."""
        if self._due:
            self._write("runs")
        self._begun = self._due = 0.0

    def _say(self, what: str, more: str = "") -> None:
        now = time.monotonic()
        self._begun = self._begun or now
        if now >= self._due:
            self._due = now + AGAIN
            self._write(f"{what} (for {now - self._begun:.0f} s now){more}")

    def _write(self, text: str) -> None:
        sys.stderr.write(f"{self._name}: {text}\n")
        sys.stderr.flush()
