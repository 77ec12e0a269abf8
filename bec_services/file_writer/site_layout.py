"""What a site may add to the file of each scan, and how: see `Layout`."""

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
"""A layout adds so many things at most."""


class Layout:
    """Adds groups, links, fields, an application definition to a scan's file.

    A subclass is named in the entry point group `bec.layouts`. It adds to what is there
    and takes nothing away. What goes wrong in it costs what it adds, never the file.
    """

    def add(self, draft: "Draft") -> None:
        """Add to a file that is about to be made.

        Called before the first point is written, and again whenever the file must be
        made anew: add the same things to the same draft.
        """
        raise NotImplementedError


class Draft:
    """A scan's file before it is made: what will be in it, and words to add to it.

    What a scan lacks is skipped: `value` says "" for it, and a link that leads there
    is not made.

    Attributes:
        begin: the scan's first entry: request, parameters, motors, metadata.
    """

    def __init__(self, scan: ScanFacts, nodes: Iterable[Node]) -> None:
        self.begin: Begin = scan.begin
        self._scan = scan
        self._nodes = {node.path: node for node in nodes}
        self._added = itertools.count(1)

    def nodes(self) -> list[Node]:
        """Return all that will be in the file."""
        return list(self._nodes.values())

    def has(self, path: str) -> bool:
        """Say whether there is such a thing in the file."""
        return path in self._nodes

    def signals(self, device: str) -> list[str]:
        """Return the signals of a device that are in the file."""
        top = f"{DEVICES}/{device}/"
        names = (p.removeprefix(top) for p in self._nodes if p.startswith(top))
        return [
            name.removesuffix("/value") for name in names if name.endswith("/value")
        ]

    def value(self, device: str, signal: str = "", field: str = "value") -> str:
        """Return the path of a device's values, or times; "" where it has none.

        Args:
            device: its name.
            signal: one of its signals; without: the one people look at.
            field: `value` or `timestamp`.
        """
        name = signal or hinted(self._scan, device, self.signals(device))
        path = f"{column_path((device, name))}/{field}"
        return path if name and path in self._nodes else ""

    def is_whole(self, path: str) -> bool:
        """Say whether what is at a path are whole numbers, as NeXus wants counts."""
        form = self._form(path)
        return form is not None and form[0].kind in "iu"

    def rank(self, path: str) -> int:
        """Return how many dimensions one value at a path has: 0 is a number."""
        form = self._form(path)
        return len(form[1]) if form else 0

    def _form(self, path: str) -> tuple[np.dtype[Any], tuple[int, ...]] | None:
        node = self._nodes.get(path)
        if node is not None and node.value is not None:
            return node.value.dtype, node.value.shape
        return (node.grows or node.fixed) if node else None

    def known(self, path: str) -> Any:
        """Return what is at a path, where that is known before the first point."""
        node = self._nodes.get(path)
        return None if node is None or node.value is None else node.value[()]

    def tagged(self, tag: str) -> list[str]:
        """Return the devices of the scan that have a tag in the device list."""
        devices = self._scan.devices.values()
        return [device.name for device in devices if tag in device.tags]

    def plotted(self) -> tuple[str, list[str]]:
        """Return the paths of what is plotted by default: signal, and axes."""
        node = self._nodes.get(PLOT)
        if node is None or "signal" not in node.attrs:
            return "", []
        names = [node.attrs["signal"], *node.attrs["axes"]]
        signal, *axes = [self._nodes[f"{PLOT}/{n}"] for n in names if n != "."]
        return signal.link or signal.path, [axis.link or axis.path for axis in axes]

    def metadata(self, name: str) -> Any:
        """Return what was given with the scan; None: nothing."""
        return self.begin.request.metadata.get(name)

    def group(self, path: str, nx_class: str, **attrs: Any) -> None:
        """Add a group; to one that is there, only its attributes."""
        old = self._nodes.get(path)
        if old is not None and not old.is_group:
            raise ValueError(f"{path} is there already, and is no group")
        words = {name: _attribute(value) for name, value in attrs.items()}
        if old is not None:
            self._nodes[path] = Node(path, {**old.attrs, **words})
        else:
            self._add(group(path, nx_class, **words))

    def entry(self, path: str, definition: str) -> None:
        """Add a part of the entry that obeys an application definition."""
        self.group(path, "NXsubentry")
        self.field(f"{path}/definition", definition)
        for name in ("title", "start_time", "end_time"):
            self.link(f"{path}/{name}", f"/entry/{name}")

    def field(self, path: str, value: Any, units: str = "", **attrs: Any) -> None:
        """Add a text, number or array of numbers; None is skipped."""
        if value is None:
            return
        found = _field(value)
        words = {name: _attribute(one) for name, one in attrs.items()}
        if units or found.dtype.kind in "iuf":
            words["units"] = units
        self._add(Node(path, words, found))

    def link(self, path: str, target: str) -> bool:
        """Add a link to a path of the file; False: there is nothing to link."""
        if target not in self._nodes:
            return False
        self._add(Node(path, link=target))
        return True

    def _add(self, node: Node) -> None:
        above, _, name = node.path.rpartition("/")
        if not node.path.startswith("/entry/") or not name.strip(".") or "\0" in name:
            raise ValueError(f"{node.path!r:.80} is no path below /entry")
        if above not in self._nodes or not self._nodes[above].is_group:
            raise ValueError(f"there is no group {above} for {name}")
        if node.path in self._nodes:
            raise ValueError(f"{node.path} is there already")
        if next(self._added) > _MOST:
            raise ValueError(f"it adds more than {_MOST} things")
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
        raise ValueError("an attribute of more than 32 kB")
    return found


def arranged(
    layouts: Mapping[str, Layout],
    scan: ScanFacts,
    nodes: list[Node],
    complain: Callable[[str], None],
) -> list[Node]:
    """Return a file's nodes with what each layout adds.

    Args:
        layouts: by name.
        scan: whose file it is.
        nodes: without them.
        complain: is told of a layout that fails; what it would add is left out.
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
