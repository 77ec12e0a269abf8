"""Pure: groups, datasets and links of a scan's file as data, and later values."""

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
    """A group, dataset or link of the file; a group if no other field is set.

    Attributes:
        path: absolute path.
        attrs: HDF5 attributes.
        value: dataset with this value.
        grows: dataset that grows: dtype and shape of one row.
        fixed: dataset of fixed size, filled piece by piece: dtype and shape.
        link: absolute path of the target.
        file: file of the target, if it is another one.
        joined: datasets shown as one virtual dataset: file and path of each.
        free: all dimensions of a growing dataset may grow, not only the first one.
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
        """Whether its data are in other files."""
        return bool(self.file or self.joined)

    @property
    def is_group(self) -> bool:
        """Whether it is a group."""
        return self.value is None and not (
            self.grows or self.fixed or self.link or self.joined
        )


@dataclass(frozen=True)
class Patch:
    """Values to be written into part of a dataset.

    Attributes:
        path: path of the dataset.
        start: index of the first value, one for each dimension.
        values: array with as many dimensions as the dataset.
        whole: the dataset is cut to these values.
    """

    path: str
    start: tuple[int, ...]
    values: Array
    whole: bool = False


def group(path: str, nx_class: str = "NXcollection", **attrs: Any) -> Node:
    """Make a group of a NeXus class."""
    return Node(path, {"NX_class": nx_class, **attrs})


def text(value: str, size: int = 0) -> Array:
    """Make text of a fixed length, in bytes: SWMR readers cannot read any other."""
    raw = value.encode()
    return np.array(raw, f"S{max(size, len(raw), 1)}")


def plain(value: Any) -> Array:
    """Make an array of a number or text; anything else becomes JSON."""
    if isinstance(value, str):
        return text(value)
    if isinstance(value, bool | int | float):
        return cell(value)
    return text(as_json(value))


def as_json(value: Any) -> str:
    """Encode a value as JSON; objects unknown to JSON by their text."""

    def other(value: Any) -> Any:
        return value.tolist() if hasattr(value, "tolist") else str(value)

    return msgspec.json.encode(value, enc_hook=other).decode()


def safe(name: object) -> str:
    """Make a name usable as one step of a path."""
    found = str(name).replace("/", "_").replace("\0", "_")
    return found if found.strip(".") else f"_{found}"


def iso(time: float) -> str:
    """Format a time (s since the epoch) as ISO 8601, UTC."""
    return datetime.fromtimestamp(time, UTC).isoformat(timespec="microseconds")


def column_path(key: Key) -> str:
    """Path of the group of one signal."""
    device, signal = (part.replace("/", "_") for part in key)
    return f"{DEVICES}/{device}/{signal}"
