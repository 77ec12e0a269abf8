"""Axes of a motion controller behind one TCP connection, as ophyd devices.

The controller allows one connection, so all axes with the same address share it. One
thread reads; what it reads is either the answer to a question (by its tag) or news of
an axis. A lost connection fails what is under way, and is made again.
"""

import contextlib
import itertools
import socket
import threading
from collections.abc import Callable
from typing import ClassVar

import structlog

from bec_kernel.bus import backoff

_log = structlog.get_logger(__name__)

_ANSWER = 2.0
"""Longest time (s) to wait for an answer."""
_CONNECT = 2.0
_SOON, _LATER = 0.05, 1.0

Words = list[str]
Answered = Callable[[Words | None], object]
"""Is given an answer's words, or None: the connection was lost before."""
Listener = Callable[[Words | None], object]
"""Is given news of an axis: `AT`, `DONE`, `STOPPED` and a position; or, when the
connection was made, `UP`; None when it was lost."""


class ControllerError(ConnectionError):
    """The controller does not answer, or refuses; the text says which."""


class TcpController:
    """The one connection to a controller. Get it with `shared`.

    Args:
        address: `host:port`.
    """

    _all: ClassVar[dict[str, "TcpController"]] = {}
    _making: ClassVar[threading.Lock] = threading.Lock()

    def __init__(self, address: str) -> None:
        host, _, port = address.rpartition(":")
        if not host or not port.isdigit():
            raise ValueError(f"address {address!r} is not `host:port`")
        self.address = address
        self._place = host, int(port)
        self._tags = itertools.count(1)
        self._lock = threading.Lock()
        self._line: socket.socket | None = None
        self._pending: dict[str, Answered] = {}
        self._listeners: dict[str, Listener] = {}
        self._wanted = threading.Event()
        self._thread = threading.Thread(
            target=self._run, name=f"controller {address}", daemon=True
        )

    @classmethod
    def shared(cls, address: str) -> "TcpController":
        """Return the connection to `address`: the same one for all who ask.

        Raises:
            ValueError: it is not `host:port`.
        """
        with cls._making:
            found = cls._all.get(address)
            if found is None:
                found = cls._all[address] = cls(address)
                found._thread.start()
        return found

    def listen(self, axis: int, listener: Listener) -> None:
        """Tell `listener` the news of an axis, in the thread that reads."""
        with self._lock:
            self._listeners[str(axis)] = listener
            is_up = self._line is not None
        if is_up:
            listener(["UP"])
        self._wanted.set()

    def forget(self, axis: int, listener: Listener) -> None:
        """Tell `listener` no more; without any the connection is closed."""
        with self._lock:
            if self._listeners.get(str(axis)) == listener:
                del self._listeners[str(axis)]
            is_last = not self._listeners
            if is_last:
                self._wanted.clear()
        if is_last:
            self._cut()

    def _cut(self) -> None:
        """Wake the thread that reads: the connection is over."""
        with self._lock, contextlib.suppress(OSError):
            if self._line is not None:
                self._line.shutdown(socket.SHUT_RDWR)

    def send(self, text: str, answered: Answered) -> None:
        """Send a command; `answered` is called in the thread that reads.

        Raises:
            ControllerError: there is no connection.
        """
        with self._lock:
            line = self._line
            if line is None:
                raise ControllerError(f"no connection to {self.address}")
            tag = str(next(self._tags))
            self._pending[tag] = answered
            try:
                line.sendall(f"{tag} {text}\n".encode("ascii"))
            except OSError as error:
                self._pending.pop(tag, None)
                raise ControllerError(f"{self.address}: {error.strerror}") from error

    def ask(self, text: str) -> Words:
        """Send a command and wait for the answer's words. Not from a listener.

        Raises:
            ControllerError: there is none, or it is a refusal.
        """
        over = threading.Event()
        got: list[Words | None] = []

        def answered(words: Words | None) -> None:
            got.append(words)
            over.set()

        self.send(text, answered)
        if not over.wait(_ANSWER):
            self._cut()  # whoever hangs is as good as gone
            raise ControllerError(f"{self.address} did not answer within {_ANSWER:g} s")
        words = got[0]
        if words is None:
            raise ControllerError(f"{self.address}: the connection was lost")
        if words[0] != "OK":
            raise ControllerError(" ".join(words[1:]))
        return words[1:]

    # --- the thread that reads --------------------------------------------------------

    def _run(self) -> None:
        failures = 0
        while True:
            self._wanted.wait()
            try:
                with socket.create_connection(self._place, _CONNECT) as line:
                    failures = 0 if self._serve(line) else failures + 1
            except OSError:
                failures += 1
            threading.Event().wait(backoff(failures + 1, _SOON, _LATER))

    def _serve(self, line: socket.socket) -> bool:
        """Read until the connection is lost; False: it was refused at once."""
        line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        line.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        with line.makefile("r", encoding="ascii", errors="replace") as lines:
            # The first answer tells whether this connection is the one allowed.
            line.sendall(b"0 CONNECTIONS\n")
            if not lines.readline().startswith("0 OK"):
                _log.warning("the controller is busy", address=self.address)
                return False
            line.settimeout(None)
            with self._lock:
                self._line = line
            try:
                self._tell_all(["UP"])
                for text in lines:
                    self._heard(text.split())
            except OSError:
                return True
            finally:
                self._lost()
        return True

    def _heard(self, words: Words) -> None:
        if len(words) < 2:
            return
        if words[0] != "*":
            with self._lock:
                answered = self._pending.pop(words[0], None)
            if answered is not None:
                answered(words[1:])
            return
        with self._lock:
            listener = self._listeners.get(words[2]) if len(words) > 3 else None
        if listener is not None:
            listener([words[1], words[3]])

    def _lost(self) -> None:
        with self._lock:
            self._line = None
            pending, self._pending = self._pending, {}
        for answered in pending.values():
            answered(None)
        self._tell_all(None)

    def _tell_all(self, words: Words | None) -> None:
        with self._lock:
            listeners = list(self._listeners.values())
        for listener in listeners:
            listener(words)
