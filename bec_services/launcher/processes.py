"""Start and end child processes."""

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bec_services.launcher.fork_server import ForkServer, Started

_PR_SET_PDEATHSIG = 1
_TAIL = 2000  # bytes


@dataclass(frozen=True)
class Program:
    """A program to start as a child process.

    Attributes:
        name: of the process, as in `bec status`.
        argv: its command.
        environment: added to the launcher's own.
        beats: it is a service: it has a heartbeat and a lease.
    """

    name: str
    argv: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)
    beats: bool = True

    @property
    def role(self) -> str:
        """Role of the process: `device_server` of `device_server/optics`."""
        return self.name.partition("/")[0]

    @property
    def own_name(self) -> str:
        """Which of its role it is: `optics`; `main` where there is only one."""
        return self.name.partition("/")[2] or "main"

    def start(self, logs: Path, nursery: ForkServer | None = None) -> Started:
        """Start it in a session of its own; what it prints goes to `<name>.stderr`.

        A module comes from the nursery, where there is one: that is faster.
        """
        python, flag, *_ = [*self.argv, "", ""]
        if nursery is not None and (python, flag) == (sys.executable, "-m"):
            module, *rest = self.argv[2:]
            printed = self.printed(logs)
            forked = nursery.start(module, rest, self.environment, printed)
            if forked is not None:
                return forked
        with self.printed(logs).open("ab") as out:
            return subprocess.Popen(
                self.argv,
                env={**os.environ, **self.environment},
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                start_new_session=True,
                preexec_fn=end_with_parent,  # noqa: PLW1509 - there is one thread
            )

    def printed(self, logs: Path) -> Path:
        """Return the file that has what it printed."""
        return logs / f"{self.name.replace('/', '.')}.stderr"

    def last_words(self, logs: Path) -> str:
        """Return the last line it printed, or an empty string."""
        path = self.printed(logs)
        if not path.exists():
            return ""
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - _TAIL))
            lines = file.read().decode(errors="replace").strip().splitlines()
        return lines[-1] if lines else ""


if sys.platform == "linux":
    _libc = ctypes.CDLL(None)

    def end_with_parent() -> None:
        """Let the kernel end this new process when the launcher is gone."""
        _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)

else:

    def end_with_parent() -> None:
        """Nothing: only Linux can do this."""


def how_it_ended(code: int) -> str:
    """Return a process' end in words: `exit 1`, `killed by SIGKILL`."""
    if code >= 0:
        return f"exit {code}"
    try:
        return f"killed by {signal.Signals(-code).name}"
    except ValueError:
        return f"killed by signal {-code}"


def end_all(processes: Iterable[Started], seconds: float) -> list[int]:
    """End them all at once, gently, and after `seconds` by force.

    Returns:
        The pids of those that had to be killed.
    """
    left = [one for one in processes if one.poll() is None]
    for one in left:
        one.terminate()
    deadline = time.monotonic() + seconds
    killed = []
    for one in left:
        with contextlib.suppress(subprocess.TimeoutExpired):
            one.wait(max(0.001, deadline - time.monotonic()))
        if one.poll() is None:
            killed.append(one.pid)
            one.kill()
            one.wait(5)
    return killed
