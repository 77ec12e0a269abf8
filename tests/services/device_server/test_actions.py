"""What a step does to the devices, on a clock of its own."""

import threading

import pytest

from bec_kernel.errors import DeviceError
from bec_kernel.wire import AnswerStatus, Condition, StepKind, StepRequest
from bec_services.device_server.steps.actions import Actions
from bec_services.device_server.values.publisher import Values
from bec_sim import SimFlyer, SimPositioner
from tests.services.device_server.beamline import Beamline, Flaky, hold


@pytest.fixture
def beamline():
    return Beamline()


def test_a_point_moves_settles_exposes_and_reads(beamline):
    outcome = beamline.do(
        set={"samx": 2.0, "samy": -3.0}, settle=0.5, exposure=0.25, settle_after=1.0
    )
    assert outcome.status is AnswerStatus.OK
    start = beamline.clock.start
    assert (outcome.begin - start, outcome.end - start) == pytest.approx((3.5, 3.75))
    assert beamline.clock.monotonic() == pytest.approx(4.75)
    assert outcome.data["samx"]["samx"].value == 2.0
    assert outcome.data["samy"]["samy"].value == -3.0
    assert "det" in outcome.data["det"]


def test_a_point_says_where_its_time_went(beamline):
    start = beamline.clock.time()
    outcome = beamline.do(
        set={"samx": 2.0, "samy": -3.0}, settle=0.5, exposure=0.25, settle_after=1.0
    )
    times = outcome.times
    assert times.start == start
    parts = (times.move, times.settle, times.trigger, times.read)
    assert parts == pytest.approx((3.0, 1.5, 0.25, 0.0))
    assert times.end == pytest.approx(beamline.clock.time())


def test_an_exposure_lasts_its_time_also_where_nothing_is_triggered(beamline):
    beamline.meet("samx", "samy")
    outcome = beamline.do(set={"samx": 2.0}, exposure=3.0)
    assert outcome.end - outcome.begin == pytest.approx(3.0)
    assert set(outcome.data) == {"samx", "samy"}
    beamline.meet()  # no device at all
    outcome = beamline.do(exposure=3.0)
    assert outcome.end - outcome.begin == pytest.approx(3.0)
    assert outcome.data == {}


@pytest.mark.parametrize("kind", [StepKind.MOVE, StepKind.POINT])
def test_a_stop_during_a_move_stops_all_and_has_not_arrived(beamline, kind):
    beamline.later(2, beamline.held["samy"].stop)
    outcome = beamline.do(kind, set={"samx": 5.0, "samy": 5.0})
    assert outcome.status is AnswerStatus.STOPPED
    assert "samy was stopped" in outcome.problem.message
    assert beamline.at("samy") == pytest.approx(2)
    assert outcome.data == {}


def test_a_stop_event_stops_what_moves(beamline):
    beamline.later(2, beamline.stop.set)
    outcome = beamline.do(StepKind.MOVE, set={"samx": 5.0, "samy": 5.0})
    assert outcome.status is AnswerStatus.STOPPED
    assert beamline.at("samx") == beamline.at("samy") == pytest.approx(2)
    assert not beamline.held["samx"].device.moving


@pytest.mark.parametrize("phase", ["settle", "exposure", "settle_after"])
def test_a_stop_event_ends_every_wait(beamline, phase):
    beamline.later(3, beamline.stop.set)
    outcome = beamline.do(**{phase: 100.0})
    assert outcome.status is AnswerStatus.STOPPED
    assert beamline.clock.monotonic() == pytest.approx(3)


def test_a_stop_that_comes_while_a_move_begins_is_not_overlooked(beamline):
    samx, samy = beamline.held["samx"], beamline.held["samy"]
    begin = samy.device.set

    def set_late(position):
        samx.stop()  # told, and at rest, before this one moves
        return begin(position)

    samy.device.set = set_late
    outcome = beamline.do(StepKind.MOVE, set={"samx": 5.0, "samy": 5.0})
    assert outcome.status is AnswerStatus.STOPPED
    assert beamline.at("samx") == beamline.at("samy") == 0


def test_a_motor_that_says_success_when_stopped_has_not_arrived(beamline):
    samx = beamline.held["samx"]
    samx.device.stop = lambda: SimPositioner.stop(samx.device, success=True)
    beamline.later(1, samx.stop)
    outcome = beamline.do(StepKind.MOVE, set={"samx": 5.0})
    assert outcome.status is AnswerStatus.STOPPED


