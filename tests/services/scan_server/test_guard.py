"""The guard accepts what can run, and refuses the rest in the asker's words."""

import pytest

from bec_kernel.errors import RefusedError
from bec_kernel.wire import Device, DeviceValue, Problem, Reading, ScanRequest
from bec_services.scan_server.assembler import Catalogue
from bec_services.scan_server.guard import MAX_POINTS, Beamline, accept, bound_of
from bec_services.scan_server.scans import (
    Acquire,
    GridScan,
    LineScan,
    ListScan,
    Move,
)

CATALOGUE = Catalogue([Acquire, GridScan, LineScan, ListScan, Move])
NOW = 1000.0


def device(name, **more):
    return Device(name=name, server="main", device_class="sim.Motor", **more)


def motor(name, **more):
    more = {"positioner": True, "limits": (-10.0, 10.0)} | more
    return device(name, readout_priority="baseline", **more)


def at(name, position):
    return DeviceValue(readings={name: Reading(position, NOW)})


DEVICES = [
    motor("samx"),
    motor("samy"),
    motor("free", limits=None),
    motor("off", enabled=False, positioner=False),
    motor("fixed", read_only=True),
    motor(
        "away",
        connected=False,
        problem=Problem(kind="DeviceError", message="away did not connect within 5 s"),
    ),
    device("bpm", software_trigger=True),
    device("dead", connected=False),
]
BEAMLINE = Beamline(
    devices={one.name: one for one in DEVICES},
    values={"samx": at("samx", 8.0), "samy": at("samy", 0.0)},
)


def ask(name, *args, beamline=BEAMLINE, deadline=0.0, queue="primary", **kwargs):
    request = ScanRequest(
        request_id="r1",
        name=name,
        args=list(args),
        kwargs=kwargs,
        deadline=deadline,
        queue=queue,
    )
    return accept(CATALOGUE, beamline, request, "ada", NOW)


def refused(name, *args, **kwargs):
    with pytest.raises(RefusedError) as error:
        ask(name, *args, **kwargs)
    return str(error.value)


def test_the_first_entry_freezes_all_the_scan_depends_on():
    accepted = ask("ascan", "samx", -1, 1, steps=3, fit="Gaussian")
    begin = accepted.begin
    assert begin.motors == ["samx"]
    assert begin.monitored == ["samx", "bpm"]
    assert begin.triggered == ["bpm"]
    assert begin.baseline == ["fixed", "free", "samy"]
    assert begin.shape == [3]
    assert begin.fit == "Gaussian"
    assert set(begin.servers.values()) == {"main"}
    assert bound_of(begin) == accepted.bound
    assert accepted.devices == ["bpm", "samx"]


def test_a_move_needs_its_motors_only():
    accepted = ask("mv", "samx", 1, "samy", 2)
    assert accepted.devices == ["samx", "samy"]
    assert accepted.begin.monitored == accepted.begin.baseline == []


def test_an_acquisition_needs_no_motor_and_no_detector():
    nothing = Beamline(devices={"samx": motor("samx")})
    accepted = ask("acquire", beamline=nothing)
    assert accepted.devices == []
    assert accepted.begin.shape == [1]


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("bpm", "bpm cannot be moved: it is a Motor"),
        ("off", "off is disabled"),
        ("fixed", "fixed is read-only"),
        ("away", "away is not connected: away did not connect within 5 s"),
        ("dead", "dead is not connected"),
    ],
)
def test_what_cannot_be_moved_is_said_with_a_motor_that_can(name, said):
    told = refused("mv", name, 1)
    assert told.startswith(said)
    assert "the nearest motor is" in told


def test_every_position_of_the_path_must_be_within_the_limits():
    told = refused("list_scan", "samx", [0, 3, 11, 0])
    assert told == "samx cannot go to 11 at point 2: its limits are -10 and 10"
    assert "samy cannot go to 11:" in refused("mv", "samx", 1, "samy", 11)
    ask("line_scan", "samx", -10, 10, steps=5)
    ask("mv", "free", 1e9)


def test_a_relative_path_counts_from_where_the_motor_is():
    ask("line_scan", "samx", -1, 2, steps=4, relative=True)
    assert "samx cannot go to 11 " in refused(
        "line_scan", "samx", 0, 3, steps=4, relative=True
    )


def test_a_relative_path_of_a_motor_that_is_nowhere_is_refused():
    assert "free has not told where it is" in refused("mv", "free", 1, relative=True)


def test_too_many_points_are_refused_without_counting_them_all():
    points = f"more than {MAX_POINTS} points"
    assert points in refused("line_scan", "samx", 0, 1, steps=10**15)
    assert points in refused("acquire", burst_at_each_point=MAX_POINTS + 1)
    wide = ["samx", 0, 1, 10**9, "samy", 0, 1, 10**9]
    assert points in refused("grid_scan", *wide)


def test_a_request_that_comes_too_late_is_not_run():
    ask("acquire", deadline=NOW)
    assert "2.0 s too late" in refused("acquire", deadline=NOW - 2)


@pytest.mark.parametrize("queue", ["", "a/b", "*", "a b", "x" * 65])
def test_what_is_no_name_for_a_queue_is_refused(queue):
    assert "queue" in refused("acquire", queue=queue)


def test_before_devices_are_told_nothing_is_accepted():
    assert "no device server" in refused("acquire", beamline=Beamline())


def test_only_what_is_read_at_every_point_can_be_plotted():
    ask("acquire", signal="bpm")
    told = refused("acquire", signal="samy")
    assert told.startswith("samy is not read at every point")
    assert "bpm" in told
