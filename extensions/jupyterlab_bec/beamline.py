"""The Jupyter server's one connection to an instance, made when first asked for."""

import threading
from collections.abc import Callable
from typing import Any, TypeVar

T = TypeVar("T")


class InstanceConnection:
    """Requests of the side panel. Blocking: call it from a worker thread.

    A connection that failed is dropped, so the next question finds an instance that
    was started, or started again, in the meantime.
    """

    def __init__(self, connect: Callable[[], Any]) -> None:
        """Remember how to connect.

        Args:
            connect: returns a client with ``stop_all()``, ``status()`` and ``close()``.
        """
        self._connect = connect
        self._lock = threading.Lock()
        self._client: Any = None

    def stop(self) -> None:
        """Stop every device, without queue or worker."""
        self._ask(lambda client: client.stop_all())

    def status(self) -> dict[str, Any]:
        """Services, queues and broker, as ``bec status --json`` shows them."""
        return self._ask(lambda client: dict(client.status()))

    def _ask(self, question: Callable[[Any], T]) -> T:
        with self._lock:
            if self._client is None:
                self._client = self._connect()
            client = self._client
        try:
            return question(client)
        except BaseException:
            self._drop(client)
            raise

    def _drop(self, client: Any) -> None:
        with self._lock:
            if self._client is client:
                self._client = None
        client.close()