def test_a_device_that_refuses_is_named_and_the_others_stand(beamline):
    with pytest.raises(DeviceError, match=r"samy refuses 99: .*limits") as error:
        beamline.do(StepKind.MOVE, set={"samx": 5.0, "samy": 99.0})
    assert error.value.subject == "samy"
    assert not beamline.held["samx"].device.moving
    assert beamline.at("samx") == 0


def test_a_trigger_that_fails_names_its_device(beamline):
    def trigger():
        raise RuntimeError("no beam")

    beamline.det.trigger = trigger
    with pytest.raises(DeviceError, match="det cannot be triggered: no beam"):
        beamline.do()


def test_a_move_that_never_ends_is_told_by_name(beamline):
    samx = beamline.held["samx"].device
    samx.velocity.put(0.001)
    with pytest.raises(DeviceError, match="samx not done after 600 s"):
        beamline.do(StepKind.MOVE, set={"samx": 5.0})
    assert not samx.moving


@pytest.mark.parametrize(
    ("on_failure", "failures", "good"),
    [("raise", 0, True), ("raise", 1, False), ("retry", 1, True), ("retry", 2, False)],
)
def test_a_reading_that_fails_is_tried_again_where_that_is_wished(
    beamline, on_failure, failures, good
):
    beamline.held["flaky"] = hold(Flaky(failures), onFailure=on_failure)
    beamline.meet("flaky")
    if good:
        outcome = beamline.do(StepKind.READ, devices=["flaky"])
        assert outcome.data["flaky"]["flaky"].value == 1.0
    else:
        with pytest.raises(DeviceError, match="flaky cannot be read: no answer"):
            beamline.do(StepKind.READ, devices=["flaky"])


def test_unstaging_goes_on_behind_a_device_that_fails(beamline):
    done = []

    def fail():
        raise OSError("stuck")

    beamline.held["samx"].device.unstage = fail
    beamline.det.unstage = lambda: done.append("det")
    with pytest.raises(DeviceError, match="samx cannot be unstaged: stuck"):
        beamline.do(StepKind.UNSTAGE, devices=["samx", "det"])
    assert done == ["det"]


def test_one_that_cannot_be_stopped_does_not_keep_the_others_moving(beamline):
    def fail():
        raise OSError("gone")

    beamline.held["samx"].device.stop = fail
    beamline.later(1, beamline.actions.stop_now)
    outcome = beamline.do(StepKind.MOVE, set={"samx": 3.0, "samy": 30.0})
    assert outcome.status is AnswerStatus.STOPPED
    assert beamline.at("samy") == pytest.approx(1)


class Hanging:
    """A device that does not answer until it is let go."""

    def __init__(self):
        self.name = "hanging"
        self.asked = threading.Event()
        self.free = threading.Event()

    def hang(self, *_):
        self.asked.set()
        self.free.wait(10)

    set = stop = trigger = read = hang


def test_one_that_hangs_in_its_stop_keeps_neither_the_caller_nor_the_others(beamline):
    hanging = Hanging()
    names = [*beamline.held, "hanging"]
    beamline.held = {"hanging": hold(hanging), **beamline.held}
    beamline.meet(*names)
    beamline.actions._busy = list(beamline.held.values())
    beamline.held["samx"].set(5)
    beamline.actions.stop_now()
    assert not beamline.held["samx"].device.moving
    assert hanging.asked.wait(5)
    first = beamline.held["hanging"].link.halting
    beamline.actions.stop_now()
    assert beamline.held["hanging"].link.halting is first  # it is not told again
    assert beamline.held["hanging"].stopped == 2
    hanging.free.set()


def test_a_device_that_left_the_list_ends_the_scan_but_not_its_clean_up(beamline):
    beamline.meet(*beamline.held, "old")
    with pytest.raises(DeviceError, match="old is not in the device list any more"):
        beamline.do()
    for kind in (StepKind.OPEN, StepKind.UNSTAGE, StepKind.CLOSE):
        outcome = beamline.do(kind, devices=["old", "det"])
        assert outcome.status is AnswerStatus.OK


