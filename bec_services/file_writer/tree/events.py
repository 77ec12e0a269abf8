"""Pure: states of a scan and alarms about it."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from bec_kernel.wire import Alarm, Seal, StateChange
from bec_services.file_writer.tree.nodes import SECONDS, Node, Patch, group

_STATES = "/entry/collection/states"
_ALARMS = "/entry/collection/alarms"
_FIELDS = {
    _STATES: {"state": 16, "reason": 64, "message": 256},
    _ALARMS: {"severity": 16, "service": 32, "message": 256},
}
"""Text fields of each group, and their length, bytes; longer text is cut."""


def events() -> Iterator[Node]:
    """Yield the groups and datasets for states and alarms."""
    for path, fields in _FIELDS.items():
        yield group(path)
        yield Node(f"{path}/time", SECONDS, grows=(np.dtype(np.float64), ()))
        for name, size in fields.items():
            yield Node(f"{path}/{name}", grows=(np.dtype(f"S{size}"), ()))


def happened(
    states: Iterable[StateChange], alarms: Iterable[Alarm], seal: Seal | None
) -> Iterator[Patch]:
    """Yield states and alarms as patches.

    Args:
        states: state changes of the scan.
        alarms: alarms that name the scan.
        seal: its last entry, once it has ended; the final state is taken from it.
    """
    course = [one for one in states if not one.state.is_final]
    if seal is not None:
        course.append(StateChange(state=seal.state, time=seal.time, reason=seal.reason))
    yield from _patches(_STATES, course)
    yield from _patches(_ALARMS, list(alarms))


def _patches(path: str, rows: Sequence[Any]) -> Iterator[Patch]:
    if not rows:
        return
    yield Patch(f"{path}/time", (0,), np.array([row.time for row in rows]))
    for name, size in _FIELDS[path].items():
        words = [cut(getattr(row, name), size) for row in rows]
        yield Patch(f"{path}/{name}", (0,), np.array(words, f"S{size}"))


def cut(words: str, size: int) -> bytes:
    """Encode text as UTF-8 of at most `size` bytes, without a partial character."""
    return words.encode()[:size].decode(errors="ignore").encode()
