"""Compare two scans and list the differences as lines of text."""

from collections.abc import Iterator, Mapping
from typing import Any, Protocol

from bec_kernel.language import show
from bec_kernel.wire import Begin, Readings, ScanRequest

_NOTHING = object()
_SET_UP = "configuration"
Description = Mapping[str, Mapping[str, Any]]
"""A scan for comparison: `{"parameter": {"steps": 11}, "device": {"samx": True}}`."""


class _Scan(Protocol):
    """The part of a scan report that is compared."""

    @property
    def begin(self) -> Begin | None: ...
    @property
    def request(self) -> ScanRequest: ...
    @property
    def user(self) -> str: ...
    @property
    def baseline(self) -> dict[str, Readings]: ...
    @property
    def configuration(self) -> dict[str, Readings]: ...


def described(scan: _Scan) -> Description:
    """Collect what is compared of a scan, by topic and name."""
    begin, request = scan.begin, scan.request
    return {
        "": {"scan": request.name, "user": scan.user},
        "argument": {str(place): one for place, one in enumerate(request.args, 1)},
        "parameter": request.kwargs,
        "metadata": request.metadata,
        "baseline": _values(scan.baseline),
        _SET_UP: _values(scan.configuration),
        "device": dict.fromkeys(begin.servers if begin else (), True),
        "monitored": dict.fromkeys(begin.monitored if begin else (), True),
    }


def _values(read: Mapping[str, Readings]) -> dict[str, Any]:
    return {n: one.value for readings in read.values() for n, one in readings.items()}


def difference(one: Description, other: Description) -> list[str]:
    """List differences: `~ steps: 11 -> 21`, `+ device samy`, `- device bpm4i`."""
    return [
        line
        for about in one
        for line in _lines(about, one[about], other.get(about, {}))
    ]


def _lines(
    about: str, one: Mapping[str, Any], other: Mapping[str, Any]
) -> Iterator[str]:
    names = dict.fromkeys((*one, *other))
    if about == _SET_UP:  # of a device in one scan only the name is listed
        names = dict.fromkeys(name for name in one if name in other)
    for name in names:
        before, after = one.get(name, _NOTHING), other.get(name, _NOTHING)
        title = f"{about} {name}".strip()
        if before is _NOTHING:
            yield f"+ {title}{_value(after)}"
        elif after is _NOTHING:
            yield f"- {title}{_value(before)}"
        elif not _same(before, after):
            yield f"~ {title}: {_shown(before)} -> {_shown(after)}"


def _same(before: Any, after: Any) -> bool:
    if hasattr(before, "shape") or hasattr(after, "shape"):
        import numpy as np

        return bool(np.array_equal(before, after))
    return bool(before == after)


def _value(value: Any) -> str:
    """Show a value behind a name; a flag is shown by its name alone."""
    return "" if value is True else f": {_shown(value)}"


def _shown(value: Any) -> str:
    if hasattr(value, "shape"):
        return f"an array of {'x'.join(map(str, value.shape)) or 1}"
    return f"{show(value):.200}"
