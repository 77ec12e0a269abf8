"""Class paths that stand in device lists of users keep working after a move."""

import importlib

import pytest

from bec_kernel.device_list import DeviceSpec, check_classes, checked, current_path
from bec_services.device_server import check
from bec_sim.twins import twins

SIM = "bec_services.device_server.sim"
SERVER = "bec_services.device_server"
BY_MODULE = {
    "asynchronous": ("SimAsyncGauss", "SimAsyncMonitor"),
    "camera": ("SimCamera", "SimWaveform"),
    "computed": ("ComputedSignal",),
    "detector": ("SimDetector",),
    "device": ("SimDevice", "SimSignal"),
    "machine": ("SimRing", "SimShutter", "SimTemperature"),
    "monitor": ("SimMonitor",),
    "plain": ("SimGroup", "SimReadOnly", "SimValue"),
    "positioner": ("SimPositioner", "SimReadback"),
    "pseudo": ("SimAxis", "SimMonochromator", "SimPseudo", "SimSlit"),
    "streaming": ("SimAsyncCounter", "SimFlyer"),
}
OF_THE_PACKAGE = (
    *("SimAsyncCounter", "SimAsyncGauss", "SimAsyncMonitor", "SimCamera", "SimFlyer"),
    *("SimMonitor", "SimMonochromator", "SimPositioner", "SimRing", "SimShutter"),
    *("SimSlit", "SimTemperature", "SimWaveform"),
)
OLD_SIMULATED = [f"{SIM}.{name}" for name in OF_THE_PACKAGE] + [
    f"{SIM}.{module}.{name}" for module, names in BY_MODULE.items() for name in names
]
OLD_HARDWARE = [
    f"{SERVER}.axes.PseudoAxis",
    *(f"{SERVER}.epics.{name}" for name in ("EpicsCamera", "EpicsCounter")),
    f"{SERVER}.epics.EpicsScaler",
    f"{SERVER}.tcp_controller.TcpAxis",
]
USABLE = [  # what takes the least `deviceConfig`
    *(f"{SIM}.SimPositioner", f"{SIM}.positioner.SimPositioner"),
    *(f"{SIM}.plain.SimValue", f"{SIM}.computed.ComputedSignal"),
]


def spec(path, **config):
    return DeviceSpec(deviceClass=path, deviceConfig=config, readoutPriority="baseline")


@pytest.mark.parametrize("old", OLD_SIMULATED + OLD_HARDWARE)
def test_an_old_path_is_allowed_and_names_the_class_where_it_is_now(old):
    check_classes({"one": spec(old)})
    module, _, name = current_path(old).rpartition(".")
    kind = getattr(importlib.import_module(module), name)
    assert kind.__name__ == name


@pytest.mark.parametrize("old", OLD_SIMULATED)
def test_an_old_simulated_class_has_its_path_in_the_package_now(old):
    assert current_path(old) == f"bec_sim.{old.rpartition('.')[2]}"


@pytest.mark.parametrize("old", OLD_SIMULATED)
def test_an_old_simulated_class_is_its_own_twin(old):
    devices = {"one": spec(old)}
    assert twins(devices) == (devices, [])


@pytest.mark.parametrize("old", USABLE)
def test_check_builds_a_device_of_an_old_path(old):
    assert list(check.problems({"one": spec(old)})) == []


def test_check_says_what_a_device_of_an_old_path_refuses():
    (problem,) = check.problems({"one": spec(USABLE[0], velocity="fast")})
    assert "one cannot be built" in problem


def test_an_axis_of_an_old_simulated_slit_is_simulated_too():
    axis = {
        "deviceClass": f"{SERVER}.axes.PseudoAxis",
        "deviceConfig": {"device": "slit", "axis": "gap"},
        "readoutPriority": "baseline",
        "needs": ["slit"],
    }
    slit = {"deviceClass": f"{SIM}.SimSlit", "readoutPriority": "baseline"}
    devices = checked({"slit": slit, "slit_gap": axis})
    assert twins(devices) == (devices, [])
    assert list(check.problems(devices)) == []
