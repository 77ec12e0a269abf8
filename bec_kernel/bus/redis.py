"""The bus: three kinds of key on one broker. The only module that imports redis."""

import contextlib
import threading
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeVar
from urllib.parse import urlsplit

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from bec_kernel.bus import lua
from bec_kernel.bus.changes import (
    START,
    Append,
    Change,
    Drop,
    Expire,
    Fence,
    Id,
    Put,
    Trim,
)
from bec_kernel.bus.codec import decode, encode, encode_ask
from bec_kernel.bus.protocol import Complaint, Entry, Watch
from bec_kernel.errors import BrokerError, ConflictError, DecodeError, FencedError
from bec_kernel.wire import Inbox, Latest, Log

M = TypeVar("M")
A = TypeVar("A")

SOCKET_TIMEOUT = 5.0
"""Without a reply for this time (s) the connection to the broker counts as lost."""
INBOX_KEEP = 10_000


class _Commands:
    """Sends commands, each on a connection that is free, or a new one.

    redis-py's connections, without its client: that costs more than the round trip.
    """

    def __init__(self, pool: redis.ConnectionPool) -> None:
        self._pool = pool
        self._free: deque[Any] = deque()
        self._all: set[Any] = set()

    def __call__(self, *words: str | bytes | int | float) -> Any:
        """Return the broker's reply: bytes, integers, and lists of them."""
        with _broker():
            return self._send(*words)

    def _send(self, *words: str | bytes | int | float) -> Any:
        connection = self._take()
        try:
            connection.send_command(*words)
            reply = connection.read_response()
        except redis.ResponseError:
            self._free.append(connection)
            raise
        except (
            BaseException
        ):  # a late reply must not be read as that to another command
            self._drop(connection)
            raise
        self._free.append(connection)
        return reply

    def run(self, script: str, keys: Sequence[str], args: Sequence[Any]) -> Any:
        """Run a Lua script; return its result."""
        words = ("EVALSHA", lua.digest(script), len(keys), *keys, *args)
        with _broker():
            try:
                return self._send(*words)
            except redis.exceptions.NoScriptError:
                self._send("SCRIPT", "LOAD", script)
                return self._send(*words)

    def _take(self) -> Any:
        while self._free:
            with contextlib.suppress(IndexError):
                connection = self._free.pop()
                if self._is_clean(connection):
                    return connection
                self._drop(connection)
        connection = self._pool.connection_class(**self._pool.connection_kwargs)
        self._all.add(connection)
        try:
            connection.connect()
        except BaseException:
            self._drop(connection)
            raise
        return connection

    def _is_clean(self, connection: Any) -> bool:
        """Say whether the broker has not hung up meanwhile."""
        try:
            return not connection.can_read(0)
        except (redis.ConnectionError, redis.TimeoutError, OSError):
            return False

    def _drop(self, connection: Any) -> None:
        self._all.discard(connection)
        connection.disconnect()

    def close(self) -> None:
        """Hang up, also where a reply is waited for."""
        self._free.clear()
        for connection in list(self._all):
            self._drop(connection)


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
        self._command = _Commands(self._redis.connection_pool)

    def _key(self, name: str) -> str:
        return self._prefix + name

    def ping(self) -> None:
        """Return when the broker has answered."""
        self._command("PING")

    def commit(self, changes: Sequence[Change], fence: Fence | None = None) -> list[Id]:
        """See `Bus.commit`."""
        names = [_key_of(change).name for change in changes]
        keys, args = [self._key(name) for name in names], list[Any]([""])
        if fence is not None:
            keys.insert(0, self._key(fence.key.name))
            args[0] = fence.token
        for change in changes:
            args += _arguments(change)
        verdict, *ids = self._command.run(lua.COMMIT, keys, args)
        if verdict == b"fenced":
            raise FencedError(f"token {args[0]} is not the newest of {fence}")
        if verdict != b"ok":
            key, where = names[int(ids[0]) - 1], ids[1].decode()
            raise ConflictError(f"{key} at {where}: {verdict.decode()}")
        return [Id.parse(i) for i in ids]

    def read(self, log: Log[M], after: Id = START, limit: int = 1000) -> list[Entry[M]]:
        """See `Bus.read`."""
        raw = self._command(
            "XRANGE", self._key(log.name), f"({after}", "+", "COUNT", limit
        )
        return self._entries(log, raw)

    def last(self, log: Log[M]) -> Entry[M] | None:
        """See `Bus.last`."""
        entries = self.tail(log, 1)
        return entries[0] if entries else None

    def tail(self, log: Log[M], limit: int) -> list[Entry[M]]:
        """See `Bus.tail`."""
        raw = self._command("XREVRANGE", self._key(log.name), "+", "-", "COUNT", limit)
        return self._entries(log, raw[::-1])

    def follow(
        self, positions: Mapping[Log[Any], Id], timeout: float, limit: int = 1000
    ) -> list[tuple[Log[Any], list[Entry[Any]]]]:
        """See `Bus.follow`."""
        logs = {self._key(log.name).encode(): log for log in positions}
        asked = {self._key(log.name): str(at) for log, at in positions.items()}
        # Shorter than the silence after which the broker is taken for gone.
        block = min(timeout, self._timeout * 0.8)
        if not asked:  # XREAD wants one at least
            threading.Event().wait(block)
            return []
        words = ("XREAD", "COUNT", limit, "BLOCK", max(1, int(block * 1000)), "STREAMS")
        raw = self._command(*words, *asked, *asked.values()) or []
        return [(logs[key], self._entries(logs[key], found)) for key, found in raw]

    def _entries(self, log: Log[Any], raw: Any) -> list[Entry[Any]]:
        entries = []
        for where, fields in raw:
            try:
                message = decode(fields[1] if fields[0] == b"m" else b"", log.type)
            except DecodeError as error:
                self._complain(f"{log.name} at {where.decode()}", error)
                message = None
            entries.append(Entry(Id.parse(where), message))
        return entries

    def get(self, latest: Latest[M], field: str = "") -> M | None:
        """See `Bus.get`."""
        key = self._key(latest.name)
        words = ("HGET", key, field) if latest.fields else ("GET", key)
        raw = self._command(*words)
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
        raw = self._command("HGETALL", self._key(latest.name))
        found = {}
        for field, value in zip(raw[::2], raw[1::2], strict=True):
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
        at = self._command(
            "XADD", self._key(inbox.name), "MAXLEN", "~", INBOX_KEEP, "*", "m", raw
        )
        return Id.parse(at)

    def acquire(
        self, lease: Latest[str], fence: Latest[str], holder: str, ttl: float
    ) -> int | None:
        """See `Bus.acquire`."""
        keys = [self._key(lease.name), self._key(fence.name)]
        token = self._command.run(lua.ACQUIRE, keys, [holder, int(ttl * 1000)])
        return int(token) if token else None

    def renew(self, lease: Latest[str], holder: str, ttl: float) -> bool:
        """See `Bus.renew`."""
        keys, args = [self._key(lease.name)], [holder, int(ttl * 1000)]
        return bool(self._command.run(lua.RENEW, keys, args))

    def release(self, lease: Latest[str], holder: str) -> None:
        """See `Bus.release`."""
        self._command.run(lua.RELEASE, [self._key(lease.name)], [holder])

    def close(self) -> None:
        """See `Bus.close`."""
        self._command.close()
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
    return change.log if isinstance(change, Append | Expire | Trim) else change.latest


def _arguments(change: Change) -> list[Any]:
    match change:
        case Append(message=message, id=at, dense=dense, keep=keep):
            return ["a", str(at) if at else "*", int(dense), keep, encode(message)]
        case Put(message=message, field=field):
            return ["p", field, 0, 0, encode(message)]
        case Drop(field=field):
            return ["d", field, 0, 0, b""]
        case Expire(at=at):
            return ["e", int(at * 1000), 0, 0, b""]
        case Trim(before=before, since=since):
            return ["t", str(before), 0, 0, str(since)]


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

    Entries that cannot be decoded are reported to `complain` and come as None. A broker
    that is silent for `timeout` s is taken for gone.

    Raises:
        BrokerError: no broker answers at `url`, or the password is wrong.
    """
    bus = RedisBus(url, instance, complain, timeout)
    bus.ping()
    return bus
