"""Builds devices: finds the class, gives it its arguments, connects, sets the rest."""

import contextlib
import functools
import importlib
import inspect
import queue
import sys
import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass
from typing import Any

from ophyd import Device, Signal
from ophyd.ophydobj import OphydObject
from ophyd.utils import DisconnectedError

from bec_kernel.device_list import (
    BEC,
    DeviceListError,
    DeviceSpec,
    check_classes,
    current_path,
    find_simulation,
)
from bec_kernel.errors import DeviceError, RefusedError
from bec_kernel.language import closest
from bec_kernel.wire import Problem
from bec_services.device_server.devices.adapter import DeviceAdapter
from bec_services.device_server.devices.threads import join_channel_access

_AT_ONCE = 64
_SETTING = 5.0
_SHORTEST = 0.05
Given = Mapping[str, Any]
"""What a constructor gets if it has a parameter of that name: clock, state, devices."""


@dataclass
class Plan:
    """How one device is made.

    Attributes:
        kind: its class.
        arguments: for its constructor.
        later: what is set when it is connected.
    """

    kind: Any
    arguments: dict[str, Any]
    later: dict[str, Any]


def plan(name: str, spec: DeviceSpec, given: Given) -> Plan:
    """Return how to make a device; makes nothing yet.

    Raises:
        DeviceListError: its class is not there, or is none of a device.
    """
    check_classes({name: spec})
    path, config = spec.deviceClass, dict(spec.deviceConfig or {})
    simulation = find_simulation() if _is_of_bec(path) else None
    if simulation and (found := simulation.translate(path, config)):
        path, config = found
    kind = _class_of(name, path)
    wanted = _parameters(kind)
    if config.get("name") == name:  # older lists of BEC's say it twice
        del config["name"]
    if ours := sorted({"name", "parent", *given} & set(config)):
        raise DeviceListError(
            f"{name}: deviceConfig: {ours[0]!r} is given by the device server, not in "
            "a list",
            subject=name,
            value=ours[0],
        )
    arguments = {key: config.pop(key) for key in list(config) if key in wanted}
    arguments |= {key: value for key, value in given.items() if key in wanted}
    for key in config:
        if key.startswith("_") or not (key in ("labels", "limits") or _has(kind, key)):
            raise DeviceListError(
                f"{name}: deviceConfig: {kind.__name__} has no argument, signal or "
                f"attribute {key!r:.60}",
                subject=name,
                value=key[:60],
                allowed=", ".join(sorted(wanted - set(given) - {"name", "parent"})),
            )
    return Plan(kind, {**arguments, "name": name}, config)


def _class_of(name: str, path: str) -> Any:
    module, _, last = current_path(path).rpartition(".")
    if _is_of_bec(path):
        simulation = find_simulation()
        raise DeviceListError(
            f"{name}: deviceClass: {path:.100} is not one of BEC's simulated devices "
            "that are known here",
            subject=name,
            value=path[:100],
            allowed=", ".join(simulation.translated_classes() if simulation else ()),
        )
    try:
        found = getattr(importlib.import_module(module or last), last, None)
    except (Exception, SystemExit) as error:  # whatever a site's own module does
        what = f"{type(error).__name__}: {error!s:.200}"
        raise DeviceListError(
            f"{name}: deviceClass: {path:.100} cannot be imported: {what}",
            subject=name,
        ) from error
    if not _is_device(found):
        near = _near(module, last) if found is None else ""
        raise DeviceListError(
            f"{name}: deviceClass: {path!r:.100} is not a device class{near}",
            subject=name,
            value=path[:100],
            allowed="package.module.Class of an ophyd Device, Signal or positioner",
        )
    return found


def _is_of_bec(path: str) -> bool:
    return path.split(".", maxsplit=1)[0] == BEC


def _near(module: str, name: str) -> str:
    """Return the class of a module that may have been meant, as a question."""
    there = sys.modules.get(module)
    for near in closest(name, dir(there)):
        if _is_device(getattr(there, near, None)):
            return f"; did you mean {module}.{near}?"
    return ""


def _is_device(kind: Any) -> bool:
    """Tell whether it is a class of ophyd's that can be read and described."""
    if not inspect.isclass(kind) or not issubclass(kind, OphydObject):
        return False
    return all(hasattr(kind, method) for method in ("read", "describe"))


@functools.cache
def _parameters(kind: Any) -> frozenset[str]:
    """List the constructor's parameters, including those it passes to base classes."""
    found: set[str] = set()
    for one in kind.__mro__:
        if "__init__" not in vars(one):
            continue
        parameters = inspect.signature(one.__init__).parameters.values()
        found |= {p.name for p in parameters if p.kind not in _VARIABLE}
        if not any(p.kind is inspect.Parameter.VAR_KEYWORD for p in parameters):
            break
    return frozenset(found - {"self"})


_VARIABLE = (inspect.Parameter.VAR_KEYWORD, inspect.Parameter.VAR_POSITIONAL)


