"""Life cycle of all services: one life after the other, each under a lease.

A *life* is one undisturbed stretch of a service: one connection, one lease, one token.
When the broker goes away or the lease is lost the life is over: everything it held in
memory is forgotten, and the next one begins from the service's own output.
"""

import contextlib
import os
import signal
import socket
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bec_kernel.bus import Bus, Entry, Gathering, append, backoff, connect, pages, put
from bec_kernel.bus.changes import START, Fence, Id
from bec_kernel.errors import BecError, BrokerError, DecodeError, FencedError
from bec_kernel.instance import without_password
from bec_kernel.service import logging
from bec_kernel.service.expiry import let_go
from bec_kernel.service.notices import Notices
from bec_kernel.version import __version__
from bec_kernel.wire import VERSION, Alarm, Heartbeat, Log, Taken, Users, keys

LEASE = 2.0
"""A process that does not renew its lease for this time (s) loses its role."""
_RENEW = 0.5
_SLICE = 0.5
_BACKOFF = (0.05, 1.0)
"""First and longest wait before another life is tried, s."""
_ALARMS_KEEP = 10_000
_CALM = 2.0  # s, between two looks at what may expire
_FEW = 50  # entries at once: the broker does nothing else meanwhile
_AGAIN = 3600.0
"""Period (s) of a full pass: a log may have been created after its scan's file."""


class LifeOver(BecError):  # noqa: N818 - not an error: the loop begins anew
    """The lease is lost or the process must stop: do nothing more."""


class Shutdown(BaseException):
    """The process must stop. Raised in the main thread by the signal handler."""


@dataclass(frozen=True)
class Setup:
    """Settings that a service process gets from its environment.

    Attributes:
        role: one of the services.
        name: of this process in its role; "main" unless there are several.
        url: of the broker, with user and password.
        instance: prefix of all keys.
        data: the instance's folder.
        virtual: simulated devices run on a virtual clock.
    """

    role: str
    url: str
    name: str = "main"
    instance: str = "bec"
    data: Path = field(default_factory=lambda: Path("data"))
    virtual: bool = False

    @classmethod
    def of_environment(cls, role: str) -> "Setup":
        """Read it from `BEC_REDIS BEC_NAME BEC_INSTANCE BEC_DATA BEC_VIRTUAL`."""
        env = os.environ
        return cls(
            role=role,
            url=env["BEC_REDIS"],
            name=env.get("BEC_NAME", "main"),
            instance=env.get("BEC_INSTANCE", "bec"),
            data=Path(env.get("BEC_DATA", "data")),
            virtual=env.get("BEC_VIRTUAL", "") == "1",
        )


class Life:
    """One life of a service: its bus, its fence, and whether it still may act.

    Attributes:
        setup: settings from the environment.
        bus: the connection; threads may share it.
        fence: give it with every commit.
        log: of this service.
        state: what its heartbeat says.
    """

    def __init__(
        self,
        setup: Setup,
        bus: Bus,
        fence: Fence,
        log: Any,
        state: str = "running",
    ) -> None:
        self.state = state
        self.setup = setup
        self.bus = bus
        self.fence = fence
        self.log = log
        self.over = threading.Event()
        self.valid_until = 0.0
        self._threads: list[threading.Thread] = []
        self._spawning = threading.Lock()
        self._failure: BaseException | None = None

    @property
    def token(self) -> int:
        """Number of this life, rising from life to life."""
        return self.fence.token

    def check(self) -> None:
        """Raise if this life may no longer act. Call it before each outside effect.

        Raises:
            LifeOver: it may not; also raises what ended another of its threads.
        """
        if self._failure is not None:
            raise self._failure
        if self.over.is_set() or time.monotonic() > self.valid_until:
            raise LifeOver(f"{self.setup.role} holds its lease no longer")

    def follow(
        self,
        positions: dict[Log[Any], Id],
        limit: int = 1000,
        gather: Mapping[Log[Any], int] | None = None,
    ) -> Iterator[tuple[Log[Any], list[Entry[Any]]]]:
        """Yield new entries behind `positions` and advance these, until the life ends.

        `positions` may be changed meanwhile, and so may `gather`, see `Gathering`.
        Entries that could not be decoded are left out; an alarm has reported each.
        """
        gathering = Gathering(self.bus)
        while True:
            self.check()
            for log, entries in gathering.follow(positions, _SLICE, limit, gather):
                positions[log] = entries[-1].id
                yield log, [e for e in entries if e.message is not None]

    def spawn(self, target: Callable[..., None], *args: Any) -> threading.Thread:
        """Run `target` in a thread; what it raises ends this life."""
        thread = threading.Thread(
            target=self._guarded, args=(target, args), daemon=True
        )
        thread.start()
        with self._spawning:  # those that have ended are not kept: a life may be long
            self._threads = [one for one in self._threads if one.is_alive()]
            self._threads.append(thread)
        return thread

    def _guarded(self, target: Callable[..., None], args: tuple[Any, ...]) -> None:
        try:
            target(*args)
        except BaseException as error:  # noqa: BLE001 - raised again by check()
            self.end(error)

    def end(self, failure: BaseException | None = None) -> None:
        """End this life; `failure` is raised in its other threads."""
        if self._failure is None and not self.over.is_set():
            self._failure = failure
        self.over.set()

    def join(self, timeout: float) -> None:
        """Wait until this life's threads have ended, at most `timeout` s."""
        self.over.set()
        deadline = time.monotonic() + timeout
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))
            if thread.is_alive():
                self.log.warning("a thread did not end", thread=thread.name)

    def serves(self) -> None:
        """Report as ready: this life has published its state and answers requests."""
        self.state = "running"
        beat(self)

    def alarm(self, message: str, severity: str = "warning", **concerns: str) -> None:
        """Publish an alarm; `concerns`: scan_id, request_id, user."""
        self.log.warning(message, severity=severity, **concerns)
        tell(self.bus, self.setup.role, message, severity, **concerns)


