"""The bus: three kinds of key on one broker. The only module that imports redis."""

import contextlib
import threading
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeVar
from urllib.parse import urlsplit

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from bec_kernel import scripts
from bec_kernel.codec import decode, encode, encode_ask
from bec_kernel.errors import BrokerError, ConflictError, DecodeError, FencedError
from bec_kernel.port import (
    START,
    Append,
    Bus,
    Change,
    Complaint,
    Drop,
    Entry,
    Fence,
    Id,
    Put,
    Watch,
)
from bec_kernel.wire import Inbox, Latest, Log

__all__ = [
    "START",
    "Append",
    "Bus",
    "Change",
    "Complaint",
    "Drop",
    "Entry",
    "Fence",
    "Id",
    "Inbox",
    "Latest",
    "Log",
    "Put",
    "RedisBus",
    "Watch",
    "append",
    "connect",
    "put",
]

M = TypeVar("M")
A = TypeVar("A")

SOCKET_TIMEOUT = 5.0
"""A broker that is silent for so long (s) is taken for gone."""


def append(
    bus: Bus,
    log: Log[M],
    message: M,
    id: Id | None = None,  # noqa: A002 - the broker's word
    *,
    dense: bool = False,
    keep: int = 0,
    fence: Fence | None = None,
) -> Id:
    """Append one message; see `Bus.commit`."""
    return bus.commit([Append(log, message, id, dense, keep)], fence)[0]


def put(
    bus: Bus,
    latest: Latest[M],
    message: M,
    field: str = "",
    *,
    fence: Fence | None = None,
) -> None:
    """Put one value; see `Bus.commit`."""
    bus.commit([Put(latest, message, field)], fence)


INBOX_KEEP = 10_000


class RedisBus:
    """The bus on a Redis or Valkey server. Threads may share it."""

    def __init__(
        self,
        url: str,
        instance: str,
        complain: Complaint,
        timeout: float = SOCKET_TIMEOUT,
    ) -> None:
        self._prefix = f"{{{instance}}}:"
        self._complain = complain
        self._timeout = timeout
        self._redis = redis.Redis.from_url(
            url,
            protocol=2,
            socket_timeout=timeout,
            socket_connect_timeout=timeout,
            retry=Retry(NoBackoff(), 0),
        )
        self.user = urlsplit(url).username or "default"
        self._commit = self._redis.register_script(scripts.COMMIT)
        self._acquire = self._redis.register_script(scripts.ACQUIRE)
        self._renew = self._redis.register_script(scripts.RENEW)
        self._release = self._redis.register_script(scripts.RELEASE)

    def _key(self, name: str) -> str:
        return self._prefix + name

    def ping(self) -> None:
        """Return when the broker has answered."""
        with _broker():
            self._redis.ping()

    def commit(self, changes: Sequence[Change], fence: Fence | None = None) -> list[Id]:
        """See `Bus.commit`."""
        names = [_key_of(change).name for change in changes]
        keys = [self._key(name) for name in names]
        args: list[Any] = [""]
        if fence is not None:
            keys.insert(0, self._key(fence.key.name))
            args[0] = fence.token
        for change in changes:
            args += _arguments(change)
        with _broker():
            verdict, *ids = self._commit(keys, args)
        if verdict == b"fenced":
            raise FencedError(f"token {args[0]} is not the newest of {fence}")
        if verdict != b"ok":
            key, where = names[int(ids[0]) - 1], ids[1].decode()
            raise ConflictError(f"{key} at {where}: {verdict.decode()}")
        return [Id.parse(i) for i in ids]

    def read(self, log: Log[M], after: Id = START, limit: int = 1000) -> list[Entry[M]]:
        """See `Bus.read`."""
        with _broker():
            raw = self._redis.xrange(self._key(log.name), f"({after}", "+", limit)
        return self._entries(log, raw)

    def last(self, log: Log[M]) -> Entry[M] | None:
        """See `Bus.last`."""
        entries = self.tail(log, 1)
        return entries[0] if entries else None

    def tail(self, log: Log[M], limit: int) -> list[Entry[M]]:
        """See `Bus.tail`."""
        with _broker():
            raw: Any = self._redis.xrevrange(self._key(log.name), "+", "-", limit)
        return self._entries(log, raw[::-1])

    def follow(
        self, positions: Mapping[Log[Any], Id], timeout: float, limit: int = 1000
    ) -> list[tuple[Log[Any], list[Entry[Any]]]]:
        """See `Bus.follow`."""
        logs = {self._key(log.name).encode(): log for log in positions}
        asked: Any = {self._key(log.name): str(at) for log, at in positions.items()}
        # Shorter than the silence after which the broker is taken for gone.
        block = min(timeout, self._timeout * 0.8)
        if not asked:  # XREAD wants one at least
            threading.Event().wait(block)
            return []
        with _broker():
            raw: Any = self._redis.xread(asked, limit, max(1, int(block * 1000)))
        return [(logs[key], self._entries(logs[key], found)) for key, found in raw]

    def _entries(self, log: Log[Any], raw: Any) -> list[Entry[Any]]:
        entries = []
        for where, fields in raw:
            try:
                message = decode(fields.get(b"m", b""), log.type)
            except DecodeError as error:
                self._complain(f"{log.name} at {where.decode()}", error)
                message = None
            entries.append(Entry(Id.parse(where), message))
        return entries

    def get(self, latest: Latest[M], field: str = "") -> M | None:
        """See `Bus.get`."""
        key = self._key(latest.name)
        with _broker():
            raw: Any = (
                self._redis.hget(key, field) if latest.fields else self._redis.get(key)
            )
        if raw is None:
            return None
        try:
            value: M = _value(raw, latest)
        except DecodeError as error:
            self._complain(f"{latest.name} {field}".rstrip(), error)
            return None
        return value

    def get_all(self, latest: Latest[M]) -> dict[str, M]:
        """See `Bus.get_all`."""
        with _broker():
            raw: Any = self._redis.hgetall(self._key(latest.name))
        found = {}
        for field, value in raw.items():
            try:
                found[field.decode()] = _value(value, latest)
            except DecodeError as error:
                self._complain(f"{latest.name} {field!r}", error)
        return found

    @contextlib.contextmanager
    def watch(self, *latest: Latest[Any]) -> Iterator[Watch]:
        """See `Bus.watch`."""
        wakes: Any = self._redis.pubsub()  # type: ignore[no-untyped-call]
        try:
            with _broker():
                wakes.subscribe(*(self._key(one.name) for one in latest))
                # Only what is put after the broker's confirmation is sure to wake.
                for _ in latest:
                    if wakes.get_message(timeout=self._timeout) is None:
                        raise redis.TimeoutError("no answer to SUBSCRIBE")
            yield _RedisWatch(wakes)
        finally:
            wakes.close()

    def ask(self, inbox: Inbox[M, A], request: M) -> Id:
        """See `Bus.ask`."""
        raw = encode_ask(request)
        with _broker():
            at: Any = self._redis.xadd(
                self._key(inbox.name), {"m": raw}, maxlen=INBOX_KEEP
            )
        return Id.parse(at)

    def acquire(
        self, lease: Latest[str], fence: Latest[str], holder: str, ttl: float
    ) -> int | None:
        """See `Bus.acquire`."""
        keys = [self._key(lease.name), self._key(fence.name)]
        with _broker():
            token = self._acquire(keys, [holder, int(ttl * 1000)])
        return int(token) if token else None

    def renew(self, lease: Latest[str], holder: str, ttl: float) -> bool:
        """See `Bus.renew`."""
        with _broker():
            return bool(self._renew([self._key(lease.name)], [holder, int(ttl * 1000)]))

    def release(self, lease: Latest[str], holder: str) -> None:
        """See `Bus.release`."""
        with _broker():
            self._release([self._key(lease.name)], [holder])

    def close(self) -> None:
        """See `Bus.close`."""
        self._redis.close()
        self._redis.connection_pool.disconnect()


