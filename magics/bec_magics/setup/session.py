"""What the magics of one IPython share: the client, once somebody needs it."""

import contextlib
import functools
from collections.abc import Callable, Iterator
from typing import Any

from bec_kernel.client import Client, ScanReport, connect
from bec_live.views import ScanCard
from bec_magics.setup.instance import PrivateInstance
from bec_magics.setup.names import Later
from bec_magics.setup.origin import origin_of

CARDS = 10
"""So many finished cards stay alive for pages that are opened again."""
NAMES = ("bec", "dev", "scans", "queue", "history")


class Session:
    """The connection of one shell, made at first use.

    Attributes:
        shell: the IPython it belongs to.
        waiting: reports a cell waits for at the moment.
    """

    def __init__(self, shell: Any) -> None:
        self.shell = shell
        self.waiting: list[ScanReport] = []
        self._cards: list[ScanCard] = []
        self._client: Client | None = None
        self._private: PrivateInstance | None = None
        self._bound: dict[str, Any] = {}

    @property
    def client(self) -> Client:
        """The client.

        Raises:
            InstanceError: no instance runs; the message names the command to start one.
        """
        return self._client or self.use(connect())

    def use(self, client: Client) -> Client:
        """Make `client` the one the names in the namespace stand for."""
        self._close_client()
        client.origin = lambda: origin_of(self.shell)
        self._client = client
        self._bind({"bec": client} | {n: getattr(client, n) for n in NAMES[1:]})
        return client

    def keep(self, card: ScanCard) -> None:
        """Keep a finished card for pages opened later; only the last few."""
        self._cards.append(card)
        while len(self._cards) > CARDS:
            self._cards.pop(0).close()

    def start_private(self, *, virtual: bool, devices: str = "") -> Client:
        """Start an instance for this shell alone, use it, and return its client."""
        self.stop_private()
        self._private = PrivateInstance(virtual=virtual, devices=devices)
        client = self._private.connect()
        self.use(client)
        client.ready()
        return client

    def stop_private(self) -> None:
        """Stop the private instance, if there is one; the names look for another."""
        if self._private is not None:
            self._close_client()
            self.bind_later()
            self._private.stop()
            self._private = None

    def bind_later(self) -> None:
        """Put the names into the namespace; they connect when they are first used."""
        later: dict[str, Any] = {"bec": Later(lambda: self.client)}
        for name in NAMES[1:]:
            later[name] = Later(functools.partial(self._part, name))
        self._bind(later)

    def _part(self, name: str) -> Any:
        return getattr(self.client, name)

    def close(self) -> None:
        """Take the names away again, end the private instance and the connection."""
        self._bind({})
        while self._cards:
            self._cards.pop().close()
        self._close_client()
        if self._private is not None:
            self._private.stop()
            self._private = None

    @contextlib.contextmanager
    def waiting_for(self, report: ScanReport) -> Iterator[None]:
        """Note, inside the block, that a cell waits for this report."""
        self.waiting.append(report)
        try:
            yield
        finally:
            self.waiting.remove(report)

    def interrupted(self) -> Callable[[], None]:
        """Make the function that aborts the scans a cell waits for now."""
        reports = list(self.waiting)

        def abort() -> None:
            for report in reports:
                if report in self.waiting and not report.is_final:
                    report.abort()

        return abort

    def _bind(self, things: dict[str, Any]) -> None:
        """Bind `things`; a name the person gave another meaning is left alone."""
        user = self.shell.user_ns
        for name, thing in self._bound.items():
            if user.get(name) is thing and name not in things:
                del user[name]
        free = {
            name: thing
            for name, thing in things.items()
            if name not in user or user[name] is self._bound.get(name)
        }
        self.shell.push(free, interactive=False)
        self._bound = free

    def _close_client(self) -> None:
        if self._client is None:
            return
        client, self._client = self._client, None
        client.close()
