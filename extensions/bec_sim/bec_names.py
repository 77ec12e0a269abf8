"""Names of BEC's simulated devices: which of ours is meant by each.

A list written for BEC is loaded unchanged. What a class of BEC takes and ours does not
is translated here, in one table.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

_SIM = "bec_sim"
Config = dict[str, Any]


class Known(NamedTuple):
    """One of our classes, and what its BEC counterpart writes differently.

    Attributes:
        path: of our class.
        dropped: keys of `deviceConfig` without a meaning here.
        renamed: keys of `deviceConfig` that ours calls otherwise.
        change: makes the `deviceConfig` ours, where that is not enough.
    """

    path: str
    dropped: tuple[str, ...] = ()
    renamed: Mapping[str, str] = {}
    change: Callable[[Config], Config] = dict


_MOTOR = Known(f"{_SIM}.SimPositioner", ("sim_init",))
_MONITOR = Known(f"{_SIM}.SimMonitor")
_CAMERA = Known(f"{_SIM}.SimCamera", ("sim_init", "num_images", "file_pattern"))
_FLYER = Known(f"{_SIM}.SimFlyer", ("delay", "update_frequency", "sim_init"))
_SIGNAL = Known(f"{_SIM}.SimValue", ("sim_init",))
_READ_ONLY = Known(f"{_SIM}.SimReadOnly", ("sim_init",))

_CLASSES: dict[str, Known] = {
    "SimPositioner": _MOTOR,
    "SimLinearTrajectoryPositioner": _MOTOR,
    "SimPositionerWithController": _MOTOR,
    "SimPositionerWithCommFailure": _MOTOR,
    "SimPositionerWithDescribeFailure": _MOTOR,
    "SimMonitor": _MONITOR,
    "SimMonitorAsync": Known(f"{_SIM}.SimAsyncMonitor", ("sim_init",)),
    "SimAsyncGauss2D": Known(f"{_SIM}.SimAsyncGauss", ("sim_init",)),
    "SimCamera": _CAMERA,
    "SimWaveform": Known(f"{_SIM}.SimWaveform", ("sim_init",)),
    "SimFlyer": _FLYER,
    "SynFlyer": _FLYER,
    "SynDeviceOPAAS": Known(f"{_SIM}.SimGroup", ("sim_init",)),
    "SynDynamicComponents": Known(f"{_SIM}.SimGroup", ("sim_init",)),
    "SimDeviceWithSignalDelay": _SIGNAL,
    "ReadOnlySignal": _READ_ONLY,
    "SetableSignal": _SIGNAL,
    "ComputedSignal": Known(f"{_SIM}.ComputedSignal"),
}
_FOLDERS = ("ophyd_devices", "ophyd_devices.sim")
"""A class is known by its last name, wherever in BEC's package it is found."""


def ours(path: str) -> Known | None:
    """Look up our counterpart of one of BEC's classes; None: not BEC's, or unknown."""
    folder, _, name = path.rpartition(".")
    if folder.split(".")[0] != _FOLDERS[0]:
        return None
    return _CLASSES.get(name)


def known() -> list[str]:
    """Return the names of BEC's classes that are understood."""
    return [f"{_FOLDERS[0]}.{name}" for name in _CLASSES]


def translated(found: Known, config: Mapping[str, Any]) -> Config:
    """Return the `deviceConfig` of a class of BEC as ours takes it."""
    kept = {
        found.renamed.get(name, name): value
        for name, value in config.items()
        if name not in found.dropped
    }
    return found.change(kept)
