"""Pure: empty files in memory, copied to start the next file of the same kind.

HDF5 needs about 20 ms to create a hundred datasets; writing the bytes of a prepared
file takes 1 ms. Files of similar scans differ in a handful of values only.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from bec_services.file_writer.tree import Array, Node

_KEEP = 16  # templates
_LARGEST = 1 << 23  # bytes; a larger template is not kept


@dataclass(frozen=True)
class FileTemplate:
    """A file without measured data.

    Attributes:
        image: content of the file: all nodes except links to other files.
        stride: sum of the chunk sizes of its growing datasets, bytes: the file grows
            by that when each of them needs a new chunk.
        nodes: the nodes it was made from.
    """

    image: bytes
    stride: int
    nodes: Sequence[Node]

    def changes(self, nodes: Sequence[Node]) -> Iterator[tuple[Node, bool]]:
        """Yield each node with another value, and whether dtype and shape are equal.

        Args:
            nodes: nodes of the new file, the same as those of the template except for
                values.
        """
        for old, new in zip(self.nodes, nodes, strict=True):
            if old.value is None or new.value is None:
                continue
            was, now = _fingerprint(old.value), _fingerprint(new.value)
            if was != now:
                yield new, was[:2] == now[:2]

    def is_of(self, nodes: Sequence[Node]) -> bool:
        """Whether a file with these nodes differs from the template in values only."""
        same = len(nodes) == len(self.nodes)
        return same and all(map(_alike, self.nodes, nodes))


class FileTemplates:
    """The most recently used templates."""

    def __init__(self) -> None:
        self._kept: list[FileTemplate] = []

    def find(self, nodes: Sequence[Node]) -> FileTemplate | None:
        """Find the template for files with these nodes, whatever their values."""
        for template in self._kept:
            if template.is_of(nodes):
                self._kept.remove(template)
                self._kept.insert(0, template)
                return template
        return None

    def keep(self, template: FileTemplate) -> None:
        """Keep a new template; the least recently used one is dropped."""
        if len(template.image) <= _LARGEST:
            self._kept = [template, *self._kept[: _KEEP - 1]]


def _alike(one: Node, other: Node) -> bool:
    """Whether two nodes differ in their values only."""
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
    """Whether two values are equal in type and bytes."""
    if isinstance(one, str) and isinstance(other, str):
        return one == other
    return _fingerprint(one) == _fingerprint(other)


def _fingerprint(value: Any) -> tuple[Any, ...]:
    """Type, shape and bytes of a value, to compare it with others."""
    if isinstance(value, str):
        return "", (), value
    array: Array = np.asarray(value)
    if array.dtype.hasobject:
        return "O", array.shape, repr(array.tolist())
    return array.dtype.str, array.shape, array.tobytes()
