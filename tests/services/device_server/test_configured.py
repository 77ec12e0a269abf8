"""How devices are set up: told once a scan, and never what the scan depends on."""

import threading

import numpy as np
import pytest

from bec_kernel.wire import AnswerStatus, StepKind
from bec_services.device_server.steps.config_snapshot import LARGEST, set_up_of
from tests.services.device_server.beamline import Beamline, Flaky, hold


@pytest.fixture
def beamline():
    return Beamline()


class Slow(Flaky):
    """A device that does not say how it is set up until it is let go."""

    def __init__(self):
        super().__init__(0)
        self.name = "slow"
        self.free = threading.Event()

    def read(self):
        return {"slow": super().read()["flaky"]}

    def read_configuration(self):
        self.free.wait(10)
        return {}


def test_how_a_device_is_set_up_is_told_as_it_was_staged(beamline):
    outcome = beamline.do(StepKind.STAGE, devices=["samx", "det"], exposure=0.25)
    told = {
        n: one.value for r in outcome.configuration.values() for n, one in r.items()
    }
    wanted = {"samx_velocity": 1, "samx_acceleration": 0, "det_exposure_time": 0.25}
    assert told == wanted
    units = {"det_exposure_time": "s", "samx_velocity": "mm/s"}
    assert outcome.configuration_units == units | {"samx_acceleration": "mm/s^2"}
    assert not outcome.configuration_gaps


def test_a_baseline_tells_how_its_devices_are_set_up(beamline):
    outcome = beamline.do(StepKind.BASELINE, devices=["samy"])
    assert outcome.configuration["samy"]["samy_velocity"].value == 1
    assert beamline.do(StepKind.READ, devices=["samy"]).configuration == {}


def test_a_device_that_does_not_tell_how_it_is_set_up_takes_part(beamline):
    def fail():
        raise OSError("no answer")

    beamline.det.read_configuration = fail
    outcome = beamline.do(StepKind.STAGE, devices=["samx", "det"])
    assert outcome.status is AnswerStatus.OK
    assert set(outcome.configuration) == {"samx"}
    (lacks,) = outcome.configuration_gaps
    assert lacks.startswith("the scan does not know how det was set up: ")
    assert lacks.endswith("cannot be read: no answer")


def test_a_unit_that_is_not_told_costs_no_value(beamline):
    def fail():
        raise OSError("no answer")

    beamline.det.describe_configuration = fail
    outcome = beamline.do(StepKind.STAGE, devices=["det"])
    assert "det_exposure_time" in outcome.configuration["det"]
    assert outcome.configuration_units == {}


@pytest.mark.parametrize("value", [object(), np.zeros(LARGEST, np.uint8)])
def test_what_cannot_travel_is_left_out_of_how_a_device_is_set_up(beamline, value):
    beamline.det.exposure_time.show(value)
    set_up = set_up_of(beamline.held.values(), 5)
    assert set(set_up.readings) == {"samx", "samy"}
    assert "does not know det_exposure_time of det" in set_up.lacking[0]


def test_who_hangs_in_telling_how_it_is_set_up_can_still_be_read(beamline):
    slow = Slow()
    one = beamline.held["slow"] = hold(slow)
    beamline.meet("slow")
    set_up = set_up_of([one], 0.05)
    assert "slow did not answer within 0.05 s" in set_up.lacking[0]
    assert "slow still does not answer" in set_up_of([one], 5).lacking[0]
    data = beamline.do(StepKind.READ, devices=["slow"]).data
    assert data["slow"]["slow"].value == 1.0
    slow.free.set()