@functools.cache
def _has(kind: Any, key: str) -> bool:
    return hasattr(kind, key) or key in getattr(kind, "component_names", ())


def construct(one: DeviceAdapter, made: Plan) -> None:
    """Make the ophyd object.

    Raises:
        DeviceListError: its constructor fails; names the device.
    """
    try:
        one.device = made.kind(**made.arguments)
    except Exception as error:
        raise DeviceListError(
            f"{one.name} cannot be built: {type(error).__name__}: {error!s:.300}",
            subject=one.name,
        ) from error


def connect(
    devices: Sequence[tuple[DeviceAdapter, Plan]],
    report: Callable[[DeviceAdapter, DeviceListError | None], None],
    cancelled: "Future[str]",
) -> None:
    """Connect devices side by side and set what is left of their `deviceConfig`.

    A device that does not connect keeps that as its problem. `report` is called for
    each device when it is done, with the error of its `deviceConfig`, if any.

    Raises:
        RefusedError: somebody has cancelled it.
    """
    begun = time.monotonic()
    jobs: queue.SimpleQueue[tuple[Future[None], DeviceAdapter, Plan]] = (
        queue.SimpleQueue()
    )
    running: dict[Future[None], DeviceAdapter] = {}
    for one, made in devices:
        future: Future[None] = Future()
        running[future] = one
        jobs.put((future, one, made))
    for _ in range(min(_AT_ONCE, len(devices))):
        # A pool would hold up the end of the process until the last one connects.
        threading.Thread(
            target=_work, args=(jobs, begun), name="connect", daemon=True
        ).start()
    try:
        for done in _as_done(running, cancelled):
            problem = done.exception()
            if problem is not None and not isinstance(problem, DeviceListError):
                raise problem
            report(running[done], problem)
    finally:
        for future in running:
            future.cancel()


def _work(
    jobs: "queue.SimpleQueue[tuple[Future[None], DeviceAdapter, Plan]]", begun: float
) -> None:
    join_channel_access()
    with contextlib.suppress(queue.Empty):
        while True:
            future, one, made = jobs.get_nowait()
            if not future.set_running_or_notify_cancel():
                continue
            try:
                _connected(one, made, begun)
            except BaseException as error:  # noqa: BLE001 - raised where it is awaited
                future.set_exception(error)
            else:
                future.set_result(None)


def _as_done(
    running: Collection["Future[None]"], cancelled: "Future[str]"
) -> Iterator["Future[None]"]:
    left: set[Future[Any]] = set(running)
    while left:
        done, _ = wait({*left, cancelled}, return_when=FIRST_COMPLETED)
        if cancelled in done:
            raise RefusedError(f"cancelled by {cancelled.result()}; nothing changed")
        left -= done
        yield from done


def _connected(one: DeviceAdapter, made: Plan, begun: float) -> None:
    timeout = one.spec.connectionTimeout
    left = max(_SHORTEST, timeout - (time.monotonic() - begun))
    try:
        if isinstance(one.device, Device | Signal):
            one.device.wait_for_connection(timeout=left)
    except (TimeoutError, DisconnectedError) as error:
        text = f"{one.name} did not connect within {timeout:g} s: {error!s:.300}"
        one.problem = Problem(kind="DeviceError", message=text, subject=one.name)
        return
    for key, value in made.later.items():
        configure(one, key, value)
    one.look()


def configure(one: DeviceAdapter, key: str, value: Any) -> None:
    """Set one key of `deviceConfig` on a connected device.

    Raises:
        DeviceListError: it refuses; names device and key.
    """
    try:
        _set(one.device, key, value)
    except Exception as error:
        raise DeviceListError(
            f"{one.name}: deviceConfig: {key}: cannot be {value!r:.80}: {error!s:.200}",
            subject=one.name,
            value=str(value)[:80],
        ) from error


def _set(device: Any, key: str, value: Any) -> None:
    if key == "labels":
        device._ophyd_labels_ = set(value)  # ophyd has no other way
        return
    there = getattr(device, key, None)
    if key == "limits":
        _set_limits(device, value)
    elif isinstance(there, Signal):
        there.set(value).wait(_SETTING)
    elif callable(there):
        there(value)
    else:
        setattr(device, key, value)


def _set_limits(device: Any, limits: Any) -> None:
    low, high = limits
    if not (isinstance(low, int | float) and isinstance(high, int | float)):
        raise DeviceError("limits are two numbers")
    travel: list[Any] = [
        getattr(device, f"{end}_limit_travel", None) for end in ("low", "high")
    ]
    if all(isinstance(one, Signal) for one in travel):
        for one, value in zip(travel, (low, high), strict=True):
            one.set(value).wait(_SETTING)
    else:
        device.limits = (low, high)


def destroy(device: Any) -> str:
    """Destroy a device that is not used any more; return the error, or ""."""
    try:
        if hasattr(device, "destroy"):
            device.destroy()
    except Exception as error:  # noqa: BLE001 - it is gone whatever it says
        return f"{type(error).__name__}: {error!s:.200}"
    return ""