def tell(bus: Bus, role: str, message: str, severity: str, **concerns: str) -> None:
    """Append an alarm to the log of alarms."""
    alarm = Alarm(
        alarm_id=uuid.uuid4().hex,
        service=role,
        severity=severity,
        message=message,
        time=time.time(),
        **concerns,
    )
    append(bus, keys.alarms(), alarm, keep=_ALARMS_KEEP)


def report_undecodable(
    bus: Bus, role: str, log: Any, key: str, error: DecodeError
) -> None:
    """Log and publish an alarm about an entry that is skipped.

    Args:
        bus: to publish on.
        role: service that reads the entry.
        log: journal of that service.
        key: name of the entry's key, with its id or field.
        error: what is wrong with the entry.
    """
    log.error("cannot be decoded", key=key, problem=str(error))
    tell(bus, role, f"{key} cannot be decoded: {error}", "minor")


def unfinished(life: Life) -> tuple[Id, list[Taken]]:
    """Find this role's unfinished items, and where to follow new ones from.

    Returns:
        The place in `keys.scans()` behind which nothing was missed, and the items.
    """
    last = life.bus.last(keys.scans())  # first this, then the rest: no gap between
    todo = keys.todo[life.setup.role](life.setup.name)
    return last.id if last else START, list(life.bus.get_all(todo).values())


def askers(life: Life) -> Users:
    """Wait for the launcher's list of users and device servers, and return it."""
    with life.bus.watch(keys.users()) as watch:
        while True:
            life.check()
            if found := life.bus.get(keys.users()):
                return found
            watch.wait(_SLICE)


class _Keeper:
    """Renew the lease and publish the heartbeat, in a thread of its own."""

    def __init__(self, life: Life, holder: str) -> None:
        self.life = life
        self.holder = holder
        setup = life.setup
        self.lease = keys.leases[setup.role](setup.name)
        self.thread = threading.Thread(target=self._run, daemon=True)

    def _run(self) -> None:
        while not self.life.over.is_set():
            before = time.monotonic()
            try:
                if not self.life.bus.renew(self.lease, self.holder, LEASE):
                    self.life.end(LifeOver("the lease went to somebody else"))
                    return
                self.life.valid_until = before + LEASE
                beat(self.life)
            except BrokerError as error:
                self.life.end(error)
                return
            self.life.over.wait(_RENEW)


def beat(life: Life) -> None:
    """Put this service's heartbeat."""
    setup = life.setup
    heartbeat = Heartbeat(
        service=setup.role,
        pid=os.getpid(),
        state=life.state,
        version=__version__,
        time=time.time(),
        life=life.token,
        host=socket.gethostname(),
    )
    put(life.bus, keys.heartbeats[setup.role](setup.name), heartbeat)


