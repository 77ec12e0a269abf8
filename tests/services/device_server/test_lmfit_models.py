"""A simulated monitor takes any lmfit model of one variable."""

import numpy as np
import pytest
from lmfit import lineshapes

from bec_services.device_server.clock import VirtualClock
from bec_sim import SimMonitor, SimPositioner
from bec_sim.devices.detectors.models import SignalModel, all_names


@pytest.mark.parametrize("name", all_names())
def test_every_model_gives_a_number_at_a_position_and_an_array_at_many(name):
    model = SignalModel(name)
    assert np.isfinite(model(0.5))
    assert np.shape(model(np.linspace(0.1, 1, 5))) == (5,)


def test_a_monitor_sees_a_voigt_peak_of_its_motor():
    clock, devices = VirtualClock(), {}
    devices["samx"] = SimPositioner(name="samx", clock=clock, delay=0)
    det = SimMonitor(
        name="det",
        clock=clock,
        devices=devices,
        model="VoigtModel",
        params={"amplitude": 50.0, "center": 1.0, "sigma": 0.5},
        noise="none",
    )
    devices["samx"].set(1.25)
    det.trigger()
    gamma = det.sim.params.get("gamma", 0.5)
    wanted = lineshapes.voigt(1.25, 50.0, 1.0, 0.5, gamma)
    assert det.read()["det"]["value"] == pytest.approx(wanted)


def test_a_model_nobody_has_is_refused_with_those_there_are():
    with pytest.raises(ValueError, match="VoigtModel"):
        SignalModel("SincModel")
