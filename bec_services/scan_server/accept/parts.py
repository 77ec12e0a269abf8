"""Pure: Scans that are made of others: finds them, binds the words of each part."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import msgspec

from bec_kernel.errors import RefusedError
from bec_kernel.language import form_named, unfold_form
from bec_kernel.wire import Device, ScanRequest
from bec_services.scan_server.accept.assembler import Catalogue, bind
from bec_services.scan_server.program import COMMON, Bound, Scan

_OF_THE_WHOLE = (
    *(one.name for one in COMMON if one.whole),
    *("metadata", "scan_queue", "nowait"),
)
"""What a part cannot have for itself."""
_SHARED = [one.name for one in COMMON if one.name not in _OF_THE_WHOLE]
"""What holds for every part that does not say otherwise, where the whole says it."""


def assemble(
    catalogue: Catalogue, request: ScanRequest, devices: Mapping[str, Device]
) -> tuple[Scan, Bound]:
    """Return the scan that is asked for, and its words and those of its parts, bound.

    Raises:
        RefusedError: it names the parameter, the value, and what was allowed; of a
            part also which one.
    """
    scan = catalogue.find(request.name)
    bound = bind(scan, request, devices)
    if not scan.has_parts():
        return scan, bound
    shared = {name: bound[name] for name in _SHARED if name in request.kwargs}
    asked = []
    for number, (part,) in enumerate(bound.bundles, 1):
        with _named(number):
            asked.append(_found(catalogue, **part))
            _same_exposure(asked[-1][1].kwargs, shared)
    bundles = []
    for number, (kind, words) in enumerate(asked, 1):
        with _named(number):
            bundles.append([_bound(kind, words, shared, devices)])
    return scan, Bound(bundles=bundles, options=bound.options | shared)


@contextmanager
def _named(number: int) -> Iterator[None]:
    """Say in an error which part it is about."""
    try:
        yield
    except RefusedError as error:
        raise RefusedError(
            f"part {number}: {error}",
            subject=error.subject,
            value=error.value,
            allowed=error.allowed,
        ) from None


def _found(
    catalogue: Catalogue, name: str, args: list[Any], kwargs: dict[str, Any]
) -> tuple[Scan, ScanRequest]:
    """Return the scan that a part is, and what is asked of it, in its own words."""
    scan = catalogue.find(name)
    if scan.driven or scan.has_parts():
        raise RefusedError(f"{scan.name} cannot be part of a scan", subject=scan.name)
    form = form_named(scan.forms, name)
    if form is not None:
        args, kwargs = unfold_form(form, args, kwargs)
    for option in kwargs:
        if option in _OF_THE_WHOLE:
            raise RefusedError(
                f"{option} is given once, for the whole scan, and not for a part",
                subject=option,
            )
    return scan, ScanRequest(request_id="", name=scan.name, args=args, kwargs=kwargs)


def _same_exposure(words: Mapping[str, Any], shared: dict[str, Any]) -> None:
    """Let the first exposure that is given hold for all.

    Raises:
        RefusedError: there is another: detectors are made ready once.
    """
    exposure = words.get("exp_time")
    if exposure is None:
        return
    if shared.setdefault("exp_time", exposure) != exposure:
        raise RefusedError(
            f"exp_time is {exposure!r:.40}, and {shared['exp_time']!r:.40} before: "
            "detectors are made ready once, for all parts; for a longer point give "
            "frames_per_trigger or burst_at_each_point",
            subject="exp_time",
            value=f"{exposure!r:.40}",
            allowed=f"{shared['exp_time']!r:.40}",
        )


def _bound(
    scan: Scan,
    asked: ScanRequest,
    shared: Mapping[str, Any],
    devices: Mapping[str, Device],
) -> dict[str, Any]:
    """Return a part as it is kept in the scan's first entry."""
    if scan.is_scan:
        asked = msgspec.structs.replace(asked, kwargs={**shared, **asked.kwargs})
    bound = bind(scan, asked, devices)
    own = {n: v for n, v in bound.options.items() if n not in _OF_THE_WHOLE}
    return {"name": scan.name, "bundles": bound.bundles, "options": own}
