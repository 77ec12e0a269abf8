"""Pure: the final fit of a scan that requested one."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from bec_kernel.wire import Fit
from bec_services.file_writer.tree.columns import Columns, Key
from bec_services.file_writer.tree.events import cut
from bec_services.file_writer.tree.nodes import Node, Patch, group
from bec_services.file_writer.tree.scan import ScanFacts

FIT = "/entry/collection/fit"
_TEXTS = {"model": 64, "x": 128, "y": 128, "message": 1024}
"""Length of the text fields, bytes."""
_NAME = 64
_FLOAT = (np.dtype(np.float64), ())


def fit_nodes(scan: ScanFacts, columns: Columns) -> Iterator[Node]:
    """Yield the groups and datasets for the fit, if the scan requested one."""
    if not scan.begin.fit:
        return
    yield group(FIT)
    for name, size in _TEXTS.items():
        yield Node(f"{FIT}/{name}", grows=(np.dtype(f"S{size}"), ()))
    yield Node(f"{FIT}/points", grows=(np.dtype(np.int64), ()))
    yield group(f"{FIT}/parameters")
    yield Node(f"{FIT}/parameters/name", grows=(np.dtype(f"S{_NAME}"), ()))
    yield Node(f"{FIT}/parameters/value", grows=_FLOAT)
    yield Node(f"{FIT}/parameters/error", grows=_FLOAT)
    yield group(f"{FIT}/curve", "NXdata", signal="y", axes=["x"])
    for axis, unit in zip("xy", _units(scan, columns), strict=True):
        yield Node(f"{FIT}/curve/{axis}", {"units": unit}, grows=_FLOAT)


def _units(scan: ScanFacts, columns: Columns) -> tuple[str, str]:
    """Predict the units of x and y before the fit exists.

    The data analysis fits the requested signal, or that of the detector triggered
    first, over the first motor.
    """
    begin = scan.begin
    about = begin.parameters.get("signal") or next(iter(begin.triggered), "")
    motors = [name for name in begin.motors if name in columns.devices][:1]
    others = [name for name in begin.monitored if name not in begin.motors]
    others.sort(key=lambda name: name != about)
    x = next(_numbers(scan, columns, motors), None)
    y = next(_numbers(scan, columns, others), None)
    return scan.unit(x) if x else "s", scan.unit(y) if y else ""


def _numbers(scan: ScanFacts, columns: Columns, devices: list[str]) -> Iterator[Key]:
    """Yield the first signal of each device whose values are single numbers."""
    for device in devices:
        known = scan.devices.get(device)
        hints = [s.name for s in known.signals if s.kind == "hinted"] if known else []
        for name in (*hints, device, *columns.signals(device)):
            column = columns.columns.get((device, name))
            if column is not None and column.dtype.kind in "iuf" and not column.shape:
                yield device, name
                break


def fit_patches(fit: Fit) -> Iterator[Patch]:
    """Yield the patches of a final fit; unknown errors are NaN."""
    for name, size in _TEXTS.items():
        yield _row(name, [cut(getattr(fit, name), size)], f"S{size}")
    yield _row("points", [fit.points], np.int64)
    names = list(fit.values)
    if names:
        errors = [fit.errors.get(name, np.nan) for name in names]
        some = [cut(name, _NAME) for name in names]
        yield _row("parameters/name", some, f"S{_NAME}")
        yield _row("parameters/value", list(fit.values.values()), np.float64)
        yield _row("parameters/error", errors, np.float64)
    if fit.curve:
        yield _row("curve/x", fit.curve[0], np.float64)
        yield _row("curve/y", fit.curve[1], np.float64)


def _row(name: str, values: Sequence[Any], kind: Any) -> Patch:
    return Patch(f"{FIT}/{name}", (0,), np.array(values, kind), whole=True)