@contextlib.contextmanager
def _life(setup: Setup, log: Any, state: str, notices: Notices) -> Iterator[Life]:
    """Connect, wait for the lease, and hold it."""

    def complain(key: str, error: DecodeError) -> None:
        report_undecodable(bus, setup.role, log, key, error)

    bus = connect(setup.url, setup.instance, complain)
    holder = f"{socket.gethostname()}.{os.getpid()}.{uuid.uuid4().hex[:8]}"
    lease = keys.leases[setup.role](setup.name)
    try:
        _check_wire(bus)
        fence, until = _take_role(setup, bus, holder, notices)
        life = Life(setup, bus, fence, log, state)
        life.valid_until = until
        keeper = _Keeper(life, holder)
        keeper.thread.start()
        try:
            yield life
        finally:
            life.join(timeout=2 * LEASE)
            keeper.thread.join(timeout=LEASE)
            with contextlib.suppress(BrokerError):  # it expires by itself
                bus.release(lease, holder)
    finally:
        bus.close()


def _take_role(
    setup: Setup, bus: Bus, holder: str, notices: Notices
) -> tuple[Fence, float]:
    """Wait for the lease of the role; return its fence, and until when it is valid."""
    lease = keys.leases[setup.role](setup.name)
    fence = keys.fences[setup.role](setup.name)
    before = time.monotonic()
    while (token := bus.acquire(lease, fence, holder, LEASE)) is None:
        notices.standby(bus.get(lease) or "", LEASE)
        with bus.watch(lease) as watch:
            watch.wait(_RENEW)
        before = time.monotonic()
    notices.over()
    return Fence(fence, token), before + LEASE


def _check_wire(bus: Bus) -> None:
    """Refuse to work beside a service of a newer major version of the wire."""
    for role, family in keys.heartbeats.items():
        beat = bus.get(family("main"))
        if beat and int(beat.wire.split(".")[0]) > int(VERSION.split(".")[0]):
            raise SystemExit(
                f"{role} speaks wire {beat.wire}, this is {VERSION}: update this"
            )


def serve(role: str, body: Callable[[Life], None], *, prepares: bool = False) -> None:
    """Run `body` life after life until SIGTERM or SIGINT: the main of every service.

    A service that `prepares` reports by itself when it serves (`Life.serves`), in
    every life; until then its heartbeat says `starting`.

    A broker that is gone, or a lost lease, begins a new life, with back-off. Anything
    else is an alarm and ends the process; its supervisor starts it again.
    """
    setup = Setup.of_environment(role)
    log = logging.open_journal(setup.data, role, setup.name)
    _stop_on_signal()
    try:
        _live(setup, log, body, "starting" if prepares else "running")
    except Shutdown:
        log.info("stopped")
    except Exception as error:
        log.exception("crashed")
        sys.stderr.write(f"{error}\n")  # whoever started this process reads it there
        with contextlib.suppress(BrokerError):
            bus = connect(setup.url, setup.instance)
            tell(bus, role, f"{role} crashed and is started again: {error}", "major")
        sys.exit(1)


def _live(setup: Setup, log: Any, body: Callable[[Life], None], state: str) -> None:
    """Run `body` life after life; `state`: what a heartbeat says at the beginning."""
    notices = Notices(f"{setup.role}/{setup.name}", without_password(setup.url))
    failures = 0
    while True:
        _pause(backoff(failures, *_BACKOFF))
        failures += 1
        try:
            with _life(setup, log, state, notices) as life:
                log.info("life begins", token=life.token)
                failures = 0
                life.spawn(_let_go, life)
                body(life)
                life.check()
        except (LifeOver, FencedError) as error:
            log.warning("life over", reason=str(error))
        except BrokerError as error:
            if error.subject == "acl":
                raise
            log.warning("life over", reason=str(error))
            notices.no_broker(error)


def _let_go(life: Life) -> None:
    """Let this service's logs of finished scans expire, in a thread of its own."""
    role, name = life.setup.role, life.setup.name
    log: Log[Any] = keys.expiring()
    at, due = START, time.monotonic() + _AGAIN
    while not life.over.wait(_CALM):  # nothing here is urgent; an end wakes at once
        for page in pages(life.bus, log, at, _FEW):
            at = page[-1].id
            ended = [entry.message for entry in page if entry.message is not None]
            if changes := let_go(role, name, ended, time.time()):
                life.check()
                life.bus.commit(changes, life.fence)
        if time.monotonic() > due:
            at, due = START, time.monotonic() + _AGAIN


def _pause(seconds: float) -> None:
    if seconds:
        threading.Event().wait(seconds)


def _stop_on_signal() -> None:
    def stop(_number: int, _frame: object) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        raise Shutdown

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)  # of a service that runs in the foreground
