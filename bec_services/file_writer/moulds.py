"""Files as they were made lately: the next one of the same kind is cast, not built.

To make a hundred datasets takes HDF5 twenty milliseconds, to write their bytes one. Two
scans alike differ in a handful of values.
"""

from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from bec_services.file_writer.core import Array
from bec_services.file_writer.node import Node

_KEEP = 16
_LARGEST = 1 << 23  # bytes


@dataclass(frozen=True)
class Mould:
    """A file before anything was measured.

    Attributes:
        image: its bytes, all of its nodes in them but those that lead to other files.
        stride: bytes by which its datasets grow at once.
        nodes: it was made of.
    """

    image: bytes
    stride: int
    nodes: Sequence[Node]

    def changes(self, nodes: Sequence[Node]) -> Iterator[tuple[Node, bool]]:
        """Yield the nodes whose value is another one, and whether it fits in its place.

        Args:
            nodes: of the same kind as those it was made of.
        """
        for old, new in zip(self.nodes, nodes, strict=True):
            if old.value is None or new.value is None:
                continue
            was, now = _told(old.value), _told(new.value)
            if was != now:
                yield new, was[:2] == now[:2]


class Moulds:
    """The moulds of the newest kinds of file."""

    def __init__(self) -> None:
        self._kept: OrderedDict[Any, Mould] = OrderedDict()

    def find(self, nodes: Sequence[Node]) -> Mould | None:
        """Return the mould of files with these nodes, whatever their values."""
        kind = _kind(nodes)
        if kind in self._kept:
            self._kept.move_to_end(kind)
        return self._kept.get(kind)

    def keep(self, mould: Mould) -> None:
        """Keep a mould; the one that was not used for longest goes."""
        if len(mould.image) > _LARGEST:
            return
        self._kept[_kind(mould.nodes)] = mould
        while len(self._kept) > _KEEP:
            self._kept.popitem(last=False)


def _kind(nodes: Sequence[Node]) -> tuple[Any, ...]:
    """Return all that files have in common which differ in values only."""
    return tuple(
        (
            node.path,
            node.grows,
            node.fixed,
            node.free,
            node.value is None,
            node.link,
            node.leads_elsewhere,
            *((name, _told(value)) for name, value in node.attrs.items()),
        )
        for node in nodes
    )


def _told(value: Any) -> tuple[Any, ...]:
    """Return what tells a value from any other: its type, shape and bytes."""
    if isinstance(value, str):
        return "", (), value
    array: Array = np.asarray(value)
    if array.dtype.hasobject:
        return "O", array.shape, repr(array.tolist())
    return array.dtype.str, array.shape, array.tobytes()
