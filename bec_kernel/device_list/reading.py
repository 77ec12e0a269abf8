"""Reads device lists from YAML files, with `!include`; errors name file and line."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from bec_kernel.device_list.spec import (
    DeviceList,
    DeviceListError,
    DeviceSpec,
    field_problem,
    in_order,
    name_problem,
    written,
)

_INCLUDE = "!include"
_MERGE = "<<"
_LARGEST = 20_000_000  # bytes
_LARGE = 100_000
"""A device has less parts: words, numbers, lists."""
_DEEPEST = 30
_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # ten times faster


@dataclass
class Listed:
    """What stands in the files.

    Attributes:
        devices: by name, in the order of the files.
        notes: which definition replaced which, one line each.
        places: `file:line` of each device.
    """

    devices: DeviceList = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    places: dict[str, str] = field(default_factory=dict)


def read_list(*paths: Path) -> Listed:
    """Return the devices in files, or in all `*.yaml` and `*.yml` files of a folder.

    `group: !include other.yaml`, or a list of those, stands for the devices in another
    file; its path is relative to the file it stands in. The last definition of a device
    wins, and `notes` say so.

    Raises:
        DeviceListError: it says file, line, device and field.
    """
    listed = Listed()
    for path in paths:
        for file in _files(path):
            _read_file(file, listed, ())
    try:
        in_order(listed.devices)
    except DeviceListError as error:
        where = listed.places.get(error.subject, "")
        raise DeviceListError(
            f"{where}: {error}", subject=error.subject, value=error.value
        ) from error
    return listed


def load_list(path: Path) -> DeviceList:
    """Return the devices in a file or a folder; see `read`."""
    return read_list(path).devices


def list_text(devices: DeviceList) -> str:
    """Return a device list as YAML, as `read` reads it."""
    plain = {name: written(spec) for name, spec in devices.items()}
    dumper: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
    found: str = yaml.dump(
        plain, Dumper=dumper, sort_keys=False, default_flow_style=None, width=88
    )
    return found


def _files(path: Path) -> list[Path]:
    files = sorted(path.glob("*.y*ml")) if path.is_dir() else [path]
    if not files:
        raise DeviceListError(f"no *.yaml in {path}", subject=str(path))
    return files


def _read_file(path: Path, listed: Listed, above: tuple[Path, ...]) -> None:
    node = _composed(path)
    if not isinstance(node, yaml.MappingNode):
        raise DeviceListError(
            f"{path}:1: a device list is a mapping from names to devices",
            subject=str(path),
        )
    above = (*above, path.resolve())
    seen: dict[str, int] = {}
    for key, value in node.value:
        name, line = str(key.value), _line(key)
        included = _included(path, value)
        if included is not None:
            name = name[:60]
            for there in included:
                if there.resolve() in above:
                    raise DeviceListError(
                        f"{path}:{line}: {name}: {there} includes itself",
                        subject=name,
                    )
                _read_file(there, listed, above)
            continue
        if name in seen:
            raise DeviceListError(
                f"{path}:{line}: {name} is listed already in line {seen[name]}",
                subject=name,
            )
        seen[name] = line
        _add(listed, path, name, line, _spec(path, key, value))


def _add(listed: Listed, path: Path, name: str, line: int, spec: DeviceSpec) -> None:
    place = f"{path}:{line}"
    if name in listed.places:
        listed.notes.append(f"{name}: {place} replaces {listed.places[name]}")
    listed.places[name] = place
    listed.devices[name] = spec


def _composed(path: Path) -> yaml.Node | None:
    try:
        if path.stat().st_size > _LARGEST:
            raise DeviceListError(
                f"{path} has more than {_LARGEST} bytes", subject=str(path)
            )
        text = path.read_text()
    except OSError as error:
        raise DeviceListError(
            f"device list {path}: {error.strerror}", subject=str(path)
        ) from error
    except UnicodeDecodeError as error:
        raise DeviceListError(f"{path}: {error}", subject=str(path)) from error
    try:
        try:
            _check_depth(path, text)
            return yaml.compose(text, Loader=_Loader)
        except yaml.YAMLError as error:
            if "nesting" in str(error):
                raise
            # Once more with the one whose words are clearer.
            return yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{path}:{mark.line + 1}" if mark else str(path)
        problem = getattr(error, "problem", None) or error
        raise DeviceListError(f"{where}: {problem}", subject=str(path)) from error


def _check_depth(path: Path, text: str) -> None:
    """Refuse nesting so deep that composing the YAML would crash the process."""
    depth = 0
    for event in yaml.parse(text, Loader=_Loader):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > _DEEPEST:
            raise DeviceListError(
                f"{path}:{_line(event)}: more than {_DEEPEST} levels of nesting",
                subject=str(path),
            )


def _check_size(path: Path, name: str, node: yaml.Node) -> None:
    """Refuse a device that YAML references make huge, and keys that are given twice.

    A reference to what has references itself doubles a device with every line.
    """
    sizes: dict[int, int] = {}

    def size_of(one: yaml.Node) -> int:
        if id(one) not in sizes:
            sizes[id(one)] = _LARGE  # until it is known: of what contains itself
            sizes[id(one)] = 1 + sum(size_of(part) for part in _parts(path, name, one))
        return sizes[id(one)]

    if size_of(node) >= _LARGE:
        raise DeviceListError(
            f"{path}:{_line(node)}: {name} has more than {_LARGE} parts, or contains "
            "itself",
            subject=name,
        )


def _parts(path: Path, name: str, node: yaml.Node) -> list[yaml.Node]:
    if isinstance(node, yaml.SequenceNode):
        return list(node.value)
    if not isinstance(node, yaml.MappingNode):
        return []
    seen: dict[str, int] = {}
    for key, _ in node.value:
        if isinstance(key, yaml.ScalarNode) and key.value != _MERGE:
            if key.value in seen:
                raise DeviceListError(
                    f"{path}:{_line(key)}: {name}: {key.value:.60} is given already in "
                    f"line {seen[key.value]}",
                    subject=name,
                )
            seen[key.value] = _line(key)
    return [part for pair in node.value for part in pair]


def _included(path: Path, node: yaml.Node) -> list[Path] | None:
    """Return the files a value stands for; None: it is a device."""
    nodes: list[yaml.Node] = [node]
    if isinstance(node, yaml.SequenceNode):
        nodes = list(node.value)
        if node.tag != _INCLUDE and not any(one.tag == _INCLUDE for one in nodes):
            return None
    elif node.tag != _INCLUDE:
        return None
    for one in nodes:
        if not isinstance(one, yaml.ScalarNode) or not one.value:
            raise DeviceListError(
                f"{path}:{_line(one)}: !include takes the path of a file",
                subject=str(path),
            )
    return [path.parent / str(one.value) for one in nodes]


def _spec(path: Path, key: yaml.Node, value: yaml.Node) -> DeviceSpec:
    where = f"{path}:{_line(key)}"
    name = str(key.value)
    if problem := name_problem(name):
        raise DeviceListError(f"{where}: {problem}", subject=name[:60])
    _check_size(path, name, value)
    try:
        raw = _constructed(value)
    except (yaml.YAMLError, ValueError) as error:
        problem = getattr(error, "problem", None) or str(error)
        raise DeviceListError(f"{where}: {name}: {problem}", subject=name) from error
    try:
        return DeviceSpec.model_validate(raw)
    except ValidationError as error:
        wrong, said = field_problem(error)
        line = _line_of(value, wrong.split(".")[0])
        raise DeviceListError(
            f"{path}:{line}: {name}: {wrong}: {said}", subject=name
        ) from error


def _constructed(node: yaml.Node) -> Any:
    """Return plain data: the safe constructors know nothing else."""
    constructor = yaml.constructor.SafeConstructor()
    return constructor.construct_document(node)


def _line(node: Any) -> int:
    """Return the line a node or an event stands in."""
    return int(node.start_mark.line) + 1


def _line_of(node: yaml.Node, field: str) -> int:
    if isinstance(node, yaml.MappingNode):
        for key, _ in node.value:
            if key.value == field:
                return _line(key)
    return _line(node)
