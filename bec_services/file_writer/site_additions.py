"""Pure: `Layout`, by which a site adds to the file of each scan, and its `Draft`."""

import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from bec_kernel.wire import Begin
from bec_services.file_writer.tree import (
    DEVICES,
    PLOT,
    Array,
    Node,
    ScanFacts,
    column_path,
    group,
    hinted,
    text,
)

_MOST = 10_000
"""Maximum number of nodes that a layout may add."""


class Layout:
    """Adds groups, links, fields, an application definition to a scan's file.

    A subclass is registered in the entry point group `bec.layouts`. It adds nodes and
    cannot remove any. If it fails, the file is written without its additions.
    """

    def add(self, draft: "Draft") -> None:
        """Add to the draft of a file.

        Called before the first point is written, and again whenever the file must be
        made anew: the same draft must get the same additions.
        """
        raise NotImplementedError


class Draft:
    """A scan's file before it is made: its nodes, and methods to add more.

    What a scan lacks is skipped: `value` returns "" for it, and a link to "" is not
    made.

    Attributes:
        begin: the scan's first entry: request, parameters, motors, metadata.
    """

    def __init__(self, scan: ScanFacts, nodes: Iterable[Node]) -> None:
        self.begin: Begin = scan.begin
        self._scan = scan
        self._nodes = {node.path: node for node in nodes}
        self._added = itertools.count(1)

    def nodes(self) -> list[Node]:
        """All nodes of the file."""
        return list(self._nodes.values())

    def has(self, path: str) -> bool:
        """Whether the file has a group, dataset or link at this path."""
        return path in self._nodes

    def signals(self, device: str) -> list[str]:
        """Names of a device's signals that are in the file."""
        top = f"{DEVICES}/{device}/"
        names = (p.removeprefix(top) for p in self._nodes if p.startswith(top))
        return [
            name.removesuffix("/value") for name in names if name.endswith("/value")
        ]

    def value(self, device: str, signal: str = "", field: str = "value") -> str:
        """Path of a device's values or times; "" if it has none.

        Args:
            device: name of the device.
            signal: one of its signals; default: the hinted one.
            field: `value` or `timestamp`.
        """
        name = signal or hinted(self._scan, device, self.signals(device))
        path = f"{column_path((device, name))}/{field}"
        return path if name and path in self._nodes else ""

    def is_whole(self, path: str) -> bool:
        """Whether the values at a path are integers, as NeXus requires for counts."""
        form = self._form(path)
        return form is not None and form[0].kind in "iu"

    def rank(self, path: str) -> int:
        """Number of dimensions of one value at a path; 0 for a number."""
        form = self._form(path)
        return len(form[1]) if form else 0

    def _form(self, path: str) -> tuple[np.dtype[Any], tuple[int, ...]] | None:
        node = self._nodes.get(path)
        if node is not None and node.value is not None:
            return node.value.dtype, node.value.shape
        return (node.grows or node.fixed) if node else None

    def known(self, path: str) -> Any:
        """Value at a path, if it is known before the first point; else None."""
        node = self._nodes.get(path)
        return None if node is None or node.value is None else node.value[()]

    def tagged(self, tag: str) -> list[str]:
        """Names of the scan's devices that have a tag in the device list."""
        devices = self._scan.devices.values()
        return [device.name for device in devices if tag in device.tags]

    def plotted(self) -> tuple[str, list[str]]:
        """Paths of signal and axes of the default plot."""
        node = self._nodes.get(PLOT)
        if node is None or "signal" not in node.attrs:
            return "", []
        names = [node.attrs["signal"], *node.attrs["axes"]]
        signal, *axes = [self._nodes[f"{PLOT}/{n}"] for n in names if n != "."]
        return signal.link or signal.path, [axis.link or axis.path for axis in axes]

    def metadata(self, name: str) -> Any:
        """Value of a metadata field of the scan; None if it was not given."""
        return self.begin.request.metadata.get(name)

    def group(self, path: str, nx_class: str, **attrs: Any) -> None:
        """Add a group; an existing group gets the attributes."""
        old = self._nodes.get(path)
        if old is not None and not old.is_group:
            raise ValueError(f"{path} exists already and is not a group")
        words = {name: _attribute(value) for name, value in attrs.items()}
        if old is not None:
            self._nodes[path] = Node(path, {**old.attrs, **words})
        else:
            self._add(group(path, nx_class, **words))

    def entry(self, path: str, definition: str) -> None:
        """Add an NXsubentry that follows an application definition."""
        self.group(path, "NXsubentry")
        self.field(f"{path}/definition", definition)
        for name in ("title", "start_time", "end_time"):
            self.link(f"{path}/{name}", f"/entry/{name}")

    def field(self, path: str, value: Any, units: str = "", **attrs: Any) -> None:
        """Add a text, number or array of numbers; None is skipped.

        Raises:
            TypeError: the value is none of these.
            ValueError: the path is taken or not valid.
        """
        if value is None:
            return
        found = _field(value)
        words = {name: _attribute(one) for name, one in attrs.items()}
        if units or found.dtype.kind in "iuf":
            words["units"] = units
        self._add(Node(path, words, found))

    def link(self, path: str, target: str) -> bool:
        """Add a link to a path of the file; False if the target does not exist."""
        if target not in self._nodes:
            return False
        self._add(Node(path, link=target))
        return True

    def _add(self, node: Node) -> None:
        above, _, name = node.path.rpartition("/")
        if not node.path.startswith("/entry/") or not name.strip(".") or "\0" in name:
            raise ValueError(f"{node.path!r:.80} is not a path below /entry")
        if above not in self._nodes or not self._nodes[above].is_group:
            raise ValueError(f"cannot add {name}: the group {above} does not exist")
        if node.path in self._nodes:
            raise ValueError(f"{node.path} exists already")
        if next(self._added) > _MOST:
            raise ValueError(f"a layout may add at most {_MOST} nodes")
        self._nodes[node.path] = node


def _field(value: Any) -> Array:
    if isinstance(value, str):
        return text(value)
    found: Array = np.asarray(value)
    if found.dtype.kind not in "biufc":
        raise TypeError(f"{value!r:.80} is neither text nor numbers")
    return found


def _attribute(value: Any) -> Any:
    if isinstance(value, str):
        return value
    if isinstance(value, Sequence) and all(isinstance(one, str) for one in value):
        return list(value)
    found = _field(value)
    if found.nbytes > 1 << 15:
        raise ValueError("an attribute may have at most 32 kB")
    return found


def arranged(
    layouts: Mapping[str, Layout],
    scan: ScanFacts,
    nodes: list[Node],
    complain: Callable[[str], None],
) -> list[Node]:
    """Apply all layouts to the nodes of a file; a failing layout is left out.

    Args:
        layouts: layouts by name.
        scan: facts about the scan.
        nodes: nodes of the file without layouts.
        complain: called with a message for each layout that fails.
    """
    for name, layout in layouts.items():
        draft = Draft(scan, nodes)
        try:
            layout.add(draft)
        except Exception as error:  # noqa: BLE001 - whatever a site's package raises
            complain(f"layout {name} is left out of the file: {error!r:.200}")
        else:
            nodes = draft.nodes()
    return nodes
