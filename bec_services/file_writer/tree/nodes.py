"""One thing in a scan's file, and the words all parts of the tree use. Pure data."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import msgspec
import numpy as np

from bec_services.file_writer.tree.columns import Array, Key, cell

DEVICES = "/entry/collection/devices"
SECONDS = {"units": "s", "long_name": "seconds since 1970-01-01T00:00:00Z"}


@dataclass(frozen=True)
class Node:
    """One thing in the file.

    Attributes:
        path: absolute.
        attrs: its attributes.
        value: what is written once; None: see the rest.
        grows: dtype and shape of one row of a dataset that grows.
        fixed: dtype and shape of a dataset that is filled bit by bit.
        link: absolute path it leads to.
        file: the file it leads to; the path in it is `link`.
        joined: files and paths in them: datasets that are shown as one.
        free: all dimensions of a dataset may grow, not only the first one.
    """

    path: str
    attrs: dict[str, Any] = field(default_factory=dict)
    value: Array | None = None
    grows: tuple[np.dtype[Any], tuple[int, ...]] | None = None
    fixed: tuple[np.dtype[Any], tuple[int, ...]] | None = None
    link: str = ""
    file: str = ""
    joined: tuple[tuple[str, str], ...] = ()
    free: bool = False

    @property
    def leads_elsewhere(self) -> bool:
        """What it shows lies in other files."""
        return bool(self.file or self.joined)

    @property
    def is_group(self) -> bool:
        """Other things may lie in it."""
        return self.value is None and not (
            self.grows or self.fixed or self.link or self.joined
        )


@dataclass(frozen=True)
class Patch:
    """Values that belong somewhere in a dataset.

    Attributes:
        path: of the dataset.
        start: first index, in each dimension.
        values: as they are written.
        whole: there is nothing else in the dataset.
    """

    path: str
    start: tuple[int, ...]
    values: Array
    whole: bool = False


def group(path: str, nx_class: str = "NXcollection", **attrs: Any) -> Node:
    """Return a group of a NeXus class."""
    return Node(path, {"NX_class": nx_class, **attrs})


def text(value: str, size: int = 0) -> Array:
    """Return text of a fixed length: a live reader cannot read any other."""
    raw = value.encode()
    return np.array(raw, f"S{max(size, len(raw), 1)}")


def plain(value: Any) -> Array:
    """Return a number or text as such, anything else as JSON."""
    if isinstance(value, str):
        return text(value)
    if isinstance(value, bool | int | float):
        return cell(value)
    return text(as_json(value))


def as_json(value: Any) -> str:
    """Return anything as JSON; what has no form there, as its text."""

    def other(value: Any) -> Any:
        return value.tolist() if hasattr(value, "tolist") else str(value)

    return msgspec.json.encode(value, enc_hook=other).decode()


def safe(name: object) -> str:
    """Return a name that is one step of a path."""
    found = str(name).replace("/", "_").replace("\0", "_")
    return found if found.strip(".") else f"_{found}"


def iso(time: float) -> str:
    """Return a time (s since the epoch) as ISO 8601, UTC."""
    return datetime.fromtimestamp(time, UTC).isoformat(timespec="microseconds")


def column_path(key: Key) -> str:
    """Return the path of the group of one signal."""
    device, signal = (part.replace("/", "_") for part in key)
    return f"{DEVICES}/{device}/{signal}"
