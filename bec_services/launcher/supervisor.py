"""Start the processes of an instance, check them, and restart those that fail."""

import contextlib
import os
import selectors
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from bec_kernel.bus import Bus, connect, put
from bec_kernel.bus.changes import Change, Drop, Put
from bec_kernel.errors import BrokerError, DeadlineError, DecodeError
from bec_kernel.instance import Folder, last_log_lines, start_broker, wait_for_broker
from bec_kernel.service import tell
from bec_kernel.version import __version__
from bec_kernel.wire import Heartbeat, Process, Users, keys
from bec_services.launcher.fork_server import ForkServer, Started
from bec_services.launcher.health import BrokerLink, Pulse, Restarts
from bec_services.launcher.processes import (
    Program,
    end_all,
    end_with_parent,
    how_it_ended,
)

TICK = 0.4
READY = 40.0
"""All services must be ready within this time (s) after the start."""
PATIENCE = 3.0
"""Time (s) that a process has to stop after the signal."""
_CALL = 1.0
_HOPELESS = 2  # restarts before it was ever there
_STDIN = 0
_TICK_START = 0.05


@dataclass
class Child:
    """One supervised process."""

    program: Program
    process: Started
    pulse: Pulse
    restarts: Restarts
    due: float | None = None
    given_up: bool = False
    verdict: str = ""

    @property
    def runs(self) -> bool:
        """It has been started and its end has not been seen."""
        return self.due is None and not self.given_up


