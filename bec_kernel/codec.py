"""Messages to bytes and back; arrays as an extension type, decoded without a copy."""

import re
from functools import lru_cache
from typing import Any

import msgspec
import numpy as np

from bec_kernel.errors import DecodeError

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
    """
    return _encoder.encode(message)


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
