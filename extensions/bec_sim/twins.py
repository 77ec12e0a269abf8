"""A simulated twin for each device of a real beamline's list."""

from typing import Any

from bec_kernel.device_list import DeviceList, DeviceSpec, current_path

_SIM = "bec_sim"
_MOTOR, _MONITOR, _CAMERA = (
    f"{_SIM}.Sim{n}" for n in ("Positioner", "Monitor", "Camera")
)
_VALUE, _SHOWN = f"{_SIM}.SimValue", f"{_SIM}.SimReadOnly"
_ALIKE = ("ophyd_devices.Sim", "ophyd_devices.Syn", "ophyd_devices.sim", f"{_SIM}.")
_AXIS = "bec_services.device_server.hardware.axes.PseudoAxis"
_COMPUTED = ("ophyd_devices.ComputedSignal", "ophyd_devices.ReadOnlySignal")
_BY_WORD = (
    (("EpicsSignalRO", "SignalRO"), _SHOWN),
    (("Motor", "Positioner", "MotorRecord", "Mono", "Slit", "Undulator"), _MOTOR),
    (("EpicsSignal", "Signal"), _VALUE),
    (("Scaler", "Counter", "MCA", "Monitor", "BPM", "Ionization"), _MONITOR),
    (("Detector", "Camera", "Cam", "areadetector", "Eiger", "Pilatus"), _CAMERA),
)
"""The first line with a word of the class' name says what stands for it."""


def twins(devices: DeviceList) -> tuple[DeviceList, list[str]]:
    """Return a list of the same names and groups without hardware, and warnings.

    Returns:
        The list, and one line for each class nothing is known of.
    """
    kinds = {name: _twin(spec, devices) for name, spec in devices.items()}
    motor = next((n for n in devices if kinds[n] == _MOTOR), None)
    found: DeviceList = {}
    warnings = []
    for name, spec in devices.items():
        kind = kinds[name]
        if kind is None:
            warnings.append(
                f"{name}: nothing is known of {spec.deviceClass}; a SimMonitor stands "
                "for it"
            )
        if kind == spec.deviceClass:
            found[name] = spec
            continue
        found[name] = spec.model_copy(
            update={
                "deviceClass": kind or _MONITOR,
                "deviceConfig": _config(kind or _MONITOR, spec, motor),
            }
        )
    return found, warnings


def _twin(spec: DeviceSpec, devices: DeviceList) -> str | None:
    """Return the class that stands for a device; its own, if it is simulated."""
    path = spec.deviceClass
    current = current_path(path)
    if current == _AXIS:  # of a simulated device it is one, too; else it is a motor
        owner = devices.get(str((spec.deviceConfig or {}).get("device")))
        is_kept = owner is not None and current_path(owner.deviceClass).startswith(
            _ALIKE
        )
        return path if is_kept else _MOTOR
    if current.startswith(_ALIKE) or path in _COMPUTED:
        return path
    last = path.rpartition(".")[2]
    for words, kind in _BY_WORD:
        if any(word in last or word in path.split(".") for word in words):
            return kind
    return None


def _config(kind: str, spec: DeviceSpec, motor: str | None) -> dict[str, Any]:
    given = spec.deviceConfig or {}
    if kind == _MOTOR:
        limits = given.get("limits")
        return {"limits": limits} if limits else {}
    if kind in (_MONITOR, _CAMERA):
        return {"ref_motor": motor}
    return {}
