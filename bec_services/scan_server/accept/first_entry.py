"""Pure: Makes the first entry of a scan: all that its program may depend on."""

import re
from collections.abc import Mapping, Sequence

import msgspec

from bec_kernel.errors import RefusedError
from bec_kernel.language import refuse_unknown
from bec_kernel.wire import Begin, Device, ScanRequest
from bec_services.scan_server.program import (
    DRIVER,
    Bound,
    Hooks,
    Scan,
    code_of,
    condition_of,
    hooks_for,
    version_of,
)

_SUFFIX = re.compile(r"[A-Za-z0-9_-]{0,64}", re.ASCII)
_FOLDER = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9_.-]{0,63}", re.ASCII)
_DEEP = 8
_ANALYSIS = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}", re.ASCII)


class Groups(msgspec.Struct, frozen=True, kw_only=True):
    """When each device of a scan is read, by readout group."""

    monitored: list[str] = []
    baseline: list[str] = []
    streaming: list[str] = []


def begin_of(
    scan: Scan,
    bound: Bound,
    devices: Mapping[str, Device],
    request: ScanRequest,
    user: str,
    *,
    hooks: Hooks,
) -> Begin:
    """Return the first entry; its scan number comes when the scan begins.

    Raises:
        RefusedError: a device cannot be read, or the files cannot lie there.
    """
    ready = {n: d for n, d in devices.items() if d.enabled and d.connected}
    groups = _groups(scan, bound, devices, ready) if scan.is_scan else Groups()
    active = (*groups.monitored, *groups.streaming)
    parts = scan.parts(bound)
    names = [scan.name, *(part.name for part, _ in parts)]
    added = hooks_for(hooks, names, devices)
    for name, used in added.items():
        for one in used:
            _can_take_part(f"hook {name}", devices[one])
    extra = [one for used in added.values() for one in used]
    extra += [one for _, words in parts for one in _watched(words, ready)]
    part = [*bound.motors, *active, *groups.baseline, *extra]
    directory, suffix = _files(bound)
    begin = Begin(
        scan_id=request.request_id,
        user=user,
        request=request,
        parameters={"bundles": bound.bundles, **bound.options},
        motors=bound.motors,
        monitored=groups.monitored,
        baseline=groups.baseline,
        triggered=sorted(n for n in active if devices[n].software_trigger),
        streaming=groups.streaming,
        servers={name: devices[name].server for name in part},
        units={s.name: s.unit for n in part for s in devices[n].signals if s.unit},
        shape=scan.shape(bound) if scan.is_scan else [],
        version=version_of(scan, [hooks[name] for name in added], bound),
        code=code_of(scan, [hooks[name] for name in added], bound),
        fit=str(bound.options.get("fit", "")),
        asks=sorted({one for part, words in parts for one in _asked(part, words)}),
        file_directory=directory,
        file_suffix=suffix,
        hooks=added,
        scattered=scan.scattered,
    )
    _can_be_plotted(bound, begin)
    return begin


def _groups(
    scan: Scan, bound: Bound, devices: Mapping[str, Device], ready: Mapping[str, Device]
) -> Groups:
    """Sort the devices by their readout priority, and by what this scan says."""
    motors = bound.motors
    more = bound.options.get("monitored", [])
    without = bound.options.get("on_request", [])
    _check_groups(motors, more, without)
    for name in more:
        _can_take_part("monitored", devices[name])

    def of(priority: str, taken: Sequence[str]) -> list[str]:
        found = {n for n, d in ready.items() if d.readout_priority == priority}
        return sorted(found.difference(taken, without))

    flyers = [one for part, words in scan.parts(bound) for one in part.flyers(words)]
    monitored = sorted({*of("monitored", motors), *more}.difference(motors))
    monitored = [*motors, *monitored]
    return Groups(
        monitored=monitored,
        baseline=of("baseline", monitored),
        streaming=sorted({*of("async", motors), *flyers} - set(monitored)),
    )


def _check_groups(
    motors: Sequence[str], more: Sequence[str], without: Sequence[str]
) -> None:
    for name in without:
        why = "moved by this scan" if name in motors else "named as monitored, too"
        if name in motors or name in more:
            raise RefusedError(
                f"on_request: {name} is {why}: it is read at every point",
                subject="on_request",
                value=name,
                allowed="devices that are neither moved nor monitored",
            )


def _can_take_part(what: str, device: Device) -> None:
    """Refuse a device that `what` needs and that is not there."""
    if not device.flaw:
        return
    raise RefusedError(
        f"{what}: {device.name} is {device.flaw}",
        subject=what,
        value=device.name,
        allowed="devices that are enabled and connected",
    )


def _can_be_plotted(bound: Bound, begin: Begin) -> None:
    signal = bound.options.get("signal")
    if signal and signal not in begin.monitored:
        raise RefusedError(
            f"{signal} is not read at every point: it cannot be plotted or fitted; "
            f"these are: {', '.join(begin.monitored)}",
            subject="signal",
            value=signal,
            allowed=", ".join(begin.monitored),
        )


def _asked(scan: Scan, bound: Bound) -> list[str]:
    """Return the analyses that a scan asks; their names are part of keys."""
    for name in (asked := scan.asks(bound)):
        if name in (DRIVER, "main") or not _ANALYSIS.fullmatch(name):
            raise RefusedError(
                f"{name!r:.80} is not the name of an analysis that can be asked",
                subject="ask",
                value=name[:80],
                allowed="the BEC_NAME of a process that answers questions",
            )
    return asked


def _files(bound: Bound) -> tuple[str, str]:
    """Return where the scan's files lie: never outside the instance's folder."""
    suffix = str(bound.options.get("file_suffix", ""))
    if not _SUFFIX.fullmatch(suffix):
        raise _no_file("file_suffix", suffix, "up to 64 letters, digits, - and _")
    directory = str(bound.options.get("file_directory", ""))
    folders = directory.removesuffix("/").split("/") if directory else []
    if len(folders) > _DEEP or not all(map(_FOLDER.fullmatch, folders)):
        allowed = (
            f"up to {_DEEP} folders of letters, digits, -, _ and . (not the first), "
            "with / between them, below the instance's files"
        )
        raise _no_file("file_directory", directory, allowed)
    return "/".join(folders), suffix


def _no_file(option: str, value: str, allowed: str) -> RefusedError:
    return RefusedError(
        f"{option} must be {allowed}; not {value!r:.80}",
        subject=option,
        value=value[:80],
        allowed=allowed,
    )


def _watched(bound: Bound, ready: Mapping[str, Device]) -> list[str]:
    """Return the device whose value is waited for, if there is one."""
    until = condition_of(bound.options.get("wait_until", ""))
    if until is None:
        return []
    if until.device not in ready:
        raise refuse_unknown("device for wait_until", until.device, ready)
    return [until.device]
