"""Where an instance runs: its folder and its ports."""

import fcntl
import os
import random
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from bec_kernel.errors import InstanceError
from bec_kernel.instance import Folder, make_secrets
from bec_kernel.wire import ROLES

_OLD = 8.0


@contextmanager
def taken(folder: Folder) -> Iterator[None]:
    """Hold the data folder: one instance at a time.

    Raises:
        InstanceError: it cannot be written, or another instance has it.
    """
    try:
        for path in (folder.path, folder.broker, folder.logs, folder.files):
            path.mkdir(parents=True, exist_ok=True)
        lock = (folder.path / "lock").open("a+")
    except OSError as error:
        raise InstanceError(
            f"the data folder {folder.path} cannot be written: {error.strerror}; "
            "name another with --data",
            subject=str(folder.path),
        ) from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            lock.seek(0)
            raise InstanceError(
                f"an instance runs already in {folder.path} (launcher's pid "
                f"{lock.read().strip() or 'unknown'}); see bec status, or end it: "
                "bec down",
                subject=str(folder.path),
            ) from error
        lock.truncate(0)
        lock.write(f"{os.getpid()}\n")
        lock.flush()
        _wait_for_old_broker(folder)
        yield


def _wait_for_old_broker(folder: Folder) -> None:
    """Wait until no broker listens here: after a kill the old one ends with a delay."""
    until = time.monotonic() + _OLD
    while _answers(folder.socket):
        if time.monotonic() > until:
            raise InstanceError(
                f"a broker without a launcher runs in {folder.path}: end it first",
                subject=str(folder.path),
            )
        threading.Event().wait(0.02)


def _answers(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as line:
        try:
            line.connect(str(path))
        except OSError:
            return False
        return True


def secrets(folder: Folder, person: str) -> dict[str, str]:
    """Return the passwords of all roles and of one person; make what is missing."""
    return make_secrets(folder, [*ROLES, person])


def broker_port(wanted: int) -> int:
    """Return the port on loopback for the broker; 0: any free one.

    Raises:
        InstanceError: somebody listens there.
    """
    try:
        with socket.create_server(("127.0.0.1", wanted)) as free:
            return int(free.getsockname()[1])
    except OSError as error:
        raise InstanceError(
            f"port {wanted} of 127.0.0.1 cannot be used: {error.strerror}; name "
            "another with --port",
            value=str(wanted),
        ) from error


def ioc_port() -> int:
    """Return a port whose UDP and TCP side are free, and those of the next one."""
    for _ in range(100):
        port = random.randrange(20000, 30000, 2)  # below what systems give away
        if _are_free(port, port + 1):
            return port
    raise InstanceError("no two free ports next to each other for the simulated IOC")


def _are_free(*ports: int) -> bool:
    with ExitStack() as stack:
        try:
            for port in ports:
                for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
                    one = stack.enter_context(socket.socket(socket.AF_INET, kind))
                    one.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
