"""Bytes: arrays without a copy, and nothing that could run."""

import contextlib

import msgspec
import numpy as np
import pytest
from hypothesis import given, strategies as st
from hypothesis.extra import numpy as arrays

from bec_kernel.bus.codec import ASK_LIMIT, MESSAGE_LIMIT, decode, encode, encode_ask
from bec_kernel.errors import DecodeError, RefusedError
from bec_kernel.wire import Answer, AnswerStatus, Call, Outcome, Reading

PLAIN = st.one_of(
    arrays.integer_dtypes(),
    arrays.unsigned_integer_dtypes(),
    arrays.floating_dtypes(sizes=(32, 64)),
    arrays.boolean_dtypes(),
    arrays.unicode_string_dtypes(max_len=3),
)


def there_and_back(value):
    message = Answer(
        index=0,
        life=1,
        outcome=Outcome(
            status=AnswerStatus.OK, data={"eiger": {"image": Reading(value, 1.0)}}
        ),
    )
    return decode(encode(message), Answer).outcome.data["eiger"]["image"].value


@given(arrays.arrays(PLAIN, arrays.array_shapes(min_dims=0, min_side=0, max_dims=3)))
def test_an_array_comes_back_as_it_was(array):
    found = there_and_back(array)
    np.testing.assert_array_equal(found, array)
    assert found.shape == array.shape
    assert found.dtype == array.dtype


def test_an_array_is_a_read_only_view_of_the_message():
    found = there_and_back(np.arange(1000.0))
    assert not found.flags.owndata
    assert not found.flags.writeable


def test_a_slice_travels_whole():
    array = np.arange(100).reshape(10, 10)[::2, ::-3]
    np.testing.assert_array_equal(there_and_back(array), array)


def test_a_numpy_scalar_travels_as_a_number():
    assert there_and_back(np.float64(1.5)) == 1.5
    assert there_and_back(np.int32(3)) == 3


@pytest.mark.parametrize(
    "value",
    [
        np.array([object()]),
        np.zeros(2, dtype=[("a", "f8"), ("b", "O")]),
        np.zeros(2, dtype=[("a", "f8"), ("b", "i4")]),
        object(),
        print,
    ],
)
def test_what_is_not_plain_does_not_travel(value):
    with pytest.raises(TypeError, match="cannot travel"):
        encode(value)


def forged(kind, shape, body=b"", code=1):
    head = msgspec.msgpack.encode((kind, shape))
    raw = len(head).to_bytes(2, "big") + head + body
    return msgspec.msgpack.encode(msgspec.msgpack.Ext(code, raw))


@pytest.mark.parametrize(
    "raw",
    [
        forged("|O", [1], b"\0" * 8),
        forged("O", [1], b"\0" * 8),
        forged([["a", "|O"]], [1], b"\0" * 8),
        forged("i4,O", [1], b"\0" * 12),
        forged("<f8", [1 << 70 - 8], b"\0" * 8),
        forged("<f8", [3], b"\0" * 8),
        forged("<f8", "x", b"\0" * 8),
        forged("<f8", [1], b"\0" * 8, code=2),
        forged("nonsense(", [1]),
        b"\xc7\x00\x01",
        b"\xc1",
        b"",
        b"\x91" * 100_000,
    ],
)
def test_forged_bytes_are_refused_by_name(raw):
    with pytest.raises(DecodeError):
        decode(raw, object)


@given(st.binary(max_size=60))
def test_any_bytes_are_a_message_or_a_decode_error(raw):
    with contextlib.suppress(DecodeError):
        decode(raw, Answer)


@pytest.mark.parametrize(
    "value",
    [10**400, 1 + 2j, np.array([object()]), object(), {1, ...}],
    ids=["huge", "complex", "objects", "object", "set"],
)
def test_what_cannot_travel_is_refused_before_it_is_asked(value):
    call = Call(request_id="r", device="samx", method="set", args=[value])
    with pytest.raises(RefusedError, match="Call cannot be asked"):
        encode_ask(call)


def test_what_is_too_large_is_refused_with_what_to_do():
    def call(size):
        return Call(request_id="r", device="d", method="m", args=[np.zeros(size, "u1")])

    assert encode_ask(call(ASK_LIMIT - 100))
    with pytest.raises(RefusedError, match=r"1\.0 MB .*file") as caught:
        encode_ask(call(ASK_LIMIT))
    assert caught.value.allowed == f"at most {ASK_LIMIT} bytes"
    with pytest.raises(ValueError, match=r"16\.8 MB are too much"):
        encode(call(MESSAGE_LIMIT))
