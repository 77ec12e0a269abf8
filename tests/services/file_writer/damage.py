"""Files that were damaged on disk."""

import io

import h5py

AT_ONCE, NEVER = 2, 12
"""Which byte of an object's header is another: HDF5 says so, or tries for ever."""


def spoiled(whole: bytes, item: str, byte: int) -> bytes:
    """Return a file in which one byte of an object's header is another one."""
    with h5py.File(io.BytesIO(whole)) as file:
        at = h5py.h5o.get_info(file[item].id).addr
    assert whole[at : at + 4] == b"OHDR"
    found = bytearray(whole)
    found[at + byte] ^= 0xFF
    return bytes(found)
