"""A master file as text: one line a node, with every attribute and value.

Times are given in seconds from the start of the scan. What differs between two runs of
the same scan is replaced by a word in angle brackets, see `VARIES`.
"""

import hashlib
import json
import re
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import h5py
import numpy as np

SHOWN = 8
"""Longer arrays are given by their first and last values and a digest of all."""
DIGITS = 9
"""Significant digits of a real number."""
DIGITS_OF_FIT = 5
"""What a library iterates to depends on the machine."""
FIT = "/entry/collection/fit/"
AFTER_POINT = 5
"""Decimals of a time in s: a clock that counts from 1970 is good for no more."""
EPOCH = "seconds since 1970-01-01T00:00:00Z"

VARIES = {
    r"/entry/entry_identifier_uuid": "<uuid>",
    r"/entry/collection/metadata/bec/scan_id": "<uuid>",
    r"/entry/collection/metadata/bec/code": "<hash of the source>",
    r"/entry/collection/environment/.*": "<version>",
    r"/entry/collection/alarms/time": "<wall clock>",
    r"/@(HDF5_Version|h5py_version)": "<version>",
    r"/entry/program_name@version": "<version>",
}
"""Nodes and attributes that differ from run to run, by a pattern of the path."""
VARIES_IN_JSON = {
    "scan_id": "<uuid>",
    "request_id": "<uuid>",
    "deadline": "<wall clock>",
    "host": "<host>",
    "environment": "<versions>",
    "code": "<hash of the source>",
}
"""The same for entries of texts that are JSON."""
LIFE = "life/"
"""Columns whose name begins so hold the start time of a process."""


class Master:
    """The text of one file.

    Attributes:
        file: the open file.
        start: of the scan, s since 1970.
    """

    def __init__(self, file: h5py.File) -> None:
        self.file = file
        began = file["entry/start_time"][()].decode()
        self.start = datetime.fromisoformat(began).timestamp()

    def lines(self, group: h5py.Group) -> Iterator[str]:
        """Yield one line for a group and for each node below it, in order of names."""
        kind = group.attrs.get("NX_class", "group")
        yield f"{group.name} {kind}{self.attributes(group)}"
        for name in sorted(group):
            link, at = group.get(name, getlink=True), f"{group.name.rstrip('/')}/{name}"
            if isinstance(link, h5py.SoftLink):
                yield f"{at} -> {link.path}"
            elif isinstance(link, h5py.ExternalLink):
                yield f"{at} -> {link.filename}:{link.path}"
            elif isinstance(node := group[name], h5py.Group):
                yield from self.lines(node)
            else:
                yield self.dataset(node)

    def dataset(self, node: h5py.Dataset) -> str:
        """Return type, shape, layout, attributes and value of a dataset."""
        shape = "x".join(map(str, node.shape)) or "scalar"
        if (word := varies(node.name)) is not None:
            kind = "text" if node.dtype.kind in "SO" else node.dtype.str
            head = " ".join([node.name, kind, *layout(node)])
            return f"{head}{self.attributes(node)} = {word}"
        text = self.value(node)
        is_json = node.dtype.kind in "SO" and text.startswith("'{")
        # How long a text is depends on what varies in it.
        kind = "json" if is_json else node.dtype.str
        head = " ".join([node.name, kind, shape, *layout(node)])
        return f"{head}{self.attributes(node)} = {text}"

    def value(self, node: h5py.Dataset) -> str:
        """Return the value of a dataset in short."""
        found = node[()]
        if node.name in ("/entry/end_time", "/entry/collection/metadata/end_time"):
            ended = datetime.fromisoformat(found.decode()).timestamp()
            return self.time(ended)
        if str(node.attrs.get("long_name")).startswith(EPOCH):
            return short(found, self.time)
        columns = list(node.attrs.get("columns", []))
        if columns and any(name.startswith(LIFE) for name in columns):
            found = found[:, [not name.startswith(LIFE) for name in columns]]
        if node.name.startswith(FIT):
            return short(found, lambda one: scalar(one, DIGITS_OF_FIT))
        return short(found, scalar)

    def time(self, moment: float) -> str:
        """Return a time as seconds from the start of the scan."""
        return f"{round(float(moment) - self.start, AFTER_POINT) + 0.0:+g}s"

    def attributes(self, node: Any) -> str:
        """Return all attributes of a node by name; empty: there are none."""
        found = dict(sorted(node.attrs.items()))
        if isinstance(node, h5py.Group):
            found.pop("NX_class", None)
        if found.get("target") == node.name:
            found["target"] = "<itself>"
        if found == {"long_name": EPOCH, "units": "s"}:
            return " {<time>}"
        texts = []
        for name, one in found.items():
            word = varies(f"{node.name}@{name}")
            texts.append(f"{name}: {word or short(one, scalar)}")
        return f" {{{', '.join(texts)}}}" if texts else ""


def text_of(path: Path) -> str:
    """Return the whole content of a master file."""
    with h5py.File(path) as file:
        return "\n".join(Master(file).lines(file["/"])) + "\n"


def varies(path: str) -> str | None:
    """Return the word that stands for what is at this path; None: it is compared."""
    found = (word for rule, word in VARIES.items() if re.fullmatch(rule, path))
    return next(found, None)


def layout(node: h5py.Dataset) -> list[str]:
    """Return how a dataset is stored, where it is not the plain way."""
    found = [
        f"{what}={one}"
        for what in ("maxshape", "chunks", "compression")
        if (one := getattr(node, what)) not in (None, node.shape)
    ]
    if node.is_virtual:
        sources = node.virtual_sources()
        found += [f"from {one.file_name}:{one.dset_name}" for one in sources]
    return found


def short(found: Any, shown: Any) -> str:
    """Return a value: all of it, or its beginning, its end and a digest."""
    if not isinstance(found, np.ndarray) or found.ndim == 0:
        return str(shown(found[()] if isinstance(found, np.ndarray) else found))
    each = [str(shown(one)) for one in found.ravel()]
    if len(each) <= SHOWN:
        return f"[{' '.join(each)}]"
    if len(set(each)) == 1:
        return f"[{each[0]} everywhere]"
    digest = hashlib.sha256(" ".join(each).encode()).hexdigest()[:12]
    return f"[{' '.join(each[:3])} … {each[-1]}] sha256 {digest}"


def scalar(found: Any, digits: int = DIGITS) -> str:
    """Return a number or text; the last bits of a real number depend on the machine."""
    if isinstance(found, float | np.floating):
        return f"{found + 0.0:.{digits}g}"
    text = found.decode() if isinstance(found, bytes) else found
    if isinstance(text, str) and text.startswith('{"'):
        text = json.dumps(without_what_varies(json.loads(text)))
    return repr(text.item() if isinstance(text, np.generic) else text)


def without_what_varies(found: Any) -> Any:
    """Return JSON with a word in place of each entry that differs between two runs."""
    if isinstance(found, dict):
        return {
            name: VARIES_IN_JSON.get(name) or without_what_varies(one)
            for name, one in found.items()
        }
    if isinstance(found, list):
        return [without_what_varies(one) for one in found]
    return found