class Launcher:
    """One instance, from its first process to its last."""

    def __init__(
        self,
        folder: Folder,
        users: Users,
        programs: Sequence[Program],
        port: int,
        log: Any,
    ) -> None:
        self.folder = folder
        self.users = users
        self.programs = programs
        self.port = port
        self.log = log
        self.children: dict[str, Child] = {}
        self.broker_restarts = Restarts()
        self.stopping = False
        self.stop_with_input = False
        now = time.monotonic()
        self._line = BrokerLink(calm=now)
        self._awake = now
        self._stale = True
        self._broker_verdict = ""
        self._nursery = ForkServer()
        self._broker = self._start_broker()
        self._bus: Bus | None = None

    # --- from start to stop -----------------------------------------------------------
    def start(self) -> None:
        """Start the broker's clients; return when the broker answers.

        Raises:
            BrokerError: it does not start.
        """
        early = [p for p in self.programs if not p.beats]
        self._start_all(early)  # simulated hardware needs no broker
        wait_for_broker(self._broker, self.folder)
        self._bus = connect(
            self.folder.url("launcher"), complain=self._complain, timeout=_CALL
        )
        self._bus.commit([Put(keys.users(), self.users), *self._nobody_yet(self._bus)])
        self._start_all([p for p in self.programs if p.beats])

    def _start_all(self, programs: Sequence[Program]) -> None:
        stale = self._stale_beats()
        for program in programs:
            process = program.start(self.folder.logs, self._nursery)
            pulse = Pulse(process.pid, time.monotonic(), stale.get(program.name))
            self.children[program.name] = Child(program, process, pulse, Restarts())

    def _nobody_yet(self, bus: Bus) -> list[Change]:
        """Build the changes that list exactly the programs, none started yet."""
        key, names = keys.processes(), [program.name for program in self.programs]
        gone = [name for name in bus.get_all(key) if name not in ("broker", *names)]
        starting = [Process(name=name, pid=0) for name in names]
        return [
            *(Drop(key, name) for name in gone),
            *(Put(key, one, one.name) for one in starting),
        ]

    def _stale_beats(self) -> dict[str, tuple[int, float]]:
        """Read the heartbeats of an earlier life: pid and time by program."""
        found = {}
        for program in self.programs:
            beat = self._heartbeat(program)
            if beat is not None:
                found[program.name] = (beat.pid, beat.time)
        return found

    def run(self, say_ready: Callable[[], None]) -> None:
        """Supervise all processes until a signal to stop.

        Raises:
            DeadlineError: something is not there in time; names it.
        """
        deadline: float | None = time.monotonic() + READY
        with _Wakes(watch_input=self.stop_with_input) as wakes:
            while not self.stopping:
                if wakes.wait(min(self._pause(), _TICK_START if deadline else TICK)):
                    return
                self._round()
                if deadline is not None and self._is_ready(deadline):
                    deadline = None
                    say_ready()

    def stop(self) -> None:
        """End everything: services first, the broker last."""
        self.log.info("stopping")
        services = [c.process for c in self.children.values() if c.program.beats]
        hardware = [c.process for c in self.children.values() if not c.program.beats]
        with contextlib.suppress(BrokerError):
            self._beat("stopping")
        killed = end_all(services, PATIENCE)
        killed += end_all(hardware, PATIENCE)  # later: its loss would be published
        if killed:
            self.log.warning("had to be killed", pids=killed)
        self._nursery.close()
        if self._bus is not None:
            self._bus.close()
        end_all([self._broker], 5.0)
        self.folder.socket.unlink(missing_ok=True)

    # --- one round --------------------------------------------------------------------
    def _round(self) -> None:
        now = time.monotonic()
        if (
            now - self._last_round > 2 * TICK
        ):  # the launcher itself was delayed: judge no process
            self._awake = now
        self._reap(now)
        self._look(now)
        now = time.monotonic()
        self._judge(now)
        self._start_due(now)
        self._last_round = time.monotonic()

    _last_round = 0.0

    def _pause(self) -> float:
        dues = [c.due for c in self.children.values() if c.due is not None]
        soonest = min(dues, default=time.monotonic() + TICK)
        return min(TICK, max(0.0, soonest - time.monotonic()))

    def _reap(self, now: float) -> None:
        code = self._broker.poll()
        if code is not None:
            self._again_broker(self._broker_verdict or how_it_ended(code), now)
        for name, child in self.children.items():
            if child.runs and (code := child.process.poll()) is not None:
                self._ended(name, child, child.verdict or how_it_ended(code), now)

    def _ended(self, name: str, child: Child, reason: str, now: float) -> None:
        wait = child.restarts.after(reason, now)
        self.log.warning("ended", name=name, pid=child.process.pid, reason=reason)
        self._release(name, child.process.pid)
        self._stale = True
        if wait is None:
            child.given_up = True
            words = child.program.last_words(self.folder.logs)
            child.restarts.reason += f"; last words: {words}" if words else ""
            self._alarm(f"{name}: {child.restarts.reason}")
            return
        child.due = now + wait
        if not wait:
            self._start(name, child)

    def _start_due(self, now: float) -> None:
        for name, child in self.children.items():
            if child.due is not None and child.due <= now:
                self._start(name, child)

    def _start(self, name: str, child: Child) -> None:
        child.process = child.program.start(self.folder.logs, self._nursery)
        child.pulse = Pulse(child.process.pid, time.monotonic(), child.pulse.beat)
        child.due, child.verdict = None, ""
        self.log.info("started again", name=name, pid=child.process.pid)
        self._stale = True

    def _release(self, name: str, pid: int) -> None:
        """Give a dead process' lease back, so that the next one need not wait."""
        program = self.children[name].program
        if program.role not in keys.leases or self._bus is None:
            return
        lease = keys.leases[program.role](program.own_name)
        with contextlib.suppress(BrokerError):  # it expires by itself
            holder = self._bus.get(lease)
            if holder and f".{pid}." in holder:
                self._bus.release(lease, holder)

    # --- looking ----------------------------------------------------------------------
    def _look(self, now: float) -> None:
        try:
            self._read_pulses(now)
            if self._line.answered(now) or self._stale:
                self._publish()
            self._beat("running")
        except BrokerError as error:
            self._line.missed(time.monotonic(), alive=error.subject == "loading")

    def _read_pulses(self, now: float) -> None:
        for child in self.children.values():
            beat = self._heartbeat(child.program)
            if beat is not None:
                child.pulse.seen(beat.pid, beat.time, now, beat.state)

    def _heartbeat(self, program: Program) -> Heartbeat | None:
        if self._bus is None or program.role not in keys.heartbeats:
            return None
        return self._bus.get(keys.heartbeats[program.role](program.own_name))

    def _publish(self) -> None:
        assert self._bus is not None
        made = [self._process("broker", self._broker.pid, self.broker_restarts)]
        for name, child in self.children.items():
            made.append(self._process(name, child.process.pid, child.restarts))
        changes = [Put(keys.processes(), one, one.name) for one in made]
        self._bus.commit([Put(keys.users(), self.users), *changes])
        self._stale = False

    def _process(self, name: str, pid: int, restarts: Restarts) -> Process:
        return Process(
            name=name, pid=pid, restarts=restarts.count, reason=restarts.reason
        )

    def _beat(self, state: str) -> None:
        if self._bus is None:
            return
        heartbeat = Heartbeat(
            service="launcher",
            pid=os.getpid(),
            state=state,
            version=__version__,
            time=time.time(),
            host=socket.gethostname(),
        )
        put(self._bus, keys.heartbeats["launcher"]("main"), heartbeat)

    # --- judging ----------------------------------------------------------------------
    def _judge(self, now: float) -> None:
        if self._line.is_frozen(now):
            self.log.error("the broker is frozen", pid=self._broker.pid)
            self._broker_verdict = "frozen"
            self._broker.kill()
            self._broker.wait(5)
            self._again_broker("frozen", now)
        if not self._line.is_calm(now):
            return
        for name, child in self.children.items():
            if not (child.program.beats and child.runs):
                continue
            if child.pulse.is_frozen(now, max(self._line.calm, self._awake)):
                self.log.error("frozen", name=name, pid=child.process.pid)
                child.verdict = "frozen"
                child.process.kill()
                child.process.wait(5)
                self._ended(name, child, "frozen", now)

    # --- the broker -------------------------------------------------------------------
    def _start_broker(self) -> "subprocess.Popen[bytes]":
        return start_broker(
            self.folder, self.users.names, port=self.port, before=end_with_parent
        )

    def _again_broker(self, reason: str, now: float) -> None:
        wait = self.broker_restarts.after(reason, now)
        self.log.warning("the broker ended", pid=self._broker.pid, reason=reason)
        if wait is None:
            raise BrokerError(
                f"the broker ends again and again: {last_log_lines(self.folder)}"
            )
        self._broker_verdict = ""
        self._broker = self._start_broker()
        self._line.restarted(now)
        self._stale = True

    # --- ready ------------------------------------------------------------------------
    def _is_ready(self, deadline: float) -> bool:
        missing = self._missing()
        if not missing:
            return True
        lost = [c for c in self.children.values() if c.restarts.count >= _HOPELESS]
        if time.monotonic() > deadline or lost:
            raise DeadlineError(
                f"not ready after {READY:.0f} s: {'; '.join(missing)}"
                if not lost
                else f"does not start: {'; '.join(missing)}"
            )
        return False

    def _missing(self) -> list[str]:
        if self._bus is None:
            return ["broker"]
        missing = []
        for name, child in self.children.items():
            if child.program.beats and not child.pulse.serves():
                words = child.program.last_words(self.folder.logs)
                missing.append(f"{name} ({words})" if words else name)
        return missing

    # --- telling ----------------------------------------------------------------------
    def _alarm(self, message: str) -> None:
        self.log.error(message)
        if self._bus is not None:
            with contextlib.suppress(BrokerError):
                tell(self._bus, "launcher", message, "major")

    def _complain(self, key: str, error: DecodeError) -> None:
        self.log.error("cannot be decoded", key=key, problem=str(error))


class _Wakes:
    """Wait for the end of a child, a signal to stop, or the end of input."""

    def __init__(self, *, watch_input: bool) -> None:
        self._watch_input = watch_input
        self._told = False

    def __enter__(self) -> "_Wakes":
        self._read, self._write = socket.socketpair()
        for one in (self._read, self._write):
            one.setblocking(False)
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._read, selectors.EVENT_READ)
        if self._watch_input:
            self._selector.register(_STDIN, selectors.EVENT_READ)
        self._before = signal.set_wakeup_fd(self._write.fileno())
        signal.signal(signal.SIGCHLD, lambda *_: None)  # only to be woken
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, self._stop)
        return self

    def _stop(self, *_: object) -> None:
        self._told = True

    def wait(self, seconds: float) -> bool:
        """Wait; tell whether to stop."""
        for key, _ in self._selector.select(seconds):
            if key.fileobj == _STDIN:
                self._told = self._told or not os.read(_STDIN, 4096)
            else:
                with contextlib.suppress(BlockingIOError):
                    self._read.recv(4096)
        return self._told

    def __exit__(self, *_: object) -> None:
        signal.set_wakeup_fd(self._before)
        self._selector.close()
        self._read.close()
        self._write.close()
