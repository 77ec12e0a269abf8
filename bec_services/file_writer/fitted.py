"""The fit of a scan that asked for one: a row, once it is final. Pure."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from bec_kernel.wire import Begin, Fit
from bec_services.file_writer.events import cut
from bec_services.file_writer.node import Node, Patch, group

FIT = "/entry/collection/fit"
_TEXTS = {"model": 64, "x": 128, "y": 128, "message": 1024}
"""How many bytes of each are kept."""
_NAME = 64
_FLOAT = (np.dtype(np.float64), ())


def fit_nodes(begin: Begin) -> Iterator[Node]:
    """Yield where the fit will stand; nothing, where none was asked for."""
    if not begin.fit:
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
    for axis in ("x", "y"):  # what is fitted, and so its unit, nobody knows yet
        yield Node(f"{FIT}/curve/{axis}", {"units": ""}, grows=_FLOAT)


def fit_patches(fit: Fit) -> Iterator[Patch]:
    """Yield what is written of a final fit; an error nobody knows is not a number."""
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