class _RedisWatch:
    def __init__(self, wakes: Any) -> None:
        self._wakes = wakes

    def wait(self, timeout: float) -> bool:
        """See `Watch.wait`."""
        with _broker():
            if self._wakes.get_message(timeout=timeout) is None:
                return False
            while self._wakes.get_message(timeout=0) is not None:
                pass  # one look is enough for all that came at once
            return True


@contextlib.contextmanager
def _broker() -> Iterator[None]:
    try:
        yield
    except redis.exceptions.BusyLoadingError as error:
        raise BrokerError(f"the broker is starting: {error}", subject="loading") from (
            error
        )
    except (redis.ConnectionError, redis.TimeoutError, OSError) as error:
        raise BrokerError(f"the broker does not answer: {error}") from error
    except redis.exceptions.NoPermissionError as error:
        raise BrokerError(f"the broker refuses: {error}", subject="acl") from error
    except redis.ResponseError as error:
        raise BrokerError(f"the broker refuses: {error}") from error


def _key_of(change: Change) -> Log[Any] | Latest[Any]:
    return change.log if isinstance(change, Append) else change.latest


def _arguments(change: Change) -> list[Any]:
    match change:
        case Append(message=message, id=at, dense=dense, keep=keep):
            return ["a", str(at) if at else "*", int(dense), keep, encode(message)]
        case Put(message=message, field=field):
            return ["p", field, 0, 0, encode(message)]
        case Drop(field=field):
            return ["d", field, 0, 0, b""]


def _value(raw: bytes, latest: Latest[Any]) -> Any:
    return raw.decode() if latest.type is str else decode(raw, latest.type)


def _raise(key: str, error: DecodeError) -> None:
    raise DecodeError(f"{key}: {error}") from error


def connect(
    url: str,
    instance: str = "bec",
    complain: Complaint = _raise,
    timeout: float = SOCKET_TIMEOUT,
) -> RedisBus:
    """Connect to the broker at `url` (`unix://user:password@/path` or `redis://…`).

    Entries that cannot be decoded are told to `complain` and come as None. A broker
    that is silent for `timeout` s is taken for gone.

    Raises:
        BrokerError: nobody answers there, or the password is wrong.
    """
    bus = RedisBus(url, instance, complain, timeout)
    bus.ping()
    return bus
