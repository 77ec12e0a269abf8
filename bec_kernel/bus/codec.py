"""Pure: Messages to bytes and back.

Arrays as an extension type, decoded without a copy.
"""

import re
from functools import lru_cache
from typing import Any

import msgspec
import numpy as np

from bec_kernel.errors import DecodeError, RefusedError

MESSAGE_LIMIT = 16 << 20
"""Maximum size of a message in bytes: detector frames do not pass the broker."""
ASK_LIMIT = 1 << 20
"""Maximum size of a request in bytes, so that one request cannot block a service."""

_ARRAY = 1
_HEAD = 2  # bytes that hold the length of an array's header
_KINDS = re.compile(r"[<>|=][biufcSUmM]\d+(\[\w+\])?")  # plain values only


def _encode_other(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        if not _KINDS.fullmatch(value.dtype.str):
            raise TypeError(
                f"an array of {value.dtype} cannot travel: only plain numbers, "
                "strings and times do"
            )
        head = msgspec.msgpack.encode((value.dtype.str, value.shape))
        body = np.ascontiguousarray(value).tobytes()
        return msgspec.msgpack.Ext(
            _ARRAY, len(head).to_bytes(_HEAD, "big") + head + body
        )
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(f"{type(value).__name__} cannot travel on the bus: {value!r:.60}")


def _decode_array(code: int, raw: memoryview) -> Any:
    if code != _ARRAY:
        raise ValueError(f"unknown extension type {code}")
    size = int.from_bytes(raw[:_HEAD], "big")
    kind, shape = msgspec.msgpack.decode(raw[_HEAD : _HEAD + size])
    if not isinstance(kind, str) or not _KINDS.fullmatch(kind):
        raise ValueError(f"arrays of {kind} are refused")
    dtype = np.dtype(kind)
    if 0 in shape:
        return np.empty(shape, dtype)
    return np.frombuffer(raw, dtype=dtype, offset=_HEAD + size).reshape(shape)


_encoder = msgspec.msgpack.Encoder(enc_hook=_encode_other)


_BAD = (msgspec.MsgspecError, ValueError, TypeError, OverflowError, RecursionError)


@lru_cache(maxsize=256)
def _decoder(kind: Any) -> msgspec.msgpack.Decoder[Any]:
    return msgspec.msgpack.Decoder(kind, ext_hook=_decode_array)


def encode(message: Any) -> bytes:
    """Return `message` as msgpack.

    Raises:
        TypeError: something in it cannot travel (an object, an object array).
        OverflowError: a number has more than 64 bits.
        ValueError: it is too large.
    """
    raw = _encoder.encode(message)
    if len(raw) > MESSAGE_LIMIT:
        raise ValueError(f"{_size(raw)} are too much: a message has at most 16 MB")
    return raw


def encode_ask(request: Any) -> bytes:
    """Encode a request of a user as msgpack.

    Raises:
        RefusedError: something in it cannot travel, or it is too large.
    """
    try:
        raw = _encoder.encode(request)
    except _BAD as error:
        what = f"{_name(type(request))} cannot be asked: {error}"
        raise RefusedError(what) from error
    if len(raw) > ASK_LIMIT:
        raise RefusedError(
            f"{_size(raw)} are too much to ask ({_name(type(request))}; at most 1 MB): "
            "write the data to a file and give its path, or ask with less",
            value=str(len(raw)),
            allowed=f"at most {ASK_LIMIT} bytes",
        )
    return raw


def _size(raw: bytes) -> str:
    return f"{len(raw) / 1e6:.1f} MB"


def decode(raw: bytes, kind: Any) -> Any:
    """Return the message of type `kind` in `raw`; arrays are read-only views of it.

    Raises:
        DecodeError: `raw` is not such a message.
    """
    try:
        return _decoder(kind).decode(raw)
    except _BAD as error:
        raise DecodeError(f"not a {_name(kind)}: {error}") from error


def _name(kind: Any) -> str:
    return str(getattr(kind, "__name__", kind)).replace("bec_kernel.wire.", "")