def test_a_scan_of_no_device_takes_its_points(beamline):
    actions = Actions({}, beamline.clock, Values("main", {}))
    outcome = actions.do(
        StepRequest(kind=StepKind.POINT, exposure=2.0),
        beamline.stop,
    )
    assert outcome.status is AnswerStatus.OK
    assert beamline.clock.monotonic() == 2.0


# --- motors on their way while something else is done --------------------------------
def passing(above):
    return {"set": {"samx": 10.0}, "until": Condition(device="samx", above=above)}


def test_a_motor_goes_on_between_a_wait_and_the_next(beamline):
    for place in (2.0, 4.0):
        outcome = beamline.do(StepKind.WAIT, **passing(place))
        assert outcome.status is AnswerStatus.OK
        assert outcome.value is None
        assert place < beamline.at("samx") < place + 0.2
        assert beamline.held["samx"].device.moving
    assert beamline.do(StepKind.MOVE, set={"samx": 10.0}).status is AnswerStatus.OK
    assert beamline.at("samx") == pytest.approx(10)
    assert beamline.clock.monotonic() == pytest.approx(10)


def test_a_wait_ends_with_the_way_and_says_so(beamline):
    outcome = beamline.do(StepKind.WAIT, **passing(99.0))
    assert (outcome.status, outcome.value) == (AnswerStatus.OK, "arrived")
    assert beamline.at("samx") == pytest.approx(10)


def test_who_waits_for_nothing_is_told_how_long_the_scan_is_open(beamline):
    beamline.do(StepKind.OPEN)
    beamline.do(StepKind.MOVE, set={"samx": 3.0})
    assert beamline.do(StepKind.WAIT).value == pytest.approx(3.0)
    assert beamline.do(StepKind.WAIT, at=5.0).value == pytest.approx(5.0)


def test_a_stop_between_two_waits_stops_what_is_on_its_way(beamline):
    beamline.do(StepKind.WAIT, **passing(2.0))
    beamline.actions.stop_now()
    assert not beamline.held["samx"].device.moving
    beamline.do(StepKind.WAIT, **passing(4.0))  # it is sent again, from where it is
    assert beamline.at("samx") == pytest.approx(4, abs=0.2)


def test_nothing_is_on_its_way_when_the_devices_are_unstaged(beamline):
    beamline.do(StepKind.WAIT, **passing(2.0))
    beamline.do(StepKind.UNSTAGE, devices=["samx"])
    assert not beamline.held["samx"].device.moving


def test_a_motor_that_is_stopped_on_its_way_has_not_passed(beamline):
    beamline.later(3, beamline.held["samx"].stop)
    outcome = beamline.do(StepKind.WAIT, **passing(5.0))
    assert outcome.status is AnswerStatus.STOPPED


# --- flights -------------------------------------------------------------------------
def test_a_flyer_is_told_how_to_fly_kicked_off_and_waited_for(beamline):
    flyer = SimFlyer(name="flyer", clock=beamline.clock)
    beamline.held["flyer"] = hold(flyer)
    beamline.meet(*beamline.held)
    plan = {"start": 0.0, "end": 2.0, "num": 4, "exposure": 0.5}
    kicked = beamline.do(StepKind.KICKOFF, devices=["flyer"], data=plan)
    assert kicked.status is AnswerStatus.OK
    assert beamline.do(StepKind.COMPLETE, devices=["flyer"]).status is AnswerStatus.OK
    assert beamline.clock.monotonic() == pytest.approx(2)
    taken = [event["data"]["flyer_position"] for event in flyer.collect()]
    assert taken == pytest.approx([0.25, 0.75, 1.25, 1.75])


def test_a_flight_is_stopped_with_its_scan(beamline):
    flyer = SimFlyer(name="flyer", clock=beamline.clock)
    beamline.held["flyer"] = hold(flyer)
    beamline.meet(*beamline.held)
    beamline.do(StepKind.KICKOFF, devices=["flyer"], data={"num": 100})
    beamline.later(0.3, beamline.stop.set)
    done = beamline.do(StepKind.COMPLETE, devices=["flyer"])
    assert done.status is AnswerStatus.STOPPED


def test_what_cannot_fly_says_so(beamline):
    with pytest.raises(DeviceError, match="samx cannot fly"):
        beamline.do(StepKind.KICKOFF, devices=["samx"], data={"num": 1})
