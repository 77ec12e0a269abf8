"""Files as they were made lately: the next one of the same kind is cast, not built.

To make a hundred datasets takes HDF5 twenty milliseconds, to write their bytes one. Two
scans alike differ in a handful of values.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from bec_services.file_writer.tree import Array, Node

_KEEP = 16
_LARGEST = 1 << 23  # bytes


@dataclass(frozen=True)
class FileTemplate:
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

    def is_of(self, nodes: Sequence[Node]) -> bool:
        """Say whether files with these nodes differ from it in values only."""
        same = len(nodes) == len(self.nodes)
        return same and all(map(_alike, self.nodes, nodes))


class FileTemplates:
    """The templates of the newest kinds of file."""

    def __init__(self) -> None:
        self._kept: list[FileTemplate] = []

    def find(self, nodes: Sequence[Node]) -> FileTemplate | None:
        """Return the template of files with these nodes, whatever their values."""
        for template in self._kept:
            if template.is_of(nodes):
                self._kept.remove(template)
                self._kept.insert(0, template)
                return template
        return None

    def keep(self, template: FileTemplate) -> None:
        """Keep a new template; the one that was not used for longest goes."""
        if len(template.image) <= _LARGEST:
            self._kept = [template, *self._kept[: _KEEP - 1]]


def _alike(one: Node, other: Node) -> bool:
    """Say whether two nodes differ in their values only."""
    return (
        one.path == other.path
        and one.grows == other.grows
        and one.fixed == other.fixed
        and one.free is other.free
        and (one.value is None) is (other.value is None)
        and one.link == other.link
        and one.leads_elsewhere is other.leads_elsewhere
        and one.attrs.keys() == other.attrs.keys()
        and all(_same(value, other.attrs[name]) for name, value in one.attrs.items())
    )


def _same(one: Any, other: Any) -> bool:
    """Say whether two values are the same, in type and bytes."""
    if isinstance(one, str) and isinstance(other, str):
        return one == other
    return _told(one) == _told(other)


def _told(value: Any) -> tuple[Any, ...]:
    """Return what tells a value from any other: its type, shape and bytes."""
    if isinstance(value, str):
        return "", (), value
    array: Array = np.asarray(value)
    if array.dtype.hasobject:
        return "O", array.shape, repr(array.tolist())
    return array.dtype.str, array.shape, array.tobytes()
