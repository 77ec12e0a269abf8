"""A process from which services are forked, so that imports are done once.

A cold interpreter needs a second of CPU for its imports; a fork of a warm one needs
nothing, so a service that was killed is back at once. The nursery has one thread and no
connection when it forks. Its children belong to the launcher: the process in between
ends at once, and the launcher is their subreaper. Linux only; elsewhere, and when the
nursery is gone, services are started cold.
"""

import contextlib
import ctypes
import gc
import importlib
import json
import os
import runpy
import select
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

WARM = (
    "bec_kernel.service.life",
    "bec_kernel.service.requests",
    "numpy",
    "h5py",
    "yaml",
    "pydantic",
    "logging.handlers",
    "concurrent.futures.thread",
)
"""What services import; nothing that starts a thread."""

_SET_CHILD_SUBREAPER = 36
_SET_PDEATHSIG = 1
_SET_NAME = 15
_COLLECT = (20_000, 20, 20)
"""A large scan makes many objects, none of them part of a cycle: to look for cycles as
often as Python does took a sixth of its time (500 devices in the baseline)."""


class Started(Protocol):
    """A process that was started, warm or cold."""

    pid: int

    def poll(self) -> int | None:
        """Return its exit code, negative for a signal; None: it runs."""

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end; raises `subprocess.TimeoutExpired`."""

    def terminate(self) -> None:
        """Ask it to end."""

    def kill(self) -> None:
        """End it."""


class ForkedProcess:
    """A child that was forked for us."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self._code: int | None = None

    def poll(self) -> int | None:
        """See `Started.poll`."""
        return self._look(os.WNOHANG)

    def _look(self, options: int) -> int | None:
        if self._code is None:
            try:
                pid, status = os.waitpid(self.pid, options)
            except ChildProcessError:
                pid, status = self.pid, 0
            if pid == self.pid:
                self._code = os.waitstatus_to_exitcode(status)
        return self._code

    def wait(self, timeout: float | None = None) -> int:
        """See `Started.wait`."""
        if timeout is not None:
            fd = os.pidfd_open(self.pid)
            try:
                if not select.select([fd], [], [], timeout)[0]:
                    raise subprocess.TimeoutExpired(str(self.pid), timeout)
            finally:
                os.close(fd)
        code = self._look(0)
        return 0 if code is None else code

    def terminate(self) -> None:
        """See `Started.terminate`."""
        self._send(signal.SIGTERM)

    def kill(self) -> None:
        """See `Started.kill`."""
        self._send(signal.SIGKILL)

    def _send(self, number: signal.Signals) -> None:
        if self.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)


class ForkServer:
    """The launcher's side: request child processes."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        if sys.platform != "linux":
            return
        _prctl(_SET_CHILD_SUBREAPER, 1)
        self._process = subprocess.Popen(
            [sys.executable, "-m", "bec_services.launcher.fork_server"],
            env=os.environ | {"OPENBLAS_NUM_THREADS": "1"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
        )

    def start(
        self,
        module: str,
        words: Sequence[str],
        environment: Mapping[str, str],
        out: Path,
    ) -> ForkedProcess | None:
        """Start `python -m module words`; None: it cannot be done here."""
        process = self._process
        if process is None or process.stdin is None or process.stdout is None:
            return None
        asked = json.dumps([module, list(words), dict(environment), str(out)])
        try:
            process.stdin.write(asked.encode() + b"\n")
            process.stdin.flush()
            answer = process.stdout.readline()
        except OSError:
            answer = b""
        if not answer:
            self.close()
            return None
        return ForkedProcess(int(answer))

    def close(self) -> None:
        """End the nursery; its children stay."""
        process, self._process = self._process, None
        if process is None:
            return
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()
        process.kill()
        process.wait(5)


def main() -> None:
    """Import what services need, then fork one for each line of standard input."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    launcher = os.getppid()
    _prctl(_SET_PDEATHSIG, signal.SIGTERM)
    for name in WARM:
        importlib.import_module(name)
    gc.freeze()  # keeps the pages that children share as they are
    gc.set_threshold(*_COLLECT)
    for line in sys.stdin.buffer:
        ours, theirs = os.pipe()
        between = os.fork()
        if between == 0:
            os.close(ours)
            if (pid := os.fork()) == 0:
                os.close(theirs)
                _become(json.loads(line), launcher)
            os.write(theirs, str(pid).encode() + b"\n")
            os._exit(0)
        os.close(theirs)
        os.waitpid(between, 0)  # now the child is the launcher's
        pid_line = os.read(ours, 64)
        os.close(ours)
        sys.stdout.buffer.write(pid_line)
        sys.stdout.buffer.flush()


def _become(asked: Any, launcher: int) -> None:
    """Be the service that was asked for; does not return."""
    module, words, environment, out = asked
    code = 1
    try:
        _be_child(out, launcher)
        os.environ.update(environment)
        _prctl(_SET_NAME, module.rpartition(".")[2].encode())
        sys.argv = [module, *words]
        runpy.run_module(module, run_name="__main__", alter_sys=True)
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 1
        if isinstance(end.code, str):
            sys.stderr.write(f"{end.code}\n")
    except BaseException:  # noqa: BLE001 - as the interpreter does at its top
        sys.excepthook(*sys.exc_info())
    finally:
        with contextlib.suppress(OSError, ValueError):
            sys.stderr.flush()
            sys.stdout.flush()
        os._exit(code)


def _be_child(out: str, launcher: int) -> None:
    os.setsid()
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    null = os.open(os.devnull, os.O_RDONLY)
    printed = os.open(out, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    os.dup2(null, 0)
    os.dup2(printed, 1)
    os.dup2(printed, 2)
    os.closerange(3, 256)
    deadline = time.monotonic() + 2
    while os.getppid() != launcher and time.monotonic() < deadline:
        os.sched_yield()  # the process in between is about to end
    _prctl(_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != launcher:
        os._exit(1)  # the launcher is gone


def _prctl(option: int, value: int | bytes) -> None:
    ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


if __name__ == "__main__":
    main()
