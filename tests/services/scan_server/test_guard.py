"""The guard accepts what can run, and refuses the rest in the asker's words."""

import pytest

from bec_kernel.errors import RefusedError
from bec_kernel.wire import (
    Device,
    DeviceValue,
    Problem,
    Reading,
    ScanRequest,
    SignalDescription,
)
from bec_services.scan_server.accept.assembler import Catalogue
from bec_services.scan_server.accept.guard import accept, bound_of
from bec_services.scan_server.accept.limits import Beamline
from bec_services.scan_server.accept.rights import check_right
from bec_services.scan_server.program.scan import MAX_POINTS
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
    device("waves", readout_priority="async"),
    device("gauge", readout_priority="on_request"),
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
    assert begin.streaming == ["waves"]
    assert accepted.devices == ["bpm", "samx", "waves"]


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
    assert told.endswith("; motors that can be: free, samx, samy")


def test_every_position_of_the_path_must_be_within_the_limits():
    told = refused("list_scan", "samx", [0, 3, 11, 0])
    assert told == "samx cannot go to 11 at point 2: its limits are -10 and 10"
    assert "samy cannot go to 11:" in refused("mv", "samx", 1, "samy", 11)
    ask("line_scan", "samx", -10, 10, steps=5)
    ask("mv", "free", 1e9)


def test_limits_are_told_with_the_unit_the_motor_says():
    signals = [SignalDescription(name="energy", unit="keV")]
    energy = motor("energy", limits=(4.0, 30.0), signals=signals)
    told = refused("mv", "energy", 8000, beamline=Beamline(devices={"energy": energy}))
    assert told == "energy cannot go to 8000: its limits are 4 and 30 keV"


def test_a_relative_path_counts_from_where_the_motor_is():
    ask("line_scan", "samx", -1, 2, steps=4, relative=True)
    assert "samx cannot go to 11 " in refused(
        "line_scan", "samx", 0, 3, steps=4, relative=True
    )


def test_a_relative_path_of_a_motor_that_is_nowhere_is_refused():
    assert "free has not published its position" in refused(
        "mv", "free", 1, relative=True
    )


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


def test_a_scan_may_read_more_at_every_point_and_other_things_not_at_all():
    begin = ask("acquire", monitored=["gauge", "samy"], on_request=["bpm"]).begin
    assert begin.monitored == ["gauge", "samy"]
    assert begin.triggered == []
    assert begin.baseline == ["fixed", "free", "samx"]
    assert begin.streaming == ["waves"]
    assert begin.servers["gauge"] == "main"
    assert "bpm" not in begin.servers
    without = ask("acquire", on_request=["samx", "waves", "free"]).begin
    assert without.baseline == ["fixed", "samy"]
    assert without.streaming == []
    assert ask("acquire", monitored=["samy"], signal="samy").begin.monitored


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"monitored": ["off"]}, "monitored: off is disabled"),
        ({"monitored": ["away"]}, "monitored: away is not connected: away did not"),
        ({"monitored": ["nobody"]}, "no device 'nobody'"),
        ({"monitored": "bpm"}, "monitored: 'bpm' is not a list of devices"),
        ({"on_request": ["samx"]}, "on_request: samx is moved by this scan"),
        (
            {"on_request": ["gauge"], "monitored": ["gauge"]},
            "on_request: gauge is named as monitored, too",
        ),
    ],
)
def test_what_a_scan_cannot_read_is_named(options, said):
    assert said in refused("line_scan", "samx", 0, 1, steps=2, **options)


def test_a_scan_says_where_its_files_lie():
    begin = ask("acquire", file_suffix="cold_1", file_directory="ada/steel.2/").begin
    assert (begin.file_directory, begin.file_suffix) == ("ada/steel.2", "cold_1")
    ours = Catalogue([Acquire], account="p12345")
    request = ScanRequest(request_id="r1", name="acquire")
    assert accept(ours, BEAMLINE, request, "ada", NOW).begin.account == "p12345"


@pytest.mark.parametrize(
    "directory",
    [
        *("..", "../x", "a/../b", "a/..", "/etc", "a//b", ".hidden", "~", "a\\b"),
        *("a\0b", "a\n", "a b", "C:x", "ä", "x" * 65, "a/" * 9 + "a", "a/./b"),
    ],
)
def test_no_file_lies_outside_the_instances_folder(directory):
    told = refused("acquire", file_directory=directory)
    assert told.startswith("file_directory must be up to 8 folders")


@pytest.mark.parametrize("suffix", ["../x", "a/b", ".", "a b", "ä", "x" * 65, "a\n"])
def test_a_suffix_is_part_of_a_name(suffix):
    assert refused("acquire", file_suffix=suffix).startswith("file_suffix must be")


class Astray(LineScan):
    """Go where nobody asked for."""

    name = "astray"

    def positions(self, bound):
        yield from super().positions(bound)
        yield {"samx": float("nan"), "free": 0.0} if bound["relative"] else {"free": 0}


def test_a_sites_scan_goes_nowhere_but_to_a_finite_place_of_its_own_motors():
    def told(**options):
        request = ScanRequest(
            request_id="r1", name="astray", args=["samx", 0, 1], kwargs=options
        )
        with pytest.raises(RefusedError) as error:
            accept(Catalogue([Astray]), BEAMLINE, request, "ada", NOW)
        return str(error.value)

    assert told(steps=2) == "astray wants to move free, which it was not given"
    nowhere = "samx cannot go to nan at point 2: its limits are -10 and 10"
    assert told(steps=2, relative=True) == nowhere


def test_without_limits_a_place_is_finite_all_the_same():
    told = refused("line_scan", "free", -1.5e308, 1.5e308, steps=3)
    assert told == "free cannot go to nan at point 0: that is not a finite number"


def test_readings_that_are_no_number_give_no_relative_path():
    values = {"samx": at("samx", "moving")}
    odd = Beamline(devices=BEAMLINE.devices, values=values)
    assert "samx has not published its position" in refused(
        "mv", "samx", 1, relative=True, beamline=odd
    )


@pytest.mark.parametrize("user", ["ada", "bob", "eve", "carol"])
@pytest.mark.parametrize("owner", ["ada", "bob"])
def test_an_operator_acts_on_all_items_and_a_user_on_their_own(user, owner):
    roles = {"ada": "operator", "bob": "user", "eve": "user"}
    if user in ("ada", "carol") or user == owner:
        check_right(user, roles, owner, "abort line_scan")
        return
    with pytest.raises(RefusedError) as error:
        check_right(user, roles, owner, "abort line_scan")
    said = f"{user} may not abort line_scan: it is {owner}'s, and a user acts on"
    assert str(error.value).startswith(said)
    assert error.value.allowed == "operator"


def test_what_is_everybodys_is_the_operators():
    with pytest.raises(RefusedError, match="it is everybody's"):
        check_right("bob", {"bob": "user"}, "", "pause queue primary")
