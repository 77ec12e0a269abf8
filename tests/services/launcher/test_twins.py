"""A list of real devices with simulated twins in their places."""

from bec_kernel.device_list import checked
from bec_sim.twins import twins

SIM = "bec_sim"
AXIS = "bec_services.device_server.hardware.axes.PseudoAxis"


def listed(**classes):
    found = {}
    for name, path in classes.items():
        config = {"device": name.partition("_")[0], "axis": "gap"}
        found[name] = {"deviceClass": path, "readoutPriority": "baseline"}
        if path == AXIS:
            found[name]["deviceConfig"] = config
    return checked(found)


def test_an_axis_of_a_simulated_device_stays_and_one_of_a_real_one_is_a_motor():
    devices = listed(
        slit=f"{SIM}.SimSlit", slit_gap=AXIS, mono="site.Mono", mono_energy=AXIS
    )
    found, warnings = twins(devices)
    assert found["slit_gap"] == devices["slit_gap"]
    assert found["mono_energy"].deviceClass == f"{SIM}.SimPositioner"
    assert found["mono_energy"].deviceConfig == {}
    assert warnings == []
